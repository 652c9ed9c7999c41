"""A frozen text encoder that computes every sentence once, in memory and on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm.auto import tqdm

from kfzoo.encoders.text import TextEncoder, build_text_encoder, warn_of_cuts
from kfzoo.files import cache_folder, replacing

CHUNK = 64
"""Sentences a forward pass; sorted by length, so that little is padded."""


class FrozenTextEncoder:
    """Looks up sentence vectors, and computes the ones it has not seen.

    It is no `nn.Module` on purpose: a model that reads through it neither trains it nor carries it in its checkpoint.

    Args:
        specification: See `kfzoo.encoders.text`.
        unit: Bring vectors to unit norm; else they are as long as the encoder makes them.
    """

    def __init__(self, specification: str, unit: bool = True) -> None:
        self.specification = specification
        self.unit = unit
        self._rows: dict[str, int] = {}
        self._vectors = torch.empty(0, 0)

    @cached_property
    def encoder(self) -> TextEncoder:
        """The encoder itself; whoever wants vectors calls this class."""
        return build_text_encoder(self.specification).eval().requires_grad_(False)

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return self.encoder.dim

    @cached_property
    def digest(self) -> str:
        """sha256 of the encoder's weights."""
        return weights_digest(self.encoder.state_dict())

    def remember(self, texts: Iterable[str], device: torch.device | str = "cpu", warn: bool = True) -> None:
        """Makes the vectors of many sentences ready, from the cache on disk where they were computed before.

        Args:
            texts: Sentences; repeated ones cost nothing.
            device: Where to compute.
            warn: Log sentences that are cut.
        """
        unique = sorted(set(texts) - self._rows.keys())
        if not unique:
            return
        kind = [self.digest] if self.unit else [self.digest, "of any norm"]
        name = hashlib.sha256("".join(f"{text}\0" for text in (*kind, *unique)).encode()).hexdigest()
        path = cache_folder() / "embeddings" / f"{name}.safetensors"
        vectors = _load(path, (len(unique), self.dim))
        if vectors is None:
            if warn:
                warn_of_cuts(self.encoder, unique)
            vectors = self._compute(unique, device)
            with replacing(path) as temporary:
                save_file({"vectors": vectors}, temporary)
        self._keep(unique, vectors)

    def __call__(self, texts: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
        """Encodes sentences.

        Args:
            texts: B sentences.
            device: Where the result is wanted.

        Returns:
            (B, dim) float32, with unit norm unless `unit` is false.
        """
        new = sorted(set(texts) - self._rows.keys())
        if new:
            self._keep(new, self._compute(new, device))
        return self._vectors[[self._rows[text] for text in texts]].to(device)

    def _keep(self, texts: Sequence[str], vectors: Tensor) -> None:
        offset = len(self._rows)
        self._rows |= {text: offset + number for number, text in enumerate(texts)}
        self._vectors = torch.cat([self._vectors, vectors]) if offset else vectors

    @torch.no_grad()
    def _compute(self, texts: Sequence[str], device: torch.device | str) -> Tensor:
        encoder = self.encoder.to(device)
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        vectors = torch.empty(len(texts), encoder.dim)
        starts = range(0, len(order), CHUNK)
        for start in tqdm(starts, desc="Encoding texts", unit=f"×{CHUNK}", delay=2, leave=False):
            chosen = order[start : start + CHUNK]
            given = [texts[number] for number in chosen]
            vectors[chosen] = (encoder(given) if self.unit else encoder.encode(given)).cpu()
        return vectors


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Returns the sha256 of weights, by name."""
    digest = hashlib.sha256()
    for name, values in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _load(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """Reads cached vectors; a file that is damaged or of another shape is computed again."""
    try:
        vectors = load_file(path)["vectors"]
    except (OSError, SafetensorError, KeyError):
        return None
    return vectors if tuple(vectors.shape) == shape else None
