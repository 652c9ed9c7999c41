"""A frozen text encoder that computes every sentence once, in memory and on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm.auto import tqdm

from kfzoo.downloads import downloads_forbidden, without_downloads
from kfzoo.encoders.text import TextEncoder, build_text_encoder, warn_of_cuts
from kfzoo.errors import InputError
from kfzoo.files import cache_folder, computing, replacing

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
        self._local = downloads_forbidden()  # of a checkpoint: the encoder is built when it is first needed
        self._rows: dict[str, int] = {}
        self._vectors = torch.empty(0, 0)

    @cached_property
    def encoder(self) -> TextEncoder:
        """The encoder itself; whoever wants vectors calls this class."""
        with without_downloads(self._local):
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
        shape = (len(unique), self.dim)
        vectors = read_cached(path, {"vectors": (torch.float32, shape)})
        if vectors is None:
            with computing(path):  # what another process computes meanwhile is not computed again
                vectors = read_cached(path, {"vectors": (torch.float32, shape)})
                if vectors is None:
                    if warn:
                        warn_of_cuts(self.encoder, unique)
                    vectors = {"vectors": self._compute(unique, device)}
                    write_cached(path, vectors)
        self._keep(unique, vectors["vectors"])

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
        if not torch.isfinite(vectors).all():
            problem = "gives vectors that are not finite: its weights are damaged"
            raise InputError(f"text encoder '{self.specification}'", problem, "get its weights again")
        return vectors


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Returns the sha256 of weights, by name."""
    digest = hashlib.sha256()
    for name, values in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_cached(path: Path, expected: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> dict[str, Tensor] | None:
    """Reads tensors that `write_cached` wrote; None, so that they are computed again, where they cannot be used.

    Args:
        path: A file of the cache.
        expected: Type and shape of each tensor.

    Returns:
        The tensors; None where the file is missing, damaged, or holds others or numbers that are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            written = (file.metadata() or {}).get("digest")  # older versions wrote none
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except (OSError, SafetensorError):
        return None
    if {name: (each.dtype, tuple(each.shape)) for name, each in found.items()} != dict(expected):
        return None
    if written is not None and written != weights_digest(found):
        return None
    return found if all(bool(torch.isfinite(each).all()) for each in found.values()) else None


def write_cached(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors into the cache, with their digest."""
    with replacing(path) as temporary:
        save_file(dict(tensors), temporary, metadata={"digest": weights_digest(tensors)})
