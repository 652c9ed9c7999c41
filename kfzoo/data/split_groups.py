"""Which groups of a split must stay together, because they hold the same performance."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kfzoo.data.clip import Clip
from kfzoo.data.script import DECIMALS, Script


def joined_groups(items: Sequence[Script | Clip], group_of: Callable[[Script | Clip], str]) -> dict[str, str]:
    """Joins groups that hold the same performance.

    A source says so of recordings (`same_as`); and two recordings whose true faces are the same, in the same order, are
    one performance, too. Recordings that show a single face are left apart: many of them are at rest.

    Args:
        items: Scripts or clips.
        group_of: The name of an item's group.

    Returns:
        By group the first one, in the order of the names, of those that it is joined with; itself for most.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for item in items:
        groups[item.recording].add(group_of(item))
    parent = {name: name for names in groups.values() for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in _links(items):
        for name in groups[one]:
            for same in groups.get(other, ()):
                first, second = sorted((root(name), root(same)))
                parent[second] = first
    return {name: root(name) for name in parent}


def _links(items: Sequence[Script | Clip]) -> Iterator[tuple[str, str]]:
    """Yields pairs of recordings that show the same performance."""
    faces: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for item in items:
        for other in item.same_as:
            yield item.recording, other
        faces[item.recording].extend(_faces(item))
    known: dict[bytes, str] = {}
    for recording, found in faces.items():
        rounded = np.rint(np.concatenate(found) * 10**DECIMALS).astype("<i4") if found else np.zeros((0, 1))
        if (rounded != rounded[:1]).any():
            first = known.setdefault(hashlib.sha256(rounded.tobytes()).digest(), recording)
            if first != recording:
                yield recording, first


def _faces(item: Script | Clip) -> list[NDArray[np.float32]]:
    if isinstance(item, Clip):
        return [item.motion]
    return [keyframe.coefficients[None] for keyframe in item.keyframes if keyframe.coefficients is not None]
