"""The figure of `mdm_sampling`: how good keyframes are by the number of steps, and by the time that they take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"DDPM": "0.25", "DDIM": "#c4621a", "DPM-Solver++": "#1b6ca8", "as published": "0.25"}
PUBLISHED = "as published"
WIDE = 6
"""Where the greatest FID is so many times the least, the axis is logarithmic."""


class Curve(NamedTuple):
    """One scheduler.

    Attributes:
        name: A key of `COLOURS`.
        steps: Ascending.
        seconds: A keyframe takes, for each number of steps.
        fids: Of each seed, for each number of steps.
    """

    name: str
    steps: list[int]
    seconds: list[float]
    fids: list[list[float]]


def figure(
    curves: Sequence[Curve],
    interval: tuple[float, float],
    floor: float,
    path: Path,
    marked: tuple[str, int, float] | None = None,
) -> None:
    """Draws FID by steps, and by seconds a keyframe.

    Args:
        curves: Of all schedulers, and of the published loop.
        interval: Of the DDPM.
        floor: What faces of the training part reach.
        path: Of the PNG file.
        marked: Name and steps of a way, and how many times as fast as the published loop it is, which is told.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6}
    shown = [fid for curve in curves for each in curve.fids for fid in each] + [floor, *interval]
    with plt.rc_context(style):
        canvas, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True, layout="constrained")
        for axis in (left, right):
            axis.axhspan(*interval, color="0.88", lw=0, zorder=0)
            axis.axhline(floor, color="0.45", ls=(0, (4, 2)), lw=0.8, zorder=1)
            axis.set_xscale("log")
        for curve in curves:
            if curve.name != PUBLISHED:
                _draw(left, curve, [float(each) for each in curve.steps])
            _draw(right, curve, curve.seconds)
        if max(shown) > WIDE * min(shown) > 0:
            left.set(yscale="log", ylim=(min(shown) / 2.5, 1.2 * max(shown)))
            for which in (left.yaxis.set_major_formatter, left.yaxis.set_minor_formatter):
                which(_plain)
        else:
            left.set_ylim(0, 1.08 * max(shown))
        _label(left, curves, interval, floor)
        _label_times(right, curves, marked)
        ticks = [4, 6, 10, 20, 50, 100, 1000]
        left.set(xlabel="steps", ylabel="FID (test), lower is better")
        left.set_xticks(ticks, [f"{each:,}" for each in ticks])
        left.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        right.set(xlabel="seconds a keyframe, texts encoded")
        right.xaxis.set_major_formatter("{x:g}")
        canvas.savefig(path, dpi=140, metadata={"Software": None}, pil_kwargs={"optimize": True})
        plt.close(canvas)


def _plain(value: float, _: int) -> str:
    """Labels the ticks 1, 2 and 5 of each decade."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


def _draw(axis: Axes, curve: Curve, places: Sequence[float]) -> None:
    published = curve.name == PUBLISHED
    colour = COLOURS[curve.name]
    middles = [mean(each) for each in curve.fids]
    below = [middle - min(each) for middle, each in zip(middles, curve.fids, strict=True)]
    above = [max(each) - middle for middle, each in zip(middles, curve.fids, strict=True)]
    look: dict[str, Any] = {"fmt": "s" if published else "o-", "mfc": "white" if published else colour}
    axis.errorbar(places, middles, [below, above], color=colour, lw=1.2, ms=3.5, elinewidth=0.8, zorder=3, **look)


def _label(axis: Axes, curves: Sequence[Curve], interval: tuple[float, float], floor: float) -> None:
    """Names the curves at their first points, the band and the line where nothing else stands."""
    beside: dict[str, Any] = {"textcoords": "offset points", "zorder": 4}
    for curve in curves:
        if curve.steps and curve.name != PUBLISHED:
            place = (curve.steps[0], mean(curve.fids[0]))
            ha, off = ("center", (0, 6)) if len(curve.steps) == 1 else ("left", (5, 3))
            if curve.name == "DDIM":  # at its end, as its beginning may lie on the other curve
                place, off = (curve.steps[-1], mean(curve.fids[-1])), (6, -2)
            axis.annotate(curve.name, place, off, ha=ha, color=COLOURS[curve.name], **beside)
    told: dict[str, Any] = {"xycoords": axis.get_yaxis_transform(), "color": "0.35"}
    axis.annotate("one more seed of the DDPM, 95 %", (0.99, interval[0]), (0, -8), ha="right", **told, **beside)
    axis.annotate("faces of the training part", (0.01, floor), (0, -8), **told, **beside)


def _label_times(axis: Axes, curves: Sequence[Curve], marked: tuple[str, int, float] | None) -> None:
    """Names the ways of 1,000 steps, and says how far the marked one is from the published loop."""
    beside: dict[str, Any] = {"textcoords": "offset points", "zorder": 4}
    for curve in curves:
        if len(curve.steps) == 1:
            ha, off = ("right", (4, 6)) if curve.name == PUBLISHED else ("center", (0, 6))
            text, place = f"{curve.name}, {curve.steps[0]:,}", (curve.seconds[0], mean(curve.fids[0]))
            axis.annotate(text, place, off, ha=ha, color=COLOURS[curve.name], **beside)
    by_name = {curve.name: curve for curve in curves}
    if marked is None or PUBLISHED not in by_name or marked[1] not in by_name[marked[0]].steps:
        return
    curve, published = by_name[marked[0]], by_name[PUBLISHED]
    number = curve.steps.index(marked[1])
    slow, fast = published.seconds[0], curve.seconds[number]
    height, across = 0.1, axis.get_xaxis_transform()
    arrow = {"arrowstyle": "<|-", "lw": 0.8, "color": COLOURS[curve.name], "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", (slow, height), (fast, height), xycoords=across, textcoords=across, arrowprops=arrow)
    for seconds, fid in ((slow, mean(published.fids[0])), (fast, mean(curve.fids[number]))):
        axis.plot([seconds] * 2, [fid, axis.get_ylim()[0]], ":", color=COLOURS[curve.name], lw=0.7, zorder=2)
    text = f"{curve.name}, {marked[1]} steps: {marked[2]:,.0f} × as fast"
    middle = (slow * fast) ** 0.5
    axis.annotate(text, (middle, height), (0, 3), xycoords=across, ha="center", color=COLOURS[curve.name], **beside)
