"""Splitting scripts, or clips of motion, into disjoint parts: by whole subjects or whole recordings."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kfzoo.data.clip import Clip
from kfzoo.data.script import PARTS, Part, Script
from kfzoo.data.split_groups import joined_groups
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

SplitItem = Script | Clip
"""What a split is made of."""


@dataclass(frozen=True)
class Split:
    """How scripts, or clips of motion, are divided into train, val and test.

    The groups that are kept whole are subjects or recordings, so that no performer, or no recording, is on two
    sides. Groups that hold the same performance, such as two copies of a recording, go into one part. Each part is
    given as a share of the groups, drawn with the seed, or as the names of its groups; training gets the rest.
    `by: source` takes the parts that the source assigns (`Script.part`).

    Attributes:
        by: What is kept whole; `clip` is the whole recording that scripts or clips of motion were cut from.
        val: Share in (0, 1) of the groups, or their names.
        test: The same for the test part.
        seed: Seed of the draw.
        stratify: Draw from each emotion separately, so that all parts show the emotions in the same proportions (the
            CLIP-aligned autoencoder's split, section III.C). Only where a group holds one emotion.
    """

    by: Literal["source", "subject", "recording"] = "source"
    val: float | list[str] = 0.1
    test: float | list[str] = 0.1
    seed: int = 0
    stratify: bool = False

    def assign(self, scripts: Sequence[SplitItem]) -> list[Part]:
        """Assigns every script to a part.

        Args:
            scripts: The source's scripts, or its clips of motion, in its order.

        Returns:
            One part for each, in the same order.

        Raises:
            InputError: When a part would be empty, a named group is unknown or named twice, or the source assigns
                no parts.
        """
        parts = self._from_source(scripts) if self.by == "source" else self._drawn(scripts)
        for part in PARTS:
            if part not in parts:
                groups = len({self._group(script) for script in scripts})
                found = f"{len(scripts)} {_kind(scripts)}s in {groups} groups by {self.by}"
                raise InputError("data.split", f"the {part} part is empty ({found})", "give more data or other shares")
        return parts

    def record(self, scripts: Sequence[SplitItem], parts: Sequence[Part]) -> dict[str, Any]:
        """Returns an assignment as plain values, to be kept with what was trained on it.

        Returns:
            `by`, `seed`, `digest`, and the names of the groups (subjects where the source assigns the parts) by part.
        """
        groups: dict[Part, set[str]] = {part: set() for part in PARTS}
        for script, part in zip(scripts, parts, strict=True):
            groups[part].add(script.recording if self.by == "recording" else script.subject)
        named = {str(part): sorted(names) for part, names in groups.items()}
        return {"by": self.by, "seed": self.seed, "digest": digest(scripts, parts), **named}

    def _from_source(self, scripts: Sequence[SplitItem]) -> list[Part]:
        for script in scripts:
            if script.part is None:
                problem = f"'source' needs parts that the source assigns, and {_kind(scripts)} '{script.id}' has none"
                raise InputError("data.split.by", problem, "choose 'subject' or 'recording'")
        parts = [script.part for script in scripts if script.part]
        self._warn_of_shared(scripts, parts)
        return parts

    def _warn_of_shared(self, scripts: Sequence[SplitItem], parts: Sequence[Part]) -> None:
        """Warns where the source puts the same performance into two parts."""
        joined = joined_groups(scripts, lambda script: script.recording)
        found: dict[str, set[Part]] = {}
        for script, part in zip(scripts, parts, strict=True):
            found.setdefault(script.recording, set()).add(part)
        torn = [name for name, first in joined.items() if name != first and found[name] != found[first]]
        if torn:
            text = "The source has %d recordings in another part than one of the same faces, such as '%s' and '%s'."
            _log.warning(text, len(torn), torn[0], joined[torn[0]])

    def _group(self, script: SplitItem) -> str:
        return script.subject if self.by == "subject" else script.recording

    def _drawn(self, scripts: Sequence[SplitItem]) -> list[Part]:
        joined = joined_groups(scripts, self._group)
        groups = {joined[self._group(script)]: script.emotion if self.stratify else "" for script in scripts}
        assigned: dict[str, Part] = {}
        named: tuple[tuple[Part, float | list[str]], ...] = (("test", self.test), ("val", self.val))
        for part, wish in named:
            taken: set[str] = set()
            for name in wish if isinstance(wish, list) else ():
                if name not in joined or name in taken or assigned.get(joined[name], part) != part:
                    problem = f"no {self.by} of this data" if name not in joined else "named in two parts"
                    same = f", being the same as '{joined[name]}'" if joined.get(name, name) != name else ""
                    raise InputError(f"data.split.{part}", f"'{name}' is {problem}{same}", f"known: {_some(joined)}")
                taken.add(name)
                assigned[joined[name]] = part
        generator = np.random.default_rng(self.seed)
        # Two shares that are rounded up must not take what they leave together.
        kept = int(sum(wish for _, wish in named if not isinstance(wish, list)) < 1)
        for stratum in sorted(set(groups.values())):
            free = sorted(name for name, emotion in groups.items() if emotion == stratum and name not in assigned)
            order = [free[index] for index in generator.permutation(len(free))]
            for part, wish in named:
                if not isinstance(wish, list):
                    count = min(self._count(part, wish, len(free)), len(order) - kept)
                    assigned |= dict.fromkeys(order[:count], part)
                    order = order[count:]
        return [assigned.get(joined[self._group(script)], "train") for script in scripts]

    def _count(self, part: Part, share: float, groups: int) -> int:
        if not 0 < share < 1:
            raise InputError(f"data.split.{part}", f"expected a share between 0 and 1 or names, found {share}")
        # At least one group a part, where there are enough; an emotion with fewer goes to training.
        return max(1, round(share * groups)) if groups >= len(PARTS) else 0


def digest(scripts: Sequence[SplitItem], parts: Sequence[Part]) -> str:
    """Returns the sha256 of an assignment: which script is in which part."""
    pairs = sorted(zip((script.id for script in scripts), parts, strict=True))
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def _kind(scripts: Sequence[SplitItem]) -> str:
    return type(scripts[0]).__name__.lower() if scripts else "script"


def _some(names: Sequence[str] | dict[str, str]) -> str:
    shown = sorted(names)[:8]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
