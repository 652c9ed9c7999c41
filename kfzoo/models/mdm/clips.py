"""`ClipMDM`: Express4D-MDM as it was meant, on moving clips of one to ten seconds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.mirror import mirror_text
from kfzoo.data.clip import FPS, Clip
from kfzoo.data.clip_batch import ClipBatch
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.models.base import ClipModule
from kfzoo.models.mdm.diffusion import STEPS, Prediction
from kfzoo.models.mdm.diffusion_module import DiffusionModule, seed_of
from kfzoo.models.mdm.sampling import Scheduler
from kfzoo.training.module import Monitor

VALIDATION_DRAWS = 8
"""Diffusion steps, one from each eighth of them, at which the loss of a validation clip is taken."""


class ClipMDM(DiffusionModule, ClipModule):
    """A diffusion model of a moving face, conditioned on a text (MDM, arXiv 2209.14916; Express4D).

    It learns from clips at 20 frames a second (`ClipDataModule`) and answers with such clips, none longer than the
    longest that it was trained on. Its checkpoint is the last one that was validated.

    Args:
        text_encoder: Specification of the frozen text encoder (`kfzoo.encoders.text`).
        text_norm: Length that text vectors are brought to; 0 leaves each its own.
        width: Size of a token.
        layers: Transformer layers.
        heads: Attention heads.
        feedforward: Hidden size of a layer's feed-forward part.
        dropout: Dropout in the transformer.
        prediction: "sample" or "epsilon": what the denoiser predicts.
        text_dropout: How often the text is left out in training.
        guidance: How far past the prediction without text samples go.
        scheduler: "ddpm", "ddim" or "dpm_solver".
        steps: Calls of the denoiser a sample.
        whole: Draw every clip as long as the longest of the training part, and cut it: where the peers drew shorter
            clips than they had trained on, those stood still.
        mask_frames: Hide frames after a clip's end from the denoiser, as Express4D does; MDM's own default is false. A
            released checkpoint says how it was trained.
        ema: Decay of the moving average of the weights, which answers in their place; 0 keeps none.
        learning_rate: AdamW's, without weight decay.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine until the last step.
        seed: Of the draws: in training, and of each sample together with its name.
        released: Path of a checkpoint in MDM's form to begin at.
        released_mean: What its motions are standardised by, as in `KeyframeMDM`.
        released_std: Likewise.

    Raises:
        InputError: For settings that cannot be used.
    """

    # The last weights, as MDM takes them: the loss on new clips is least while faces stand still.
    monitor = Monitor("step", "max")

    def __init__(
        self,
        text_encoder: str = "minilm",
        text_norm: float = 10.0,
        width: int = 512,
        layers: int = 8,
        heads: int = 4,
        feedforward: int = 1024,
        dropout: float = 0.1,
        prediction: Prediction = "sample",
        text_dropout: float = 0.1,
        guidance: float = 2.5,
        scheduler: Scheduler = "dpm_solver",
        steps: int = 10,
        whole: bool = True,
        mask_frames: bool = True,
        ema: float = 0.0,
        learning_rate: float = 1e-4,
        warmup_steps: int = 0,
        cosine: bool = False,
        seed: int = 0,
        released: str = "",
        released_mean: str = "",
        released_std: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        # A released checkpoint was trained on clips of every length, and does not lose what it learnt of them.
        self._keeps_longest = bool(released)
        self.build()

    def prepare(self, samples: Sequence[Clip], statistics: Statistics) -> None:  # type: ignore[override]  # of clips
        """Takes moments and longest clip of the training part, and encodes all its captions, once."""
        self.set_statistics(statistics)
        if not self._keeps_longest:
            self.longest.fill_(max(len(clip) for clip in samples))
        captions = [caption for clip in samples for caption in clip.captions]
        self.read_ahead(captions)
        if self.trainer.datamodule.vary.mirror:  # type: ignore[attr-defined]
            device = self.trainer.strategy.root_device
            self.text.remember([mirror_text(caption) for caption in captions], device, warn=False)

    # Learning -------------------------------------------------------------------------------------------------------

    def loss(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Returns MDM's loss: the squared error of each clip, averaged over its own frames, then over the clips."""
        return {"loss": self._loss(batch, str(self.global_step), (0, STEPS), self.hparams["text_dropout"])}

    def _loss(self, batch: ClipBatch, moment: str, steps: tuple[int, int], text_dropout: float) -> Tensor:
        """Computes the loss of a batch at drawn steps.

        Every clip has draws of its own, from the seed, the moment and its name, at its own length: neither the others
        of its batch nor the frames after its end change them.
        """
        drawn = [torch.Generator().manual_seed(seed_of(self.hparams["seed"], f"{moment}|{name}")) for name in batch.ids]
        device = batch.motion.device
        t = torch.stack([torch.randint(*steps, (), generator=each) for each in drawn]).to(device)
        dropped = torch.stack([torch.rand((), generator=each) for each in drawn]) < text_dropout
        lengths = batch.lengths.tolist()
        noise = pad_sequence(
            [torch.randn(length, len(CHANNELS), generator=each) for length, each in zip(lengths, drawn, strict=True)],
            batch_first=True,
        )
        noise = pad(noise, (0, 0, 0, batch.motion.shape[1] - noise.shape[1])).to(device)
        denoiser = self.denoiser if self.training or self.averaged is None else self.averaged
        clean, texts = self.standardized(batch.motion), self.vectors(batch.captions)
        return self.diffusion.loss(denoiser, clean, texts, t, noise, batch.mask, dropped.to(device))

    def validation_loss(self, batch: ClipBatch) -> Tensor:
        """Returns the loss of the weights that answer, at the same draws each time."""
        eighths = [
            (place * STEPS // VALIDATION_DRAWS, (place + 1) * STEPS // VALIDATION_DRAWS)
            for place in range(VALIDATION_DRAWS)
        ]
        losses = [self._loss(batch, f"validation {place}", steps, 0.0) for place, steps in enumerate(eighths)]
        return torch.stack(losses).mean()

    # Answering ------------------------------------------------------------------------------------------------------

    def sample(self, captions: Sequence[str], lengths: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Draws a clip for each caption, as `ClipModule` says.

        Raises:
            InputError: For an empty caption, a length out of range, and weights that make no finite numbers.
        """
        longest = int(self.longest)
        wrong = next((length for length in lengths if not 1 <= length <= longest), None)
        if wrong is not None:
            problem = f"{wrong} frames ({wrong / FPS:g} s) are asked for, expected 1 to {longest}"
            raise InputError("length of a clip", problem, "the longest clip that the model was trained on is the limit")
        drawn = [longest] * len(lengths) if self.hparams["whole"] else lengths
        motion = self.motions(captions, drawn, seeds)[:, : max(lengths)]
        if not motion.isfinite().all():
            raise InputError("model", "generated values that are no finite numbers", "train it at a lower rate")
        frames = torch.arange(max(lengths), device=motion.device)
        mask = frames < torch.tensor(list(lengths), device=motion.device)[:, None]
        return motion.masked_fill(~mask[..., None], 0)
