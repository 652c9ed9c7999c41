"""`TextRegressor`: a text encoder with a read-out over its token states, the reference that KeyframeFace leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from kfzoo.data.batch import KeyframeBatch
from kfzoo.encoders.text import build_text_encoder, in_groups
from kfzoo.encoders.token_readout import TokenReadout
from kfzoo.errors import InputError
from kfzoo.language_models.lora import adapt_encoder
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.text_regressor.distribution import most_likely, ordinal_cross_entropy, places
from kfzoo.training.optimizers import adamw

GROUP = 16
"""Texts of like length that are encoded together: a batch holds short and long ones, and padding costs as words do."""

SMALLEST_SPREAD = 0.01
"""Floor of a channel's standard deviation: a channel that hardly moves in training is not amplified."""


class TextRegressor(KeyframeModule):
    """Reads the coefficients off a description in one pass: no generated tokens, squared error.

    What a language model gains by writing must show against this one on the same texts. The text encoder is adapted by
    LoRA; each channel attends to the words that move it (`kfzoo.encoders.token_readout`).

    Args:
        text_encoder: Specification of the encoder (`kfzoo.encoders.text`).
        rank: Rank of LoRA on all linear layers of the encoder; 0 leaves it as it is.
        alpha: The update is scaled by alpha / rank.
        queries: Queries of the read-out a channel; 0 reads the mean over the tokens.
        bins: Places of the distribution over each channel's values; 0 for none.
        distribution_weight: Weight of its cross entropy next to the squared error.
        answer: "mean" is best under squared errors; "mode" is the most likely value, which is no timid compromise where
            the words leave the strength open; it needs `bins`.
        learning_rate: AdamW's for the read-out.
        adapter_learning_rate: AdamW's for LoRA.
        weight_decay: AdamW's for the read-out.
        warmup_steps: Steps over which the learning rates rise from 0.
        cosine: Let them fall to 0 along a cosine.

    Raises:
        InputError: For an unknown encoder, and for "mode" without a distribution.
    """

    places: Tensor

    def __init__(
        self,
        text_encoder: str = "minilm",
        rank: int = 16,
        alpha: int = 32,
        queries: int = 4,
        bins: int = 21,
        distribution_weight: float = 0.1,
        answer: Literal["mean", "mode"] = "mean",
        learning_rate: float = 3e-3,
        adapter_learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        warmup_steps: int = 20,
        cosine: bool = True,
    ) -> None:
        super().__init__()
        if answer == "mode" and not bins:
            raise InputError("answer", "'mode' needs a distribution over values", "set bins to 21, or answer to mean")
        self.save_hyperparameters()
        self.encoder = build_text_encoder(text_encoder).requires_grad_(False)
        if rank:
            adapt_encoder(self.encoder, rank, alpha)
        self.readout = TokenReadout(self.encoder.state_dim, queries=queries, bins=bins)
        if bins:
            self.register_buffer("places", places(bins), persistent=False)

    def _features(self, texts: Sequence[str]) -> Tensor:
        return in_groups(texts, self._read, GROUP)

    def _read(self, texts: Sequence[str]) -> Tensor:
        states, mask = self.encoder.token_states(self.encoder.inputs(texts))
        return self.readout.features(states.float(), mask)

    def _values(self, features: Tensor) -> Tensor:
        return self.train_mean + self.train_std.clamp_min(SMALLEST_SPREAD) * self.readout.values(features)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Reads coefficients, (B, 61), off B texts; they may leave their ranges."""
        features = self._features(texts)
        if self.hparams["answer"] == "mode":
            return most_likely(self.readout.distribution(features), self.places)
        return self._values(features)

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error in units of the mean variance, and the cross entropy of the distribution."""
        features = self._features(batch.descriptions)
        error = (self._values(features) - batch.targets).square().mean() / self.train_std.square().mean()
        if not self.hparams["bins"]:
            return {"loss": error}
        entropy = ordinal_cross_entropy(self.readout.distribution(features), batch.targets, self.places)
        total = error + self.hparams["distribution_weight"] * entropy
        return {"loss": total, "squared_error": error, "cross_entropy": entropy}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each keyframe's description."""
        return Generation.of(self(batch.descriptions))

    def stored(self) -> dict[str, Tensor]:
        """Returns the read-out, LoRA and the training part's moments; the encoder's own weights are published."""
        published = {name for name, each in self.encoder.named_parameters(prefix="encoder") if not each.requires_grad}
        published |= {name for name, _ in self.encoder.named_buffers(prefix="encoder")}
        return {name: values for name, values in self.state_dict().items() if name not in published}

    def configure_optimizers(self) -> Any:
        """AdamW with a rate for the read-out and one for LoRA, with a warm-up and a cosine."""
        settings = self.hparams
        groups: list[dict[str, Any]] = [{"params": list(self.readout.parameters())}]
        adapter = [each for each in self.encoder.parameters() if each.requires_grad]
        if adapter:
            groups.append({"params": adapter, "lr": settings["adapter_learning_rate"], "weight_decay": 0.0})
        schedule = {"warmup": settings["warmup_steps"], "cosine": settings["cosine"]}
        return adamw(self, groups, settings["learning_rate"], weight_decay=settings["weight_decay"], **schedule)
