"""MDM as it is published (arXiv 2209.14916), written anew from the papers' equations: what ours is measured beside.

It is slow where the published code is: motions lie as (B, C, 1, T), the network encodes the texts whenever it is
called, guidance calls it twice, and every number of the process is looked up in a float64 table of NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.diffusion import STEPS, Prediction

Encode = Callable[[Sequence[str]], Tensor]
Draw = Callable[[], Tensor]

LEARNING_RATE = 1e-4
TEXT_DROPOUT = 0.1


class Network(nn.Module):
    """MDM's `trans_enc`, time first within.

    Args:
        denoiser: Ours, whose weights are copied.
        encode: The frozen text encoder, B texts to (B, D); called in every pass.
        dropout: Dropout in the transformer and of the tokens.
        text_dropout: How often a text is left out in training.
    """

    table: Tensor

    def __init__(
        self, denoiser: Denoiser, encode: Encode, dropout: float = 0.1, text_dropout: float = TEXT_DROPOUT
    ) -> None:
        super().__init__()
        sizes = denoiser.sizes
        width = sizes["width"]
        self.encode, self.text_dropout = encode, text_dropout
        self.input_process = nn.ModuleDict({"poseEmbedding": nn.Linear(sizes["features"], width)})
        layer = nn.TransformerEncoderLayer(width, sizes["heads"], sizes["feedforward"], dropout, activation="gelu")
        self.seqTransEncoder = nn.TransformerEncoder(layer, sizes["layers"], enable_nested_tensor=False)
        embedding = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.embed_timestep = nn.ModuleDict({"time_embed": embedding})
        self.embed_text = nn.Linear(sizes["text"], width)
        self.output_process = nn.ModuleDict({"poseFinal": nn.Linear(width, sizes["features"])})
        self.dropout = nn.Dropout(dropout)
        table = np.zeros((5000, width))
        angles = np.arange(5000)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
        table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
        self.register_buffer("table", torch.from_numpy(table).float()[:, None], persistent=False)
        self.load_state_dict({name: each for name, each in denoiser.state_dict().items() if not name.endswith(".pe")})

    def forward(self, x: Tensor, t: Tensor, texts: Sequence[str], mask: Tensor, unconditioned: bool = False) -> Tensor:
        """Predicts.

        Args:
            x: (B, C, 1, T).
            t: (B,) steps.
            texts: B texts.
            mask: (B, 1, 1, T) bool, True for frames that exist.
            unconditioned: Encode the texts and leave them out.

        Returns:
            (B, C, 1, T).
        """
        batch, features, _, frames = x.shape
        step = self.embed_timestep["time_embed"](self.table[t]).permute(1, 0, 2)  # (1, B, width)
        vectors = self.encode(texts)
        if unconditioned:
            vectors = torch.zeros_like(vectors)
        elif self.training:
            left_out = torch.bernoulli(torch.full((batch, 1), self.text_dropout))
            vectors = vectors * (1 - left_out)
        tokens = self.input_process["poseEmbedding"](x.permute(3, 0, 1, 2).reshape(frames, batch, features))
        tokens = torch.cat([step + self.embed_text(vectors), tokens])
        tokens = self.dropout(tokens + self.table[: len(tokens)])
        padding = torch.cat([torch.zeros(batch, 1, dtype=torch.bool), ~mask[:, 0, 0]], dim=1)
        seen = self.seqTransEncoder(tokens, src_key_padding_mask=padding)[1:]
        found: Tensor = self.output_process["poseFinal"](seen).reshape(frames, batch, features, 1).permute(1, 2, 3, 0)
        return found


class Tables:
    """The cosine process (arXiv 2102.09672, equation 17) and its posterior (arXiv 2006.11239, equations 6 and 7)."""

    def __init__(self) -> None:
        share = np.array([math.cos((t / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(STEPS + 1)])
        betas = np.minimum(1 - share[1:] / share[:-1], 0.999)
        kept = np.cumprod(1 - betas)
        before = np.append(1.0, kept[:-1])
        variance = betas * (1 - before) / (1 - kept)
        self.signal, self.noise = np.sqrt(kept), np.sqrt(1 - kept)
        self.log_variance = np.log(np.append(variance[1], variance[1:]))
        self.of_motion = betas * np.sqrt(before) / (1 - kept)
        self.of_noised = (1 - before) * np.sqrt(1 - betas) / (1 - kept)

    def noised(self, motion: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draws from q(x_t | x_0) by the given noise; (B, C, 1, T)."""
        return _taken(self.signal, t, motion) * motion + _taken(self.noise, t, motion) * noise


