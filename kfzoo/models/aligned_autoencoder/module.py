"""The CLIP-aligned blendshape autoencoder (CA): three losses, a linear text projector, a frozen text encoder."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from kfzoo.arkit.channels import indices
from kfzoo.data.augmentation import augment_text, perturb
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.statistics import Statistics
from kfzoo.encoders.frozen import FrozenTextEncoder
from kfzoo.models.aligned_autoencoder.network import BlendshapeDecoder, BlendshapeEncoder
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.training.optimizers import adamw

TextKind = Literal["transcript", "tags", "description"]
TEXT_KINDS: tuple[TextKind, ...] = ("transcript", "tags", "description")

SMALLEST_SPREAD = 0.02
"""Floor of a channel's standard deviation."""


class AlignedAutoencoder(KeyframeModule):
    """A blendshape autoencoder whose latent space is aligned with a frozen text encoder.

    `L = λ1·‖D(E(b)) - b‖² + λ2·(1 - cos(P(T(S)), E(b))) + λ3·‖D(P(T(S))) - b‖²` (equations 1 to 4), where S is drawn
    from the transcript (here the script's background), the tags (its emotion) and the description (of the keyframe, in
    the chosen annotation). To generate, a description is encoded, projected and decoded.

    The paper names no sizes; those here are ours. Channels outside the chosen subset are answered with the training
    part's mean.

    Args:
        text_encoder: Specification of the frozen text encoder T (`kfzoo.encoders.text`).
        channels: Subset of channels that the autoencoder covers; the paper's is `ca51`.
        latent: Size of the latent vector.
        width: Size of a blendshape's token.
        layers: Transformer layers of the encoder, and of the decoder.
        heads: Attention heads.
        dropout: Dropout in the transformers.
        loss_weights: λ1, λ2, λ3.
        text_shares: How often S is a transcript, tags, a description; the paper draws evenly.
        variants: Augmented versions of every text (synonyms, word order), made and encoded once; 0 for none.
        perturbation: Largest disturbance of a blendshape at the encoder's input, 0.2 in the paper; the losses compare
            with the undisturbed face.
        perturbed_share: Share of the blendshapes that are disturbed.
        learning_rate: AdamW's; the paper's is 1e-5.
        weight_decay: AdamW's.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine until the last step; the paper keeps it.
        seed: Seed of the texts' augmentation and of the draw of S.
    """

    covered: Tensor

    def __init__(
        self,
        text_encoder: str = "minilm",
        channels: Literal["ca51", "blendshapes52", "all61"] = "ca51",
        latent: int = 512,
        width: int = 512,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
        loss_weights: tuple[float, float, float] = (1.0, 10.0, 10.0),
        text_shares: tuple[float, float, float] = (1.0, 1.0, 1.0),
        variants: int = 2,
        perturbation: float = 0.2,
        perturbed_share: float = 0.25,
        learning_rate: float = 1e-5,
        weight_decay: float = 0.01,
        warmup_steps: int = 0,
        cosine: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.text = FrozenTextEncoder(text_encoder)
        covered = indices(channels)
        self.register_buffer("covered", torch.from_numpy(covered), persistent=False)
        size = (len(covered), latent, width, layers, heads, dropout)
        self.encoder = BlendshapeEncoder(*size)
        self.decoder = BlendshapeDecoder(*size)
        self.projector = nn.Linear(self.text.dim, latent)

    # What the paper defines -------------------------------------------------------------------------------------

    def encode(self, coefficients: Tensor) -> Tensor:
        """Maps faces (B, 61) into the latent space, (B, Z)."""
        return self._encode(coefficients[:, self.covered])

    def _encode(self, weights: Tensor) -> Tensor:
        # Standardised by the training part: most weights are small, and tokens of small numbers teach little.
        latent: Tensor = self.encoder((weights - self._mean) / self._spread)
        return latent

    def _decode(self, latent: Tensor) -> Tensor:
        weights: Tensor = self.decoder(latent) * self._spread + self._mean
        return weights

    @property
    def _mean(self) -> Tensor:
        return self.train_mean[self.covered]

    @property
    def _spread(self) -> Tensor:
        # Constant channels (a take without head tracking) must not be divided by 0.
        return self.train_std[self.covered].clamp_min(SMALLEST_SPREAD)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Maps B texts into the latent space, (B, Z)."""
        latent: Tensor = self.projector(self.text(texts, self.device))
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """Maps latent vectors (B, Z) to faces (B, 61); channels that are not covered get the training mean."""
        faces = self.train_mean.repeat(len(latent), 1)
        faces[:, self.covered] = self._decode(latent).to(faces.dtype)
        return faces

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the three losses and their weighted sum (equations 1 to 4), squared norms averaged over the batch."""
        target = batch.targets[:, self.covered]
        draw = torch.Generator().manual_seed(self.hparams["seed"] * 1_000_003 + self.global_step)
        disturbed = perturb(target, self.hparams["perturbed_share"], self.hparams["perturbation"], draw)
        face = self._encode(disturbed)
        text = self.encode_text(self._draw_texts(batch, draw))
        rebuilt, from_text = self._decode(torch.cat([face, text])).chunk(2)
        parts = {
            "autoencoder": (rebuilt - target).square().sum(-1).mean(),
            "embedding": 1 - cosine_similarity(text, face, dim=-1).mean(),
            "multimodal": (from_text - target).square().sum(-1).mean(),
        }
        weights = self.hparams["loss_weights"]
        return {"loss": torch.stack([w * part for w, part in zip(weights, parts.values(), strict=True)]).sum(), **parts}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Decodes each keyframe's description."""
        return Generation.of(self.decode(self.encode_text(batch.descriptions)))

    # Texts, encoded once ----------------------------------------------------------------------------------------

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Encodes all training texts and their augmented versions, once."""
        texts = {text for sample in samples for text in texts_of(sample).values() if text}
        self._versions = {text: self._variants_of(text) for text in sorted(texts)}
        self.text.remember(
            [version for versions in self._versions.values() for version in versions], self.trainer.strategy.root_device
        )

    def _variants_of(self, text: str) -> tuple[str, ...]:
        rng = random.Random(f"{self.hparams['seed']}|{text}")
        return (text, *(augment_text(text, rng) for _ in range(self.hparams["variants"])))

    def _draw_texts(self, batch: KeyframeBatch, draw: torch.Generator) -> list[str]:
        shares = torch.tensor(self.hparams["text_shares"])
        kinds = torch.multinomial(shares, len(batch), replacement=True, generator=draw).tolist()
        versions = torch.rand(len(batch), generator=draw).tolist()
        drawn = []
        for sample, kind, version in zip(batch.samples, kinds, versions, strict=True):
            text = texts_of(sample)[TEXT_KINDS[kind]] or sample.description
            known = self._versions[text]
            drawn.append(known[int(version * len(known))])
        return drawn

    def configure_optimizers(self) -> Any:
        """AdamW at the paper's constant rate, or with a warm-up and a cosine."""
        rate, decay = self.hparams["learning_rate"], self.hparams["weight_decay"]
        schedule = {"warmup": self.hparams["warmup_steps"], "cosine": self.hparams["cosine"]}
        return adamw(self, self.parameters(), rate, weight_decay=decay, **schedule)


def texts_of(sample: Sample) -> dict[TextKind, str]:
    """The three kinds of text of a keyframe: (t, e, d) of the paper's quadruple (section III)."""
    return {"transcript": sample.script.background, "tags": sample.script.emotion, "description": sample.description}
