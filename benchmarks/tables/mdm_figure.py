"""The figure of `mdm_steps`: how good keyframes are by the number of steps, and by their time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {"ddpm": ("DDPM", "0.25"), "ddim": ("DDIM", "#c4621a"), "dpm_solver": ("DPM-Solver++", "#1b6ca8")}
"""Names and colours of the schedulers."""

TICKS = (4, 6, 10, 20, 50, 100, 1000)


def figure(record: Mapping[str, Any], interval: tuple[float, float], path: Path) -> None:
    """Draws FID by steps, and by seconds a keyframe.

    Args:
        record: As `mdm_steps.measure` returns it.
        interval: Of the FID of the DDPM.
        path: Of the PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6}
    with plt.rc_context(style):
        canvas, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True, layout="constrained")
        for axis in (left, right):
            axis.axhspan(*interval, color="0.88", lw=0, zorder=0)
            axis.axhline(record["training_faces"], color="0.45", ls=(0, (4, 2)), lw=0.8, zorder=1)
            axis.set_xscale("log")
        for scheduler in NAMES:
            _draw(left, right, record, scheduler)
        published = median(record["published_seconds"]) / record["batch"]
        right.plot([published], [_fid(record["ways"]["ddpm 1000"])[0]], "s", color="0.25", mfc="white", ms=3.5)
        at = (published, interval[0])
        right.annotate("DDPM as published", at, (8, -8), ha="right", color="0.25", textcoords="offset points")
        below: Any = {"xycoords": left.get_yaxis_transform(), "textcoords": "offset points", "color": "0.35"}
        left.annotate("one more seed of the DDPM, 95 %", (0.99, interval[0]), (0, -8), ha="right", **below)
        left.annotate("faces of the training part", (0.01, record["training_faces"]), (0, -8), **below)
        left.set(xlabel="steps", ylabel="FID (test), lower is better", ylim=(0, None))
        left.set_xticks(TICKS, [f"{each:,}" for each in TICKS])
        left.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        right.set(xlabel="seconds a keyframe, text encoded")
        right.xaxis.set_major_formatter("{x:g}")
        canvas.savefig(path, dpi=140, metadata={"Software": None}, pil_kwargs={"optimize": True})
        plt.close(canvas)


def _draw(left: Axes, right: Axes, record: Mapping[str, Any], scheduler: str) -> None:
    """Draws one scheduler in both panels, and its name at its last point."""
    ways = {int(name.split()[1]): found for name, found in record["ways"].items() if name.split()[0] == scheduler}
    if not ways:
        return
    name, colour = NAMES[scheduler]
    steps = sorted(ways)
    fids = [_fid(ways[each]) for each in steps]
    seconds = [median(ways[each]["seconds"]) / record["batch"] for each in steps]
    spread = [[middle - low for middle, low, _ in fids], [high - middle for middle, _, high in fids]]
    look: Any = {"color": colour, "fmt": "o-", "lw": 1.2, "ms": 3.5, "elinewidth": 0.8, "zorder": 3}
    for axis, places in ((left, [float(each) for each in steps]), (right, seconds)):
        axis.errorbar(places, [middle for middle, _, _ in fids], spread, **look)
        at, offset, ha = (0, (6, -3), "left") if scheduler == "dpm_solver" else (-1, (0, 7), "center")
        point = (places[at], fids[at][0])
        axis.annotate(name, point, offset, color=colour, ha=ha, textcoords="offset points", zorder=4)


def _fid(way: Mapping[str, Any]) -> tuple[float, float, float]:
    """Mean, least and greatest FID of the seeds."""
    values = [each["fid_test"] for each in way["scores"]]
    return mean(values), min(values), max(values)