def _taken(table: NDArray[np.float64], t: Tensor, like: Tensor) -> Tensor:
    return torch.from_numpy(table)[t].float()[:, None, None, None].expand(like.shape)


@torch.no_grad()
def ancestral(
    network: Network, texts: Sequence[str], guidance: float, draw: Draw, prediction: Prediction = "sample"
) -> Iterator[Tensor]:
    """Samples in 1,000 steps, algorithm 2 of arXiv 2006.11239 with the small variance and nothing clipped.

    Args:
        network: In evaluation mode.
        texts: B texts.
        guidance: Scale of classifier-free guidance.
        draw: Returns Gaussian noise (B, C, 1, T): the first motion, then that of each step.
        prediction: What the network predicts.

    Yields:
        The motions (B, C, 1, T) after each step; the last ones are the samples.
    """
    tables = Tables()
    x = draw()
    mask = torch.ones(len(x), 1, 1, x.shape[-1], dtype=torch.bool)
    for number in reversed(range(STEPS)):
        t = torch.full((len(x),), number)
        told, untold = network(x, t, texts, mask), network(x, t, texts, mask, unconditioned=True)
        motion = untold + guidance * (told - untold)
        if prediction == "epsilon":
            motion = (x - _taken(tables.noise, t, x) * motion) / _taken(tables.signal, t, x)
        mean = _taken(tables.of_motion, t, x) * motion + _taken(tables.of_noised, t, x) * x
        moves = (t != 0).float()[:, None, None, None]
        x = mean + moves * torch.exp(0.5 * _taken(tables.log_variance, t, x)) * draw()
        yield x


def losses(
    network: Network,
    tables: Tables,
    motion: Tensor,
    texts: Sequence[str],
    mask: Tensor,
    t: Tensor,
    noise: Tensor,
    prediction: Prediction = "sample",
) -> Tensor:
    """Returns the masked squared error of each sample, (B,).

    Args:
        network: In training mode.
        tables: Of the process.
        motion: (B, C, 1, T), x_0.
        texts: B texts.
        mask: (B, 1, 1, T) bool.
        t: (B,) steps.
        noise: (B, C, 1, T).
        prediction: What the network is taught to predict.
    """
    found = network(tables.noised(motion, t, noise), t, texts, mask)
    squares: Tensor = (found - (motion if prediction == "sample" else noise)) ** 2 * mask.float()
    entries: Tensor = mask.flatten(1).sum(1) * motion.shape[1] * motion.shape[2]
    return squares.flatten(1).sum(1) / entries


class Training:
    """The published loop: AdamW at a constant rate, no weight decay; its logging and saving are left out.

    Args:
        network: Is trained.
        prediction: What it is taught to predict.
    """

    def __init__(self, network: Network, prediction: Prediction = "sample") -> None:
        self.network = network.train()
        self.prediction: Prediction = prediction
        self.tables = Tables()
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0)

    def step(self, motion: Tensor, texts: Sequence[str], mask: Tensor) -> None:
        """Takes a step on a batch (B, C, 1, T)."""
        shares = np.full(STEPS, 1 / STEPS)
        t = torch.from_numpy(np.random.choice(STEPS, len(motion), p=shares))
        self.optimizer.zero_grad()
        each = losses(self.network, self.tables, motion, texts, mask, t, torch.randn_like(motion), self.prediction)
        each.mean().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
