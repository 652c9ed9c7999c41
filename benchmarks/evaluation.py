"""How long the whole evaluation suite takes by the number of keyframes, and its metrics beside the usual loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from benchmarks.peers import compare
from benchmarks.process import in_fresh_process
from benchmarks.report import table, verdict
from benchmarks.suite_run import PARTS, REST, Taken
from kfzoo.files import replacing
from kfzoo.metrics.distances import DIVERSITY_MOST
from kfzoo.metrics.retrieval import FULL_SET_LIMIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Scoring with the whole suite"
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)

MIDDLE = 10_000
"""Keyframes to which the targets of time and memory apply, and with which both ways are compared."""

SECONDS = 10.0
MEMORY = 1024.0
"""MiB that the whole process may hold at its peak."""

LINEAR = 1.5
"""How many times longer than at `MIDDLE` a keyframe may take at the largest size."""

FULL_SET = "retrieval in the full set"

TARGET: dict[str, Any] = {
    "marker": "_",
    "ls": "",
    "color": "crimson",
    "ms": 11,
    "mew": 1.4,
    "label": "target",
    "zorder": 4,
}
"""Mark in the figure below which a measurement should lie."""

CODE = """
from benchmarks.process import memory
before = [memory().now]
import torch
before.append(memory().now)
from benchmarks.suite_run import run
run({}, before)
"""


def measure(sizes: Sequence[int] = SIZES, image: Path | None = None, runs: int = 5) -> str:
    """Scores made-up keyframes in fresh processes, compares with the usual loops, and returns the tables.

    Args:
        sizes: Numbers of keyframes, one process each, at least a pool's.
        image: File for the figure.
        runs: Of each way in the comparison.
    """
    progress = tqdm(sorted(sizes), desc="Scoring", unit=" sizes", leave=False)
    found = {size: Taken(**in_fresh_process(CODE.format(size))) for size in progress}
    lines = [
        "## Time and memory",
        "",
        *_introduction(found),
        "",
        _sizes_table(found),
        "",
        *(f"{line}\n" for line in verdicts(found)),
    ]
    if image is not None:
        with replacing(image) as path:
            figure(found, path)
        lines += [f"![Seconds and memory by the number of keyframes, with the parts of the suite]({image.name})", ""]
    lines += [
        "## Parts",
        "",
        "Seconds of all five reports together. What a part calls of another counts for that one alone: intervals are",
        "in no other part.",
        "",
        _parts_table(found),
        "",
        "## Beside the usual loops",
        "",
    ]
    count = min(MIDDLE, max(found))
    lines += [f"{count:,} keyframes; median of {runs} runs, all ways in turn, the same inputs for both.", ""]
    return "\n".join([*lines, compare(count, runs)])


def verdicts(found: Mapping[int, Taken]) -> list[str]:
    """Returns a line for each target that the sizes can tell of."""
    lines: list[str] = []
    if MIDDLE in found:
        taken = found[MIDDLE]
        bare, torch, imported, ready, peak = taken.memory
        share = f"{torch - bare:,.0f} MiB are torch, {imported - torch:,.0f} the suite's other imports"
        lines += [
            verdict(f"{MIDDLE:,} keyframes in {SECONDS:g} s", f"{taken.seconds:.1f} s", taken.seconds < SECONDS),
            verdict(
                f"{MIDDLE:,} keyframes with {MEMORY:,.0f} MiB at the peak of the whole process",
                f"{peak:,.0f} MiB, of which {share} and {peak - ready:,.0f} the scoring itself",
                peak < MEMORY,
            ),
        ]
    small, large = MIDDLE if MIDDLE in found else min(found), max(found)
    if small < large:
        growth = _per_keyframe(found, large) / _per_keyframe(found, small)
        without = _per_keyframe(found, large, leaving=FULL_SET) / _per_keyframe(found, small, leaving=FULL_SET)
        lines.append(
            verdict(
                f"a keyframe of {large:,} takes at most {LINEAR} × the time of one of {small:,}",
                f"{growth:.2f} ×, and {without:.2f} × without {FULL_SET}",
                growth <= LINEAR,
            )
        )
    return lines


def figure(found: Mapping[int, Taken], path: Path) -> None:
    """Draws seconds, whole and by part, and memory, by the number of keyframes.

    Args:
        found: By number of keyframes, ascending.
        path: Of the PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6}
    with plt.rc_context(style):
        canvas, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(1.5, 1), layout="constrained")
        _draw_seconds(left, found, plt.colormaps["tab10"])
        _draw_memory(right, found)
        for axis in (left, right):
            axis.set(xscale="log", yscale="log", xlabel="keyframes in thousands")
            axis.set_xticks(list(found), [f"{size / 1000:g}" for size in found])
            axis.yaxis.set_major_formatter("{x:,g}")
            axis.minorticks_off()
            axis.grid(lw=0.3)
        canvas.savefig(path, dpi=200, metadata={"Software": None})
        plt.close(canvas)


