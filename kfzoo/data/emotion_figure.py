"""The figure of a source's emotions: how many keyframes there are of each (SemanticFace, figure 3)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten

from kfzoo.data.script import NEUTRAL, UNSPECIFIED, Script, emotion_of
from kfzoo.errors import InputError
from kfzoo.rendering.save_image import save_image

KINDS = (".png", ".pdf", ".svg")
MOST = 16
"""Bars; the rest is one line below them."""

WIDEST = 40
"""Characters of a bar's name."""

BLUE, GREY, INK = "#0072b2", "#b4b4ba", "#26262a"


def check_figure(path: str | os.PathLike[str]) -> None:
    """Refuses a path that does not end as a figure's.

    Raises:
        InputError: When it ends in none of `KINDS`.
    """
    if Path(path).suffix.lower() not in KINDS:
        raise InputError(path, f"is no name of a figure, expected one that ends in {', '.join(KINDS)}")


def emotion_counts(scripts: Iterable[Script]) -> dict[str, int]:
    """Counts keyframes by emotion, the largest first, equal ones by name.

    The emotion is that of `kfzoo.data.script.emotion_of`; names that differ only in capitals, spaces or a full stop
    are one, and a missing one is `UNSPECIFIED`.
    """
    names = (_name(emotion_of(script, keyframe)) for script in scripts for keyframe in script.keyframes)
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def draw_emotions(scripts: Sequence[Script], path: str | os.PathLike[str]) -> None:
    """Draws a bar for each emotion, as long as it has keyframes; neutral and unspecified ones are grey.

    Args:
        scripts: What is counted.
        path: Where the figure goes; its ending gives the kind.

    Raises:
        InputError: When no keyframe has an emotion, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    check_figure(path)
    counts = emotion_counts(scripts)
    if set(counts) <= {_name(UNSPECIFIED)}:
        raise InputError("--source", "names no emotion, of keyframes or of scripts", "leave --figure out")
    total, scored = sum(counts.values()), any(each.emotions for script in scripts for each in script.keyframes)
    title = f"{total:,} keyframes by {'strongest emotion' if scored else 'the emotion of their script'}"
    bars = _bars(counts)
    # The rest is many emotions, so its number gets no bar, which would dwarf the others'.
    lengths = [value if name in counts else 0 for name, value in bars.items()]
    felt = counts.keys() - {_name(NEUTRAL), _name(UNSPECIFIED)}
    figure = Figure(figsize=(4.8, 0.35 + 0.23 * len(bars)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=8, weight="bold", color=INK)
    axis = figure.subplots()
    axis.barh(range(len(bars)), lengths, height=0.72, color=[BLUE if name in felt else GREY for name in bars])
    for place, (value, length) in enumerate(zip(bars.values(), lengths, strict=True)):
        axis.annotate(
            f"{value:,} ({_percent(value / total)})", (length, place), (3, 0),
            textcoords="offset points", va="center_baseline", fontsize=7, color=INK,
        )  # fmt: skip
    axis.set(xlim=(0, 1.18 * max(lengths)), ylim=(len(bars) - 0.5, -0.5), xticks=[])  # room for the numbers
    axis.set_yticks(range(len(bars)), [shorten(name, WIDEST, placeholder=" …") for name in bars])
    axis.spines[:].set_visible(False)
    axis.tick_params(axis="y", length=0, labelsize=7.5, colors=INK)
    save_image(figure, path)


def _name(emotion: str) -> str:
    return " ".join(emotion.split()).rstrip(".").capitalize() or _name(UNSPECIFIED)


def _percent(share: float) -> str:
    return "<1 %" if share < 0.005 else f"{100 * share:.0f} %"


def _bars(counts: dict[str, int]) -> dict[str, int]:
    """The `MOST` largest, and the rest together."""
    rest = list(counts)[MOST:]
    if len(rest) < 2:  # a single one needs no more room under its own name
        return counts
    shown = {name: counts[name] for name in counts if name not in rest}
    return shown | {f"{len(rest)} others": sum(counts[name] for name in rest)}
