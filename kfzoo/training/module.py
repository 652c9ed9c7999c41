"""`ZooModule`: what models and evaluators share when they are trained, saved and loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

import kfzoo
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.datamodule import Kind
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.journal import AnswerJournal


class Monitor(NamedTuple):
    """The logged quantity that checkpoints are chosen by on the validation part, and which of its ends is good."""

    name: str
    mode: Literal["min", "max"]


class ZooModule(LightningModule):
    """Something that `fit` trains: a model of keyframes or clips, or a learned evaluator.

    Arguments of `__init__` are plain values, stored with `save_hyperparameters()`, so that a checkpoint loads with
    `weights_only=True`. Learning-rate schedules step by batch, so that a resumed run is the same run.

    Attributes:
        task: Name of its entry in `kfzoo.tasks.TASKS`: what is evaluated and written after training.
        reads: What its batches hold; the data module's `kind` must be the same.
        monitor: What checkpoints are chosen by.
        batching_settings: Hyper-parameters that change how much is computed at once, and never what is answered, each
            with the value that needs the least memory.
        train_mean: (61,) mean of the training part; zero before `fit`.
        train_std: (61,) standard deviation of the training part.
        image_size: Side in pixels of the images in its batches; None for models that read no images.
        journal: Answers of earlier starts, while a `test` or `predict` runs that can be resumed.
        references: Arguments as the configuration has them, with `${oc.env:…}` where the environment gave the value.
        provenance: What it was trained on: `annotation`, and the hashes `data` and `split`; empty before `fit`.
    """

    task: ClassVar[str]
    reads: ClassVar[Kind] = "keyframes"
    monitor: ClassVar[Monitor]
    batching_settings: ClassVar[Mapping[str, int]] = {}
    image_size: int | None = None
    journal: AnswerJournal[Any, Any] | None = None
    references: Mapping[str, Any] = MappingProxyType({})
    train_mean: Tensor
    train_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("train_mean", torch.zeros(len(CHANNELS)))
        self.register_buffer("train_std", torch.zeros(len(CHANNELS)))
        self.provenance: dict[str, str] = {}

    @property
    def hparams_initial(self) -> Any:
        """The hyper-parameters that loggers write."""
        found = super().hparams_initial
        found.update(self._references_in(found))
        return found

    def _references_in(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Returns the texts among settings that the environment gave, as references to it."""
        return {
            name: text
            for name, text in self.references.items()
            if isinstance(settings.get(name), str) and isinstance(text, str) and "${oc.env:" in text
        }

    @classmethod
    def current_settings(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a checkpoint's hyper-parameters by their names in this version; override it where one was renamed."""
        return dict(stored)

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Learns what must be known of the training part before the first batch; called once at the start of `fit`.

        Args:
            samples: The training part.
            statistics: Its moments.
        """

    def collate(self, samples: Sequence[Sample]) -> KeyframeBatch:
        """Collects samples into a batch, in the loader's workers; override it to tokenise there.

        Raises:
            InputError: For a keyframe without the image that is wanted.
        """
        return collate(samples, self.image_size)

    def setup(self, stage: str) -> None:
        """Checks the data module, and before `fit` reads the training part; rank 0 goes first and fills the caches.

        Raises:
            InputError: With a data module of another kind.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.check_data(data)
        if stage != "fit":
            return
        statistics: Statistics = data.statistics
        self.train_mean.copy_(statistics.mean)
        self.train_std.copy_(statistics.std)
        if not self.trainer.is_global_zero:
            self.trainer.strategy.barrier("prepare")
        self.prepare(data.samples("train"), statistics)
        if self.trainer.is_global_zero:
            self.trainer.strategy.barrier("prepare")
        self.provenance = {"annotation": data.annotation, "data": data.fingerprint, "split": data.split_digest}
        # Buffers are the same in all processes: DDP need not send them around, and ranks may take unequal steps.
        self._ddp_params_and_buffers_to_ignore = [name for name, _ in self.named_buffers()]

    def check_data(self, data: Any) -> None:
        """Checks that a data module gives what this module reads.

        Raises:
            InputError: When one is about clips and the other about keyframes.
        """
        if getattr(data, "kind", None) != self.reads:
            problem = f"{type(self).__name__} reads {self.reads}, which {type(data).__name__} does not give"
            raise InputError("data", problem, f"choose {self.reads.removesuffix('s').title()}DataModule")

    def total_steps(self) -> int:
        """Returns how many optimizer steps the whole run takes, for schedules.

        Lightning's `estimated_stepping_batches` returns the same, but builds the training loader before a checkpoint's
        loops are restored: a resumed run would then repeat the epoch's first batches.
        """
        trainer: Any = self.trainer
        batches = len(trainer.datamodule.train_dataloader())
        limit = trainer.limit_train_batches
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        steps: int = trainer.max_epochs * math.ceil(batches / trainer.accumulate_grad_batches)
        return steps if trainer.max_steps < 0 else min(steps, int(trainer.max_steps))

    def configure_optimizers(self) -> Any:
        """Returns none: a model without gradients needs none, and every other model overrides this."""
        return None

    def stored(self) -> dict[str, Tensor]:
        """Returns the tensors of a checkpoint; a module that builds on published frozen weights leaves those out."""
        return self.state_dict()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what the weights alone do not say: class, channel order, data, version."""
        checkpoint["state_dict"] = self.stored()
        if settings := checkpoint.get("hyper_parameters"):
            checkpoint["hyper_parameters"] = {**settings, **self._references_in(settings)}
        checkpoint["kfzoo"] = {
            "version": kfzoo.__version__,
            "class_path": f"{type(self).__module__}.{type(self).__qualname__}",
            "channels": list(CHANNELS),
            **self.provenance,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses a checkpoint of another class before any weight is read.

        Raises:
            InputError: When the checkpoint is of another class or channel order, or its weights have other names or
                shapes.
        """
        found = checkpoint.get("kfzoo", {})
        own = f"{type(self).__module__}.{type(self).__qualname__}"
        if found.get("class_path") != own:
            raise InputError(
                "checkpoint",
                f"is of {found.get('class_path', 'a model outside this zoo')}, expected {own}",
                "give the configuration that it was trained with",
            )
        if found["channels"] != list(CHANNELS):
            raise InputError("checkpoint", "has another order of channels", "train it again with this version")
        # What a checkpoint does not carry is in place already: the names are compared here, not by torch.
        self.strict_loading = False
        expected = self.stored()
        unknown = sorted(checkpoint["state_dict"].keys() - expected.keys())
        if unknown:
            problem = f"holds {unknown[0]} ({len(unknown)} such), which this {type(self).__name__} has no place for"
            raise InputError("checkpoint", problem, "give the configuration that it was trained with")
        for name, values in expected.items():
            stored = checkpoint["state_dict"].get(name)
            if stored is None or stored.shape != values.shape:
                shape = "is missing" if stored is None else f"is {tuple(stored.shape)}"
                raise InputError(
                    "checkpoint",
                    f"{name} {shape}, expected {tuple(values.shape)}",
                    "give the configuration that it was trained with",
                )
        self.provenance = {name: str(found[name]) for name in ("annotation", "data", "split") if name in found}
