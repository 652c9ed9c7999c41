"""How much of a bare PyTorch loop's speed is left when the autoencoder is trained through `fit`."""

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
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from benchmarks.report import interleaved, spread, table, verdict
from kfzoo.configs import read_config
from kfzoo.data.batch import Sample
from kfzoo.data.datamodule import KeyframeDataModule
from kfzoo.data.loader import SampleDataset
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.models import AlignedAutoencoder
from kfzoo.training.optimizers import warmup_cosine
from kfzoo.training.resume import LastCheckpoint, RandomState

TITLE = "Training the autoencoder"
TARGET = 0.9
"""Share of the bare loop's throughput."""

CONFIG = Path(__file__).parent.parent / "configs" / "aligned_autoencoder" / "builtin.yaml"
SAVE_EVERY = 50
"""The command line's default for `--checkpoint_every_n_steps`."""


def measure(scripts: int = 1000, epochs: int = 2, runs: int = 9, **changes: Any) -> str:
    """Trains both ways in turn and returns the table.

    Args:
        scripts: Number of built-in scripts; about one and a half times as many keyframes are trained on.
        epochs: Of each run.
        runs: Of each way.
        changes: Arguments of the model that differ from the configuration's.
    """
    config = read_config(CONFIG)
    size = config["data"]["init_args"]["batch_size"]
    torch.manual_seed(config["seed_everything"])
    model = AlignedAutoencoder(**config["model"]["init_args"] | changes)
    data = KeyframeDataModule(BuiltinScripts(scripts), batch_size=size)
    begin = {name: values.detach().clone() for name, values in model.named_parameters()}
    with _own_folder() as folder:
        ways = {"`Trainer`, as `fit` sets it up": _with_trainer, "bare PyTorch loop": _bare}
        ends: dict[str, list[Tensor]] = {}

        def run(name: str) -> float:
            model.load_state_dict(begin, strict=False)  # leaves the buffers: they hold the training part's statistics
            seconds = ways[name](model, data, epochs, folder)
            ends[name] = [values.detach().clone() for values in model.parameters()]
            return seconds

        # The Trainer goes first: its uncounted run encodes the texts and reads the statistics.
        seconds = interleaved({name: partial(run, name) for name in ways}, runs, "Training")
    keyframes = len(data.samples("train"))
    # Round by round: two neighbouring runs meet the same machine.
    share = median(loop / trainer for trainer, loop in zip(*seconds.values(), strict=True))
    rows = [
        [name, *spread(taken), f"{epochs * keyframes / median(taken):,.0f}", told]
        for (name, taken), told in zip(seconds.items(), (f"{share:.3f}", "1"), strict=True)
    ]
    apart = max(float((a - b).abs().max()) for a, b in zip(*ends.values(), strict=True))
    return "\n".join(
        [
            f"Network and batch size of `configs/aligned_autoencoder/builtin.yaml`, {epochs} epochs of {keyframes:,}",
            f"keyframes in batches of {size}, {runs} runs each in turn, {torch.get_num_threads()} threads, text",
            "embeddings cached. The Trainer logs, saves checkpoints and draws its progress bar, but does not validate;",
            "the loop does the same steps on the same batches and nothing else. The last runs of both end in weights",
            f"that differ by {apart:.1g} at most. The share of the loop's throughput is the median of the rounds'.",
            "",
            table(["way", "median, s", "fastest, s", "slowest, s", "keyframes/s", "of the loop's"], rows),
            "",
            verdict(f"at least {TARGET} of the bare loop's keyframes/s", f"{share:.3f}", share >= TARGET),
        ]
    )


class _Stopwatch(Callback):
    """Measures from the first batch to the end of training: neither reading data nor encoding texts counts."""

    seconds = 0.0

    def on_train_start(self, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_train_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self._start


def _with_trainer(model: AlignedAutoencoder, data: KeyframeDataModule, epochs: int, folder: Path) -> float:
    watch = _Stopwatch()
    callbacks = [RandomState(), LastCheckpoint(folder / "last.ckpt", SAVE_EVERY), watch]
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            limit_val_batches=0,
            use_distributed_sampler=False,
            log_every_n_steps=10,
            logger=[TensorBoardLogger(folder, name="tensorboard"), CSVLogger(folder, name="csv")],
            callbacks=callbacks,
            enable_model_summary=False,
            default_root_dir=folder,
        ).fit(model, datamodule=data)
    return watch.seconds


def _bare(model: AlignedAutoencoder, data: KeyframeDataModule, epochs: int, folder: Path) -> float:
    samples = SampleDataset(data.samples("train"))
    # The data module's order, so that both ways see the same batches.
    order: DistributedSampler[Sample] = DistributedSampler(samples, num_replicas=1, rank=0, seed=data.seed)
    loader = DataLoader(samples, data.batch_size, sampler=order, collate_fn=model.collate)
    settings: Any = model.hparams
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = warmup_cosine(optimizer, settings.warmup_steps, epochs * len(loader))
    place: Any = SimpleNamespace(global_step=0)  # the model draws its texts by the number of the step
    model.trainer = place
    model.train()
    start = time.perf_counter()
    for epoch in range(epochs):
        order.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            model.loss(batch)["loss"].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            place.global_step += 1
    return time.perf_counter() - start


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """Yields a temporary folder that also holds the cache, keeps Lightning quiet and leaves nothing behind."""
    before = os.environ.get("KFZOO_CACHE")
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.WARNING)
        os.environ["KFZOO_CACHE"] = folder
        try:
            yield Path(folder)
        finally:
            logger.setLevel(level)
            if before is None:
                del os.environ["KFZOO_CACHE"]
            else:
                os.environ["KFZOO_CACHE"] = before
