"""The folder of a run: the paths of its files, and whether a run may be resumed in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kfzoo.class_paths import check_class_paths
from kfzoo.errors import InputError
from kfzoo.files import remove_leftovers, replacing
from kfzoo.locks import check_free, locked

if TYPE_CHECKING:
    from kfzoo.data.keyframe_datamodule import KeyframeDataModule

WHAT_MAKES_A_RUN = ("model", "data", "seed_everything")
"""Settings that must not change between the starts of one run; the others (epochs, devices, logging) may."""


class RunFolder:
    """The files of one run.

    Args:
        path: The folder, `run_dir` in a configuration.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lock = self.path / ".lock"
        self.config = self.path / "config.yaml"
        self.best = self.path / "best.ckpt"
        self.last = self.path / "last.ckpt"
        self.split = self.path / "split.json"
        self.results = self.path / "results.json"
        self.evaluator = self.path / "evaluator.json"
        self.faces = self.path / "faces.png"
        self.predictions = self.path / "predictions.jsonl"
        self.curves = self.path / "motion.png"
        self.clips = self.path / "predictions"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing into the folder, and removes what killed ones left half-written.

        Of the processes of one run, the first alone takes the lock.

        Raises:
            InputError: When another run writes there: its process and host.
        """
        if not _is_first_process():
            yield
            return
        made = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(self.path, problem, "choose a folder that can be written") from error
        try:
            with locked(self.path, self.lock):
                remove_leftovers(self.path)
                yield
        finally:
            if made:
                with suppress(OSError):  # it is not empty
                    self.path.rmdir()

    def begin(self, config: Mapping[str, Any]) -> None:
        """Opens the folder for training; a run that is there resumes from its last checkpoint.

        Args:
            config: The resolved configuration, plain values.

        Raises:
            InputError: When the folder holds a run of other settings, which would be lost.
        """
        if self.last.is_file():
            self._same_as(config)
        with replacing(self.config) as temporary:
            temporary.write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), encoding="utf-8")

    def keep_split(self, record: Mapping[str, Any]) -> None:
        """Writes which subjects or recordings are in which part."""
        with replacing(self.split) as temporary:
            temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _same_as(self, config: Mapping[str, Any]) -> None:
        try:
            before = yaml.safe_load(self.config.read_text(encoding="utf-8"))
            if not isinstance(before, dict):
                raise ValueError("holds no mapping")
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise InputError(self.config, "cannot be read", "give another --run_dir") from error
        for key in WHAT_MAKES_A_RUN:
            for place, old, new in _differences(before.get(key), config.get(key), key):
                raise InputError(
                    self.path,
                    f"holds a run with other settings ({place}: {old} there, {new} now)",
                    "give another --run_dir, or remove the folder to start again",
                )

    def newest(self, read: Callable[[Path], object]) -> tuple[Path | None, str]:
        """Returns the checkpoint from which a training continues.

        Args:
            read: Reads a checkpoint; raises `InputError` for one that cannot be used.

        Returns:
            The last one; where that is damaged, the one chosen on validation; None where nothing was trained. And what
            is wrong with the last one, or nothing.

        Raises:
            InputError: When none of them can be used.
        """
        if not self.last.is_file():
            return None, ""
        try:
            read(self.last)
        except InputError as error:
            if not self.best.is_file():
                raise
            try:
                read(self.best)
            except InputError:
                raise error from None
            return self.best, str(error)
        return self.last, ""

    def replace_last(self) -> None:
        """Puts the checkpoint that was chosen on validation in the place of a last one that is damaged."""
        with replacing(self.last) as temporary:
            shutil.copyfile(self.best, temporary)

    def checkpoint(self) -> Path:
        """Returns the checkpoint that was chosen on validation.

        Raises:
            InputError: When nothing was trained here yet.
        """
        for path in (self.best, self.last):
            if path.is_file():
                return path
        raise InputError(self.path, "holds no checkpoint", "run `fit` with this configuration, or give --ckpt_path")

    def data(self) -> KeyframeDataModule:
        """Builds the data module that the run was trained with; see `read_data`."""
        return read_data(self.config, written=True)


def refuse_in_use(arguments: Sequence[str]) -> None:
    """Checks that no other process writes into the run folder that a command names, before anything large is imported.

    Args:
        arguments: Of `fit`, `test` or `predict`. Where they do not say the folder plainly, nothing is checked.

    Raises:
        InputError: When another process writes there.
    """
    trial = any("fast_dev_run" in each or each.startswith("--print_config") for each in arguments)
    if _is_first_process() and not trial and (name := _run_dir(arguments)):
        folder = RunFolder(name)
        check_free(folder.path, folder.lock)


def _run_dir(arguments: Sequence[str]) -> str:
    from kfzoo.configs import read_config

    found: object = ""
    pairs = [each.partition("=")[::2] if "=" in each else (each, after) for each, after in pairwise([*arguments, ""])]
    for option, value in pairs:
        if option in ("--config", "-c") and Path(value).is_file():
            with suppress(InputError):  # it is reported when the command itself reads it
                found = read_config(value).get("run_dir", found)
    found = next((value for option, value in reversed(pairs) if option == "--run_dir"), found)
    return found if isinstance(found, str) and "${" not in found else ""


def _is_first_process() -> bool:
    """Whether this is the first of the processes that Lightning, torchrun or SLURM start for one run."""
    numbers = (os.environ.get(name, "0") for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
    return all(number == "0" for number in numbers)


def read_data(path: Path, folder: str = "", written: bool = False) -> KeyframeDataModule:
    """Builds the data module of a configuration.

    Args:
        path: A configuration (YAML) with a `data` section.
        folder: Replaces the `folder` of its source.
        written: Whether a run left it there; the classes in it are then checked, as the user did not name them.

    Raises:
        InputError: When the configuration is missing or damaged, its data are not keyframes, or it names classes that
            are not to be imported.
    """
    import kfzoo.short_names  # noqa: F401  so that the configuration can use them
    from kfzoo.configs import explained_settings, read_config
    from kfzoo.data.keyframe_datamodule import KeyframeDataModule
    from kfzoo.environment_references import with_environment
    from kfzoo.parsing import CommandParser

    parser = CommandParser()
    parser.add_subclass_arguments(KeyframeDataModule, "data")
    try:
        section = with_environment(path, read_config(path)["data"])
        source = section["init_args"]["source"]
        if folder:
            source.setdefault("init_args", {})["folder"] = folder
    except (KeyError, TypeError, AttributeError):
        raise InputError(path, "holds no `data` section with a source", "see configs/ for one that does") from None
    if written:
        check_class_paths(path, section)
    try:
        with explained_settings(path):
            built = parser.instantiate(parser.parse_object({"data": section}))
    except InputError as error:
        raise InputError(path, str(error).removeprefix(f"{path}: ")) from error
    data: KeyframeDataModule = built.data
    return data


def _differences(before: Any, now: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from _differences(before.get(key), now.get(key), f"{place}.{key}")
    elif before != now:
        yield place, before, now
