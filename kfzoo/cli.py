"""`fit`, `validate`, `test` and `predict`: Lightning's command line, with the zoo's habits."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any

from jsonargparse import Namespace, set_parsing_settings
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.plugins.io import CheckpointIO
from lightning.pytorch.trainer import Trainer
from omegaconf.errors import OmegaConfBaseException

import kfzoo.short_names  # noqa: F401  so that configurations can use them
from kfzoo.configs import explained_settings, read_config
from kfzoo.data.datamodule import ZooDataModule
from kfzoo.environment_references import REFERENCES
from kfzoo.errors import InputError
from kfzoo.out_of_memory import explained_memory_errors
from kfzoo.parsing import one_line_error, unwrapped
from kfzoo.runs import RunFolder
from kfzoo.tasks import Task, task_of
from kfzoo.training.checkpoint import explained_restore_errors, read_checkpoint
from kfzoo.training.finite import StopWhenDiverged
from kfzoo.training.module import ZooModule
from kfzoo.training.resume import CheckpointFiles, LastCheckpoint, RandomState

set_parsing_settings(omegaconf_absolute_to_relative_paths=True)


class Parser(LightningArgumentParser):
    """Reports a wrong argument or key in one line, with the nearest right one."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raises `InputError` instead of printing the usage."""
        if not self.exit_on_error:
            super().error(message, ex)
        raise one_line_error(message, self) from ex

    def parse_path(self, cfg_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Parses a configuration file with its bases; an error names the file."""
        read_config(cfg_path)  # for its errors
        try:
            return super().parse_path(cfg_path, *args, **kwargs)
        except InputError as error:
            raise InputError(cfg_path, str(error)) from error

    def parse_string(self, content: str, path: Any = "", *args: Any, **kwargs: Any) -> Any:
        """Parses a file's content, merged with its bases; the working directory is the file's folder here."""
        return super().parse_string(json.dumps(read_config(path)) if path else content, path, *args, **kwargs)


class KfzooCLI(LightningCLI):
    """Runs one of the Trainer's commands in a run folder."""

    folder: RunFolder

    def __init__(self, open_until_the_end: ExitStack, command: str, *args: Any, **kwargs: Any) -> None:
        self.open = open_until_the_end
        self.command = command
        super().__init__(*args, **kwargs)

    def _add_subcommands(self, parser: LightningArgumentParser, **kwargs: Any) -> None:
        """Adds the command that runs, and no other: each costs a parser of all the Trainer's arguments."""
        arguments = {self.command: self.subcommands()[self.command]}
        self.subcommands = lambda: arguments  # type: ignore[method-assign]
        super()._add_subcommands(parser, **kwargs)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the zoo's arguments to Lightning's own."""
        parser.add_argument("--run_dir", type=str, required=True, help="Folder of the run: checkpoints, logs, results.")
        parser.add_argument(
            "--checkpoint_every_n_steps", type=int, default=50, help="Steps between two saves of last.ckpt in an epoch."
        )
        parser.add_argument(
            "--evaluator",
            type=str,
            default="",
            help="Run folder or checkpoint of a learned evaluator, for R-Precision, MMD and embedding FID.",
        )
        parser.add_argument(
            "--formats",
            type=str,
            default="",
            help="Files that predict writes of each script or clip: csv,json,png,html.",
        )

    def _parse_ckpt_path(self) -> None:
        """Leaves the configuration alone: Lightning would let the checkpoint override what the user typed."""

    @property
    def settings(self) -> Namespace:
        """The parsed arguments of the chosen command."""
        settings: Namespace = self.config[self.subcommand]
        return settings

    def _set_seed(self) -> None:
        """Seeds all generators.

        Raises:
            InputError: For a seed that NumPy does not take.
        """
        seed = self.settings.seed_everything
        if not isinstance(seed, bool) and seed is not None and not 0 <= int(seed) < 2**32:
            raise InputError("seed_everything", f"is {seed}, expected 0 to {2**32 - 1}", "choose another seed")
        super()._set_seed()

    def before_instantiate_classes(self) -> None:
        """Opens the run folder, and locks it until the command ends."""
        if not isinstance(self.settings.trainer, Namespace):
            raise InputError("trainer", f"is {self.settings.trainer!r}", "expected its settings by name")
        if not str(self.settings.run_dir).strip():
            raise InputError("run_dir", "is empty", "name a folder for the run's files, such as runs/my_run")
        self.folder = RunFolder(self.settings.run_dir)
        if not (self._trial or self.subcommand == "validate"):
            self.open.enter_context(self.folder.locked())

    def instantiate_classes(self) -> None:
        """Builds model, data and trainer; whatever their constructors raise is reported in one line."""
        with explained_settings("configuration"):
            super().instantiate_classes()

    @property
    def _trial(self) -> bool:
        return bool(self.settings.trainer.fast_dev_run)

    @property
    def _resumable(self) -> bool:
        """Whether a second start of the command continues the first."""
        restarts = self.subcommand == "validate" or (self.subcommand == "fit" and self.settings.ckpt_path)
        return not (restarts or self._trial)

    def plain_config(self) -> dict[str, Any]:
        """Returns the resolved configuration as plain values."""
        self._dump_config()
        plain: dict[str, Any] = deepcopy(self.config_dump)
        return plain

    def saved_config(self) -> dict[str, Any]:
        """Returns the configuration as files have it: references in place of what the environment holds."""
        return REFERENCES.kept(self.plain_config(), self.subcommand or "")

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        folder = self.folder
        self.model.references = self.saved_config()["model"].get("init_args", {})
        name, mode = self.model.monitor
        own: list[Callback] = [
            StopWhenDiverged(folder.last),
            RandomState(),
            *self._task.callbacks(folder, self.saved_config(), self.settings.evaluator, self.settings.formats),
            ModelCheckpoint(folder.path, filename="best", monitor=name, mode=mode, enable_version_counter=False),
            LastCheckpoint(folder.last, self.settings.checkpoint_every_n_steps),
        ]
        config = config | {"default_root_dir": config.get("default_root_dir") or str(folder.path)}
        if config.get("logger") in (None, True) and self.subcommand == "fit":
            config["logger"] = [
                TensorBoardLogger(folder.path, name="tensorboard"),
                CSVLogger(folder.path, name="csv"),
            ]
        elif config.get("logger") is None:
            config["logger"] = False
        plugins = config.get("plugins") or []
        plugins = [*plugins] if isinstance(plugins, list) else [plugins]
        if not any(isinstance(each, CheckpointIO) for each in plugins):
            plugins.append(CheckpointFiles())
        config["plugins"] = plugins
        try:
            trainer: Trainer = super()._instantiate_trainer(config, [*callbacks, *own])
        except (MisconfigurationException, ValueError, TypeError) as error:  # of a value that Lightning refuses
            raise InputError("trainer", " ".join(str(error).split()), "see --help") from error
        return trainer

    @property
    def _task(self) -> Task:
        return task_of(self.model, self.datamodule)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """Reads checkpoints without running code from them, also where Lightning itself reads."""
        arguments: dict[str, Any] = super()._prepare_subcommand_kwargs(subcommand)
        if arguments.get("ckpt_path"):
            read_checkpoint(arguments["ckpt_path"])  # for its errors in one line; Lightning reads it again
        return arguments | {"weights_only": True}

    def _run_subcommand(self, subcommand: str) -> None:
        """Runs the command; reports insufficient memory, and how to continue an interrupted command.

        Raises:
            InputError: When the memory does not suffice.
            KeyboardInterrupt: When the user, or the system, stopped it.
        """
        try:
            with (
                explained_memory_errors(self.plain_config, self.model.batching_settings, self.trainer.global_rank),
                explained_restore_errors(lambda: self.config_init[subcommand].get("ckpt_path") or "checkpoint"),
            ):
                super()._run_subcommand(subcommand)
        except MisconfigurationException as error:  # what the trainer finds wrong with its settings when it starts
            raise InputError("trainer", " ".join(str(error).split()), "see --help") from error
        except SystemExit as stop:  # what Lightning makes of Ctrl-C and SIGTERM
            if not (self.trainer.interrupted and self.trainer.is_global_zero):
                raise
            if self._resumable:
                print(f"Interrupted. Continue with: python -m kfzoo {shlex.join(sys.argv[1:])}")
            raise KeyboardInterrupt from stop

    def before_fit(self) -> None:
        """Continues where an earlier start of the same run stopped."""
        if self._trial or self.settings.ckpt_path:
            return
        if self.trainer.is_global_zero:
            self.folder.begin(self.saved_config())
            self.folder.keep_split(self.datamodule.split_record())
        newest, damage = self.folder.newest(read_checkpoint)
        if newest is not None:
            if damage and self.trainer.is_global_zero:
                self.folder.replace_last()
            self.config_init.fit.ckpt_path = str(newest)
            _say(self.trainer, f"{damage}\nResuming from {newest}".strip())

    def after_fit(self) -> None:
        """Tests the checkpoint chosen on validation and prints where everything is."""
        chosen = None if self._trial else str(self.folder.checkpoint())
        self.trainer.test(self.model, datamodule=self.datamodule, ckpt_path=chosen, verbose=False, weights_only=True)
        _say(self.trainer, f"run        {self.folder.path}\ncheckpoint {chosen}")

    def before_test(self) -> None:
        """Takes the run's own checkpoint where none is given."""
        self._choose_checkpoint()

    before_validate = before_test
    before_predict = before_test

    def after_predict(self) -> None:
        """Prints where the answers are."""
        written = self._task.predictions
        if written and not self._trial:
            _say(self.trainer, f"predictions {written(self.folder)}")

    def _choose_checkpoint(self) -> None:
        settings = self.config_init[self.subcommand]
        if not settings.ckpt_path and not self._trial:
            settings.ckpt_path = str(self.folder.checkpoint())
        if self.subcommand == "predict":
            settings.return_predictions = False


def _say(trainer: Trainer, text: str) -> None:
    if trainer.is_global_zero:
        print(text)


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs one of the Trainer's commands.

    Args:
        command: fit, validate, test or predict.
        arguments: The arguments after it on the command line.

    Raises:
        InputError: For wrong arguments, configurations, data or checkpoints.
    """
    _quiet()
    REFERENCES.clear()
    before = sys.argv
    sys.argv = [sys.argv[0], command, *arguments]  # Lightning's launchers start further processes with it
    options = {"parser_mode": "omegaconf+", "allow_abbrev": False}
    try:
        with ExitStack() as stack, unwrapped(), _named_references():
            KfzooCLI(
                stack,
                command,
                ZooModule,
                ZooDataModule,
                parser_class=Parser,
                parser_kwargs=options | {"prog": "python -m kfzoo", command: dict(options)},
                subclass_mode_model=True,
                subclass_mode_data=True,
                save_config_callback=None,
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
                seed_everything_default=42,
                trainer_defaults={"use_distributed_sampler": False, "num_sanity_val_steps": 0, "log_every_n_steps": 10},
            )
    finally:
        sys.argv = before


@contextmanager
def _named_references() -> Iterator[None]:
    """Raises a `${reference}` that leads nowhere as `InputError`."""
    try:
        yield
    except OmegaConfBaseException as error:
        key = str(error.full_key or "configuration").partition(".")[2]
        raise InputError(key, str(error).splitlines()[0], "correct the ${reference}") from error


def _quiet() -> None:
    """Silences those of Lightning's messages that say nothing about this run."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # small data loads fastest in the main process
        ".*smaller than the logging interval.*",
        ".*`training_step` returned `None`.*",  # models without gradients
        ".*`configure_optimizers` returned `None`.*",
        ".*using a single-device strategy.*|.*recommended to use.*Trainer.devices=1.*",  # our samplers repeat nothing
        ".*exists and is not empty.*",
        ".*isinstance.treespec, LeafSpec.*",  # between Lightning and torch
        "(?s).*deprecated in v4.*",  # Lightning and jsonargparse
    ):
        warnings.filterwarnings("ignore", message)
