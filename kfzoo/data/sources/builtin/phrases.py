"""The phrases that a script's `emotion` field holds."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from kfzoo.data.sources.builtin.banks import Bank, read_banks, sentence
from kfzoo.data.sources.builtin.nouns import NOUNS

DEGREES: tuple[tuple[float, Bank], ...] = (
    (0.75, Bank(("mild", "quiet", "slight"), ("faint", "muted"))),
    (0.95, Bank(("", "", "visible"), ("", "noticeable"))),
    (9.99, Bank(("deep", "intense", "overwhelming"), ("profound", "extreme"))),
)
"""Adjectives of a simple emotion, by the broadness of the script up to which each bank holds."""

PATTERNS: Mapping[str, Bank] = read_banks("""
simple: {degree} {felt} || {degree} {felt}
contained: contained {felt} | suppressed {felt} | secret {felt} | {felt} held back | {felt} behind {shown}
    || bottled-up {felt} | {felt} kept under wraps | stifled {felt} beneath {shown}
concealed by: {felt} concealed by {shown} | {shown} over {felt} | {felt} hidden behind {shown} | {shown} despite {felt}
    || {felt} disguised as {shown} | {shown} to cover up {felt} | {shown} papering over {felt}
turning into: {felt} turning into {shown} | from {felt} to {shown} | {shown} after {felt} | {felt}, then {shown}
    || {felt} giving way to {shown} | {shown} in the wake of {felt} | {felt} dissolving to become {shown}
mixed with: {felt} mixed with {shown} | {felt} and {shown} | {felt} with a touch of {shown}
    || a blend of {felt} plus {shown} | {felt} tinged by {shown}
breaking through: {felt} breaking through {shown} | {shown} collapsing into {felt} | {felt} that can no longer be hidden
    || {shown} crumbling to reveal {felt} | {felt} bursting past {shown}
""")
"""How the names of two emotions are put together, by the way in which they combine."""


def name(shade: str, rng: Random, held_out: bool) -> str:
    """Draws a noun for a shade or a mask.

    Args:
        shade: Key of `NOUNS`.
        rng: Source of chance.
        held_out: Whether to draw from the bank that training never shows.
    """
    return NOUNS[shade].pick(rng, held_out)


def emotion_phrase(way: str, felt: str, shown: str, scale: float, rng: Random, held_out: bool) -> str:
    """Writes a script's emotion, for example "Anxiety concealed by a restrained smile.".

    Args:
        way: Key of `PATTERNS`.
        felt: The first emotion, a key of `NOUNS`.
        shown: The second emotion or mask, or "".
        scale: Broadness of the script, about 1.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    degree = next(bank for limit, bank in DEGREES if scale <= limit).pick(rng, held_out)
    text = (
        PATTERNS[way]
        .pick(rng, held_out)
        .format(degree=degree, felt=name(felt, rng, held_out), shown=name(shown, rng, held_out) if shown else "")
    )
    return sentence(text.strip())
