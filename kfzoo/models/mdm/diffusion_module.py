"""What the diffusion models of keyframes and of clips share: denoiser, loss, moving average, optimizer, sampling."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.statistics import Statistics
from kfzoo.encoders.frozen import FrozenTextEncoder
from kfzoo.errors import InputError
from kfzoo.models.mdm.checkpoint_exchange import Start, read_start
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.diffusion import Diffusion, Prediction
from kfzoo.models.mdm.prompts import warn_of_collisions
from kfzoo.models.mdm.sampling import build_solver, sample
from kfzoo.training.module import ZooModule
from kfzoo.training.optimizers import adamw

SMALLEST_SPREAD = 0.02
"""Floor of a channel's standard deviation, so that the noise of a still channel is not blown up."""

_SIZES = ("width", "layers", "heads", "feedforward")


class DiffusionModule(ZooModule):
    """A text-conditioned diffusion model of motions; a keyframe is a motion of one frame.

    A subclass calls `super().__init__()`, `save_hyperparameters()` and then `build()`. It teaches by `motion_loss` and
    answers by `motions`; `KeyframeMDM` documents the settings, which are the same in every subclass.

    Attributes:
        text: The frozen text encoder.
        denoiser: What is trained.
        averaged: Its moving average, which answers in its place; None without one.
        diffusion: The process and its loss.
        motion_mean: (61,) what motions are standardised by.
        motion_std: (61,) likewise, nowhere 0.
    """

    motion_mean: Tensor
    motion_std: Tensor

    def build(self) -> None:
        """Makes the parts that the hyperparameters describe; a released checkpoint replaces those that it describes.

        Raises:
            InputError: For settings that cannot be used, alone or together, and a released checkpoint that cannot.
        """
        settings: Any = self.hparams
        start = read_start(settings["released"], settings["released_mean"], settings["released_std"])
        if start is not None:
            # A keyframe is one frame: it has nothing to mask, and no such setting.
            found = {name: value for name, value in start.settings.items() if name in settings}
            settings.update(found | {"released": "", "released_mean": "", "released_std": ""})
        _check(settings)
        self.text = FrozenTextEncoder(settings["text_encoder"], unit=settings["text_norm"] > 0)
        sizes = {name: settings[name] for name in _SIZES}
        masks = settings.get("mask_frames", True)
        self.denoiser = Denoiser(text=self.text.dim, **sizes, dropout=settings["dropout"], mask_frames=masks)
        self.diffusion = Diffusion(settings["prediction"])
        self.register_buffer("motion_mean", torch.zeros(len(CHANNELS)))
        self.register_buffer("motion_std", torch.ones(len(CHANNELS)))
        self._keeps_statistics = start is not None and start.statistics is not None
        if start is not None:
            self._begin_at(start)
        self._forgets = start is None
        self.averaged = copy.deepcopy(self.denoiser).requires_grad_(False) if settings["ema"] else None
        if self.averaged is not None and start is not None:
            self.averaged.load_state_dict(start.averaged)

    def _begin_at(self, start: Start) -> None:
        found, expected = start.weights["embed_text.weight"].shape[1], self.text.dim
        if found != expected:
            problem = f"'{self.text.specification}' gives vectors of {expected}, the released checkpoint reads {found}"
            raise InputError("text_encoder", problem, "give the encoder that it was trained with")
        self.denoiser.load_state_dict(start.weights if self.hparams["ema"] else start.averaged)
        if start.statistics is not None:
            self._standardize_by(start.statistics)

    # Texts and motions ----------------------------------------------------------------------------------------------

    def read_ahead(self, texts: Sequence[str]) -> None:
        """Encodes the training part's texts once, and warns of those that are cut or cannot be distinguished.

        Args:
            texts: One a sample; repeated ones cost nothing.
        """
        warn_of_collisions(self.text.encoder, texts)
        self.text.remember(texts, self.trainer.strategy.root_device, warn=False)

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Encodes texts into (B, D), of the length that `text_norm` asks for.

        Raises:
            InputError: For a text that is empty.
        """
        empty = next((number for number, text in enumerate(texts, start=1) if not text.strip()), None)
        if empty is not None:
            raise InputError(f"text {empty} of {len(texts)}", "is empty", "say what the face does")
        found = self.text(texts, self.device)
        return found * self.hparams["text_norm"] if self.text.unit else found

    def set_statistics(self, statistics: Statistics) -> None:
        """Takes the training part's moments, unless a released checkpoint brought its own."""
        if not self._keeps_statistics:
            floored = statistics.std.clamp_min(SMALLEST_SPREAD)
            self._standardize_by(Statistics(mean=statistics.mean, std=floored))

    def _standardize_by(self, statistics: Statistics) -> None:
        self.motion_mean.copy_(statistics.mean)
        # A channel without spread was never learnt: any divisor does, but 0.
        self.motion_std.copy_(statistics.std.masked_fill(statistics.std == 0, SMALLEST_SPREAD))

    def standardized(self, motion: Tensor) -> Tensor:
        """Brings motions (…, 61) to mean 0 and spread 1."""
        return (motion - self.motion_mean) / self.motion_std

    def restored(self, motion: Tensor) -> Tensor:
        """Undoes `standardized` and limits each channel to its range."""
        lower, upper = (torch.as_tensor(limit, device=motion.device) for limit in (LOWER, UPPER))
        return (motion * self.motion_std + self.motion_mean).clamp(lower, upper)

    # Learning -------------------------------------------------------------------------------------------------------

    def motion_loss(self, motion: Tensor, texts: Sequence[str], ids: Sequence[str]) -> Tensor:
        """Computes the denoising loss of a batch.

        Its diffusion steps, noise and left out texts are drawn from the seed, the training step and the first sample's
        name, so that a resumed run draws the same, and two processes draw differently. In evaluation mode the step
        does not count and no text is left out: losses of two epochs can be compared.

        Args:
            motion: (B, T, 61) in the channels' own units.
            texts: B texts.
            ids: B names of the samples.

        Returns:
            A scalar.

        Raises:
            InputError: For a text that is empty.
        """
        moment = self.global_step if self.training else "evaluation"
        draw = torch.Generator().manual_seed(seed_of(self.hparams["seed"], f"{moment}|{ids[0]}"))
        clean = self.standardized(motion)
        t, noise = self.diffusion.draw(clean, draw)
        dropped = None
        if self.training:
            dropped = (torch.rand(len(motion), generator=draw) < self.hparams["text_dropout"]).to(motion.device)
        return self.diffusion.loss(self.denoiser, clean, self.vectors(texts), t, noise, dropped=dropped)

    def configure_optimizers(self) -> Any:
        """AdamW without weight decay, at a constant rate as published, or with a warm-up and a cosine."""
        parameters, rate = self.denoiser.parameters(), self.hparams["learning_rate"]
        schedule = {"warmup": self.hparams["warmup_steps"], "cosine": self.hparams["cosine"]}
        return adamw(self, parameters, rate, weight_decay=0.0, fused=True, **schedule)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Takes a step, and the moving average with it: before any callback can write a checkpoint of it."""
        super().optimizer_step(*args, **kwargs)
        self.follow(self.trainer.global_step)

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Moves the average towards the denoiser's weights.

        Its decay rises to `ema` as (1 + n) / (10 + n), so that a run of fewer steps than the average is long does not
        answer with the random weights that it began with; a released checkpoint's are worth remembering.

        Args:
            steps: Steps taken so far, n.
        """
        if self.averaged is not None:
            risen = (1 + steps) / (10 + steps) if self._forgets else 1.0
            update = get_ema_multi_avg_fn(min(self.hparams["ema"], risen))  # type: ignore[no-untyped-call]
            update(list(self.averaged.parameters()), list(self.denoiser.parameters()), steps)

    # Answering ------------------------------------------------------------------------------------------------------

    def motions(self, texts: Sequence[str], lengths: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Draws a motion for each text, with the moving average's weights where there are any.

        Args:
            texts: B texts.
            lengths: Frames of each, at least 1.
            seeds: One a motion; `seeds_of` makes them of names.

        Returns:
            (B, T, 61) float32, each channel in its range, T the greatest length; 0 after a motion's own end.

        Raises:
            InputError: For a text that is empty.
        """
        settings = self.hparams
        denoiser = self.denoiser if self.averaged is None else self.averaged
        with _evaluating(denoiser):
            found = sample(
                denoiser,
                self.vectors(texts),
                lengths,
                seeds,
                scheduler=settings["scheduler"],
                steps=settings["steps"],
                guidance=settings["guidance"],
                prediction=settings["prediction"],
            )
        mask = torch.arange(found.shape[1]) < torch.tensor(list(lengths))[:, None]
        return self.restored(found).masked_fill(~mask[..., None].to(found.device), 0)

    def seeds_of(self, names: Sequence[str]) -> list[int]:
        """Returns a seed for each name, the same in every process and batch; it depends on `seed`."""
        return [seed_of(self.hparams["seed"], name) for name in names]


def seed_of(seed: int, name: str) -> int:
    """Returns a seed of 63 bits that depends on a seed and a name."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{name}".encode()).digest()[:8], "big") >> 1


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Turns dropout off: motions are drawn from the model as it is, also in the middle of training."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)


def _check(settings: Any) -> None:
    """Refuses settings that would only fail, or mislead, much later."""
    if settings["prediction"] not in get_args(Prediction):
        raise InputError("prediction", f"is {settings['prediction']!r}", "choose sample or epsilon")
    for name in ("dropout", "text_dropout", "ema"):
        if not 0 <= settings[name] < 1:
            raise InputError(name, f"is {settings[name]}, expected at least 0 and less than 1")
    if settings["text_norm"] < 0:
        raise InputError("text_norm", f"is {settings['text_norm']}", "choose 0 for the encoder's own, or a length")
    if settings["guidance"] != 1 and not settings["text_dropout"]:
        problem = f"is {settings['guidance']}, but no text was ever left out in training (text_dropout 0)"
        raise InputError("guidance", problem, "set it to 1, or train with a text_dropout such as 0.1")
    build_solver(settings["scheduler"], settings["steps"], settings["prediction"])
