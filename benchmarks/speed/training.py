"""Training of the default model through `Trainer`, as `fit` sets it up, next to a bare PyTorch loop."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from benchmarks.page import prose
from benchmarks.speed.estimators import load
from benchmarks.timing import in_turn, speeds
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.models import KeyframeModule

TITLE = "Training the autoencoder"
TRAINER, BARE = "`Trainer`, as `fit` sets it up", "bare PyTorch loop"


def measure(scripts: int = 1000, epochs: int = 2, rounds: int = 9, changes: dict[str, str | int] | None = None) -> str:
    """Trains in both ways, in turn, and returns the table.

    Args:
        scripts: Number of built-in scripts; about one and a half times as many keyframes are trained on.
        epochs: Of each run.
        rounds: Runs of each way; one more is not counted.
        changes: Settings of the model that differ from `configs/aligned_autoencoder/builtin.yaml`.
    """
    data = KeyframeDataModule(BuiltinScripts(scripts), batch_size=64)
    torch.manual_seed(0)
    model = load("", "aligned_autoencoder-builtin", changes or {})
    with _own_folder() as folder:
        jobs = {TRAINER: partial(_with_trainer, model, data, epochs, folder), BARE: partial(_bare, model, data, epochs)}
        seconds = in_turn(jobs, rounds)  # the Trainer's first run, which is not counted, encodes the texts
    keyframes = len(data.samples("train"))
    text = f"""Settings of `configs/aligned_autoencoder/builtin.yaml`, {epochs} epochs of {keyframes:,} keyframes in
        batches of 64, {rounds} runs of each way in turn, {torch.get_num_threads()} threads, text embeddings cached. The
        Trainer logs, saves checkpoints and draws its progress bar, but does not validate; the loop takes as many steps
        on batches of the same size."""
    return f"{prose(text)}\n\n{speeds(seconds, epochs * keyframes, 'keyframe', [BARE])}"


class _Stopwatch(Callback):
    """Measures from the first batch to the end of training: neither reading data nor encoding texts counts."""

    seconds = 0.0

    def on_train_start(self, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_train_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self._start


def _with_trainer(model: KeyframeModule, data: KeyframeDataModule, epochs: int, folder: Path) -> float:
    watch = _Stopwatch()
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            limit_val_batches=0,
            use_distributed_sampler=False,
            log_every_n_steps=10,
            logger=[TensorBoardLogger(folder, name="tensorboard"), CSVLogger(folder, name="csv")],
            callbacks=[watch],
            enable_model_summary=False,
            default_root_dir=folder,
        ).fit(model, datamodule=data)
    return watch.seconds


def _bare(model: KeyframeModule, data: KeyframeDataModule, epochs: int) -> float:
    samples: Any = data.samples("train")
    loader = DataLoader(samples, data.batch_size, shuffle=True, collate_fn=model.collate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=model.hparams["learning_rate"])
    model.train()
    start = time.perf_counter()
    for _ in range(epochs):
        for batch in loader:
            optimizer.zero_grad()
            model.loss(batch)["loss"].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return time.perf_counter() - start


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """Yields a temporary folder that also holds the cache, and keeps Lightning quiet."""
    logger, before = logging.getLogger("lightning.pytorch"), os.environ.get("KFZOO_CACHE")
    level = logger.level
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.WARNING)
        os.environ["KFZOO_CACHE"] = folder
        try:
            yield Path(folder)
        finally:
            logger.setLevel(level)
            os.environ.pop("KFZOO_CACHE")
            os.environ |= {} if before is None else {"KFZOO_CACHE": before}