def _draw_seconds(axis: Axes, found: Mapping[int, Taken], colours: Any) -> None:
    sizes = list(found)
    whole = [taken.seconds for taken in found.values()]
    axis.plot(sizes, whole, "o-", color="black", lw=1.6, ms=4, label="whole suite", zorder=3)
    fixed = MIDDLE if MIDDLE in found else sizes[0]
    line = [found[fixed].seconds * size / fixed for size in sizes]
    axis.plot(sizes, line, "--", color="0.55", lw=0.8, label="proportional (slope 1)")
    parts = sorted((*PARTS, REST), key=lambda part: -found[fixed].parts[part])
    for number, part in enumerate(parts):
        there = [size for size in sizes if part != FULL_SET or size <= FULL_SET_LIMIT]
        seconds = [found[size].parts[part] for size in there]
        axis.plot(there, seconds, "o-", color=colours(number), lw=0.9, ms=2.5, label=part)
    if MIDDLE in found:
        axis.plot([MIDDLE], [SECONDS], **TARGET)
    axis.set_ylabel("seconds for five reports")
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.6)


def _draw_memory(axis: Axes, found: Mapping[int, Taken]) -> None:
    sizes = list(found)
    peaks = [taken.memory[-1] for taken in found.values()]
    imports = [taken.memory[2] for taken in found.values()]
    scoring = [taken.memory[-1] - taken.memory[-2] for taken in found.values()]
    axis.plot(sizes, peaks, "o-", color="black", lw=1.6, ms=4)
    axis.plot(sizes, imports, color="0.5", lw=0.9)
    axis.plot(sizes, scoring, "o-", color="#1b6ca8", lw=0.9, ms=2.5)
    beside: dict[str, Any] = {"textcoords": "offset points"}
    axis.annotate("process at its peak", (sizes[-2:][0], peaks[-2:][0]), (-5, 5), ha="right", **beside)
    axis.annotate("imports alone", (sizes[0], imports[0]), (0, -9), color="0.5", **beside)
    axis.annotate("scoring alone", (sizes[0], scoring[0]), (8, -2), color="#1b6ca8", **beside)
    if MIDDLE in found:
        axis.plot([MIDDLE], [MEMORY], **TARGET)
    axis.set_ylabel("memory, MiB")


def _introduction(found: Mapping[int, Taken]) -> list[str]:
    model, target = found[max(found)].first
    return [
        "`EvaluationSuite` with a training split as large as the set: batches of 256, gathering, the model's report",
        "and those of the four reference rows, with all intervals and tables; a fresh process for each row. Keyframes",
        "are made up (one to three a script, half of their values 0, one answer in a hundred not valid). The evaluator",
        "is the built-in motion side with random weights and embeddings of size 128. Conditions are given as vectors,",
        f"so that no text encoder is timed; for them the ground truth has an R-Precision@1 of {target:.2f}, the model",
        f"of {model:.2f}.",
        "",
        f"With more than {FULL_SET_LIMIT:,} keyframes a report has no {FULL_SET}; with more than",
        f"{2 * DIVERSITY_MOST:,} each face meets some {2 * DIVERSITY_MOST:,} others in Diversity instead of all.",
        "Both would be quadratic.",
    ]


def _sizes_table(found: Mapping[int, Taken]) -> str:
    rows = []
    for size, taken in found.items():
        seconds = [f"{each:.2f}" for each in (*taken.steps, taken.seconds)]
        memory = [f"{each:,.0f}" for each in (*taken.memory[1:], taken.memory[-1] - taken.memory[-2])]
        rows.append([f"{size:,}", *seconds, f"{_per_keyframe(found, size) * 1e6:,.0f}", *memory])
    steps = ("rows, s", "model's report, s", "four references, s", "together, s", "µs a keyframe")
    memory_columns = ("with torch, MiB", "all imports, MiB", "with the data, MiB", "peak, MiB", "scoring alone, MiB")
    return table(["keyframes", *steps, *memory_columns], rows)


def _parts_table(found: Mapping[int, Taken]) -> str:
    parts = [*PARTS, REST]
    return table(
        ["keyframes", *parts],
        [[f"{size:,}", *(f"{taken.parts[part]:.3g}" for part in parts)] for size, taken in found.items()],
    )


def _per_keyframe(found: Mapping[int, Taken], size: int, leaving: str | None = None) -> float:
    """Seconds a keyframe, less those of one part."""
    return (found[size].seconds - (found[size].parts[leaving] if leaving else 0)) / size
