"""What a sentence asks of a face, so that a face can be checked against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX
from kfzoo.data.sources.everyday.faces import channels_of, has_direction, mirrored, reach, rests_of
from kfzoo.data.sources.everyday.lexicon import Step
from kfzoo.data.sources.everyday.pieces import Piece

Kind = Literal[
    "movement", "gaze", "asymmetry", "idiom", "emotion", "composite", "negation", "intensity", "neutral",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "movement", "gaze", "asymmetry", "idiom", "emotion", "composite", "negation", "intensity", "neutral",
)  # fmt: skip

Coefficients = Sequence[float] | NDArray[np.floating]
"""A face, (61,)."""

RESTS_BELOW = 0.2
"""Most that a channel that must rest may reach."""

LEAST_SHARE = 0.5
"""Share of the meant value that must be reached."""

LEAD = 0.6
"""Share of a face's strongest channel from which another one is asked for, too."""


@dataclass(frozen=True)
class Instruction:
    """What a sentence asks for.

    Angles carry their sign in their name: "-HeadYaw" is a turn to the left. All values are shares of a channel's full
    movement (`reading`).

    Attributes:
        kind: Kind of the sentence.
        text: The sentence.
        up: What must move: of each group at least one channel must reach the group's value in `least`.
        least: Least value of each group.
        rest: Channels that must rest, at `RESTS_BELOW` at most.
        dominant: The side that must dominate: "left", "right", "either" (one of them, it is open which) or "".
        pairs: Channels of the dominant side, each with the one that it must exceed.
        weaker: The same sentence with a weaker word of intensity, or "": its face must be weaker (`strength`).
        entries: Names of the lexicon's entries that the sentence says.
    """

    kind: Kind
    text: str
    up: tuple[tuple[str, ...], ...] = ()
    least: tuple[float, ...] = ()
    rest: tuple[str, ...] = ()
    dominant: Literal["left", "right", "either", ""] = ""
    pairs: tuple[tuple[str, str], ...] = ()
    weaker: str = ""
    entries: tuple[str, ...] = ()

    def moves(self, coefficients: Coefficients) -> bool:
        """Whether everything that must move does, in (61,) coefficients."""
        return all(
            max(reading(coefficients, name) for name in group) >= least
            for group, least in zip(self.up, self.least, strict=True)
        )

    def rests(self, coefficients: Coefficients) -> bool:
        """Whether everything that must rest does."""
        return all(abs(reading(coefficients, name)) <= RESTS_BELOW for name in self.rest)

    def dominates(self, coefficients: Coefficients) -> bool:
        """Whether the named side dominates: each of its channels is at least twice its counterpart."""
        found = [(reading(coefficients, strong), reading(coefficients, weak)) for strong, weak in self.pairs]
        if self.dominant == "either":
            return all(max(pair) >= 2 * min(pair) for pair in found)
        return all(strong >= 2 * weak for strong, weak in found)

    def follows(self, coefficients: Coefficients) -> bool:
        """Whether a face does all that the sentence asks for, but for the comparison with `weaker`."""
        return self.moves(coefficients) and self.rests(coefficients) and self.dominates(coefficients)

    def strength(self, coefficients: Coefficients) -> float:
        """How strongly a face does it: mean over the groups of their strongest channel; 0 without groups."""
        found = [max(reading(coefficients, name) for name in group) for group in self.up]
        return sum(found) / len(found) if found else 0.0


def reading(coefficients: Coefficients, name: str) -> float:
    """Value of a channel as a share of its full movement; for "-HeadYaw" of the movement the other way."""
    channel = name.removeprefix("-")
    value = float(coefficients[INDEX[channel]]) / reach(channel)
    return -value if name.startswith("-") else value


def instruction(
    kind: Kind,
    text: str,
    pieces: Sequence[Piece],
    rest: Sequence[str],
    steps: tuple[Step, ...],
    weaker: str = "",
) -> Instruction:
    """Says what a sentence's pieces ask for.

    Args:
        kind: Kind of the sentence.
        text: The sentence.
        pieces: What moves.
        rest: Channels that must rest besides those that the pieces name.
        steps: The lexicon's.
        weaker: As in `Instruction`.
    """
    up: list[tuple[str, ...]] = []
    least: list[float] = []
    pairs: list[tuple[str, str]] = []
    moving = {name for piece in pieces for name in piece.channels}
    resting = set(rest)
    for piece in pieces:
        for group, value in _groups(piece, steps):
            up.append(group)
            least.append(value)
        pairs += _pairs(piece)
        if piece.names_side or not _is_lateral(piece):
            resting |= set(piece.rests) | _opposites(piece)
        else:
            resting |= set(rests_of(piece.entry.rest))
    sides = {piece.side for piece in pieces if piece.entry.one_sided and piece.names_side}
    named: Literal["left", "right", ""] = "left" if sides == {"left"} else "right" if sides == {"right"} else ""
    open_side = any(_is_lateral(piece) and not piece.names_side for piece in pieces)
    return Instruction(
        kind=kind,
        text=text,
        up=tuple(up),
        least=tuple(least),
        rest=tuple(sorted(resting - moving)),
        dominant="either" if open_side else named,
        pairs=tuple(pairs),
        weaker=weaker,
        entries=tuple(piece.entry.name for piece in pieces),
    )


def _is_lateral(piece: Piece) -> bool:
    return piece.entry.one_sided or piece.entry.directed


def _groups(piece: Piece, steps: tuple[Step, ...]) -> list[tuple[tuple[str, ...], float]]:
    """Groups of channels of which one must move, with the least value, from all faces that the words may mean."""
    low = piece.entry.degree[0] if piece.step is None else steps[piece.step].degree[0]
    faces = [
        {_signed(name, value): abs(value) / reach(name) for name, value in each.items()}
        for each in (channels_of(face, piece.side, piece.entry.one_sided) for face in piece.entry.faces)
    ]
    common = {
        name: min(face[name] for face in faces)
        for name in faces[0]
        if all(face.get(name, 0.0) >= LEAD * max(face.values()) for face in faces)
    }
    if not common:
        strongest = tuple(dict.fromkeys(max(face, key=lambda name: face[name]) for face in faces if face))
        common_value = min((max(face.values()) for face in faces if face), default=0.0)
        return [(strongest, round(LEAST_SHARE * low * common_value, 4))] if strongest else []
    open_side = _is_lateral(piece) and not piece.names_side
    return [
        (
            (name, _turned(name)) if open_side and _turned(name) not in faces[0] else (name,),
            round(LEAST_SHARE * low * value, 4),
        )
        for name, value in common.items()
    ]


def _pairs(piece: Piece) -> list[tuple[str, str]]:
    """Channels of the moving side, each with its counterpart."""
    if not piece.entry.one_sided:
        return []
    face = piece.channels
    strongest = max(face.values())
    return [
        (name, mirrored(name)) for name, value in face.items() if value >= LEAD * strongest and mirrored(name) != name
    ]


def _opposites(piece: Piece) -> set[str]:
    """Channels of the direction opposite to the one that a sentence names."""
    if not has_direction(piece.face):
        return set()
    return {mirrored(name) for name in piece.channels if name.startswith(("Jaw", "Mouth")) and mirrored(name) != name}


def _signed(name: str, value: float) -> str:
    return f"-{name}" if value < 0.0 else name


def _turned(name: str) -> str:
    """The channel that moves when the side is the other one."""
    if name.lstrip("-").startswith("Head"):
        return name[1:] if name.startswith("-") else f"-{name}"
    return mirrored(name)
