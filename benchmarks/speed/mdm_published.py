"""MDM as published (arXiv 2209.14916), written from the papers' equations, for the benchmarks to compare with.

It is slow where the published code is slow: motions are (B, C, 1, T), the network encodes the texts in every call,
guidance calls it twice, and every number of the process is read from a float64 table of NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

STEPS = 1000
Encode = Callable[[Sequence[str]], Tensor]


class Network(nn.Module):
    """MDM's `trans_enc`, time first inside, that predicts the motion.

    Args:
        denoiser: kfzoo's, whose weights are copied.
        encode: The frozen text encoder, B texts to (B, D); called in every pass.
        dropout: Dropout in the transformer and of the tokens.
        text_dropout: Share of the texts that are left out in training.
    """

    table: Tensor

    def __init__(self, denoiser: nn.Module, encode: Encode, dropout: float = 0.1, text_dropout: float = 0.1) -> None:
        super().__init__()
        sizes: dict[str, int] = denoiser.sizes  # type: ignore[assignment]
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
        angles = np.arange(5000)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
        table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(5000, width)
        self.register_buffer("table", torch.from_numpy(table).float()[:, None], persistent=False)
        self.load_state_dict({name: each for name, each in denoiser.state_dict().items() if not name.endswith(".pe")})

    def forward(self, x: Tensor, t: Tensor, texts: Sequence[str], mask: Tensor, unconditional: bool = False) -> Tensor:
        """Predicts motions (B, C, 1, T).

        Args:
            x: (B, C, 1, T).
            t: (B,) steps.
            texts: B texts.
            mask: (B, 1, 1, T) bool, True for frames that exist.
            unconditional: Encode the texts and leave them out.
        """
        batch, features, _, frames = x.shape
        step = self.embed_timestep["time_embed"](self.table[t]).permute(1, 0, 2)  # (1, B, width)
        vectors = self.encode(texts)
        if unconditional:
            vectors = torch.zeros_like(vectors)
        elif self.training:
            vectors = vectors * (1 - torch.bernoulli(torch.full((batch, 1), self.text_dropout)))
        tokens = self.input_process["poseEmbedding"](x.permute(3, 0, 1, 2).reshape(frames, batch, features))
        tokens = torch.cat([step + self.embed_text(vectors), tokens])
        tokens = self.dropout(tokens + self.table[: len(tokens)])
        padding = torch.cat([torch.zeros(batch, 1, dtype=torch.bool), ~mask[:, 0, 0]], dim=1)
        output = self.seqTransEncoder(tokens, src_key_padding_mask=padding)[1:]
        found: Tensor = self.output_process["poseFinal"](output).reshape(frames, batch, features, 1)
        return found.permute(1, 2, 3, 0)


class Tables:
    """The cosine process (arXiv 2102.09672, equation 17) and its posterior (arXiv 2006.11239, equations 6 and 7)."""

    def __init__(self) -> None:
        share = np.array([math.cos((t / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(STEPS + 1)])
        betas = np.minimum(1 - share[1:] / share[:-1], 0.999)
        signal = np.cumprod(1 - betas)
        before = np.append(1.0, signal[:-1])
        variance = betas * (1 - before) / (1 - signal)
        self.signal, self.noise = np.sqrt(signal), np.sqrt(1 - signal)
        self.log_variance = np.log(np.append(variance[1], variance[1:]))
        self.of_motion = betas * np.sqrt(before) / (1 - signal)
        self.of_noised = (1 - before) * np.sqrt(1 - betas) / (1 - signal)

    def noised(self, motion: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draws from q(x_t | x_0) by the given noise; (B, C, 1, T)."""
        return _at(self.signal, t, motion) * motion + _at(self.noise, t, motion) * noise


def _at(table: NDArray[np.float64], t: Tensor, like: Tensor) -> Tensor:
    return torch.from_numpy(table)[t].float()[:, None, None, None].expand(like.shape)


@torch.no_grad()
def ancestral(
    network: Network, texts: Sequence[str], guidance: float, draw: Callable[[], Tensor], prediction: str = "sample"
) -> Iterator[Tensor]:
    """Samples in 1,000 steps, algorithm 2 of arXiv 2006.11239 with the small variance and without clipping.

    Args:
        network: In evaluation mode.
        texts: B texts.
        guidance: Scale of classifier-free guidance.
        draw: Returns Gaussian noise (B, C, 1, T): the first motion, then that of each step.
        prediction: What the network predicts, "sample" or "epsilon".

    Yields:
        The motions (B, C, 1, T) after each step; the last ones are the samples.
    """
    tables = Tables()
    x = draw()
    mask = torch.ones(len(x), 1, 1, x.shape[-1], dtype=torch.bool)
    for number in reversed(range(STEPS)):
        t = torch.full((len(x),), number)
        conditional, unconditional = (network(x, t, texts, mask, unconditional=each) for each in (False, True))
        motion = unconditional + guidance * (conditional - unconditional)
        if prediction == "epsilon":
            motion = (x - _at(tables.noise, t, x) * motion) / _at(tables.signal, t, x)
        mean = _at(tables.of_motion, t, x) * motion + _at(tables.of_noised, t, x) * x
        moves = (t != 0).float()[:, None, None, None]
        x = mean + moves * torch.exp(0.5 * _at(tables.log_variance, t, x)) * draw()
        yield x


def noise_of(seeds: Sequence[int], channels: int) -> Callable[[], Tensor]:
    """Makes draws of noise (B, C, 1, 1), each sample's from its own seed, as kfzoo draws it."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return lambda: torch.stack([torch.randn(channels, generator=each) for each in generators])[..., None, None]


def losses(
    network: Network, tables: Tables, motion: Tensor, texts: Sequence[str], mask: Tensor, t: Tensor, noise: Tensor
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
    """
    squares: Tensor = (network(tables.noised(motion, t, noise), t, texts, mask) - motion) ** 2 * mask.float()
    entries: Tensor = mask.flatten(1).sum(1) * motion.shape[1] * motion.shape[2]
    return squares.flatten(1).sum(1) / entries


class Training:
    """The published loop: AdamW at a constant rate, no weight decay; without its logging and saving.

    Args:
        network: Is trained.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.train()
        self.tables = Tables()
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0)

    def step(self, motion: Tensor, texts: Sequence[str], mask: Tensor) -> None:
        """Takes a step on a batch (B, C, 1, T)."""
        t = torch.from_numpy(np.random.choice(STEPS, len(motion), p=np.full(STEPS, 1 / STEPS)))
        self.optimizer.zero_grad()
        each = losses(self.network, self.tables, motion, texts, mask, t, torch.randn_like(motion))
        each.mean().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
