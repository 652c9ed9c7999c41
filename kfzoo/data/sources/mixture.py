"""`Mixture`: several sources as one, in given proportions."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from random import Random

from kfzoo.data.script import Script
from kfzoo.data.sources.base import Source
from kfzoo.errors import InputError


class Mixture(Source):
    """Scripts of several sources, drawn by weight.

    Each draw takes the next script of one source, so that every source keeps its own order and none is held in memory.
    A source that has run out is drawn no more: without `n`, all scripts come, each once. Which source is drawn depends
    on the seed and on the sources alone. Ids begin with the source's place, `0-…`, `1-…`, so that they stay distinct;
    the parts that the sources assign are kept.

    Args:
        sources: The sources, one or more.
        weights: How often each source is drawn, compared with the others; None to draw them in proportion to their
            lengths.
        n: Number of scripts at most; None for all.
        seed: Of the draws.

    Raises:
        InputError: For no sources, weights that do not fit them, n below 1 or a negative seed.
    """

    def __init__(
        self, sources: list[Source], weights: list[float] | None = None, n: int | None = None, seed: int = 0
    ) -> None:
        if not sources:
            raise InputError("data.source.sources", "expected at least 1 source, found none", "list the sources to mix")
        if weights is not None and len(weights) != len(sources):
            problem = f"expected {len(sources)} weights, one for each source, found {len(weights)}"
            raise InputError("data.source.weights", problem)
        for weight in weights or ():
            if not 0.0 < weight < float("inf"):
                raise InputError("data.source.weights", f"expected positive numbers, found {weight}")
        if n is not None and n < 1:
            raise InputError("data.source.n", f"expected at least 1 script, found {n}", "ask for 1 or more")
        if seed < 0:
            raise InputError(
                "data.source.seed", f"expected 0 or more, found {seed}", "choose a seed that is not negative"
            )
        self.sources = sources
        self.weights = weights
        self.n = n
        self.seed = seed

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts, made as they are asked for.

        Raises:
            InputError: When a source cannot be read.
        """
        rng = Random(f"mixture/{self.seed}")
        weights: Sequence[float] = self.weights or [float(len(source)) for source in self.sources]
        left = [
            (place, iter(source), weight)
            for place, (source, weight) in enumerate(zip(self.sources, weights, strict=True))
        ]
        left = [each for each in left if each[2] > 0.0]
        count = 0
        while left and (self.n is None or count < self.n):
            sums = list(accumulate(weight for _, _, weight in left))
            drawn = bisect(sums, rng.random() * sums[-1])
            place, scripts, _ = left[drawn]
            script = next(scripts, None)
            if script is None:
                del left[drawn]
                continue
            count += 1
            yield replace(script, id=f"{place}-{script.id}")

    def __len__(self) -> int:
        """Number of scripts."""
        total = sum(len(source) for source in self.sources)
        return total if self.n is None else min(self.n, total)
