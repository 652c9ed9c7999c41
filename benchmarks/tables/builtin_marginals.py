"""Compares the marginals of the built-in data set with those of real Live Link Face takes.

    python -m benchmarks.tables.builtin_marginals [--takes FOLDER] [--scripts N] [--out FOLDER]

Writes `builtin_marginals.png` and `builtin_marginals.md`: for every blendshape how often it is active (above 0.05), its
mean and its standard deviation, and how alike the two sides of a pair are. Without takes only the built-in side is
written. The same takes give the same files.

The committed files are of takes that show anger, fear, sadness, a neutral face and a range of motion; none shows
happiness or surprise, so that the two sides cannot match exactly.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import table
from benchmarks.tables.runs import RESULTS
from kfzoo.arkit.channels import BLENDSHAPES, INDEX, clamp
from kfzoo.data.sources.builtin.scripts import BuiltinScripts
from kfzoo.files import replacing
from kfzoo.recordings.read import read_take

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Faces = NDArray[np.float32]

ACTIVE = 0.05
STRIDE = 6
"""Every sixth frame of a take: 10 a second, neighbours are nearly alike."""

TITLE = "Marginals of the built-in data set next to real takes"
COLOURS = {"real": "0.72", "built": "#1b6ca8"}
PAIRS = tuple(
    name[:-4]
    for name in BLENDSHAPES
    if name.endswith("Left") and name[:-4] not in ("Jaw", "Mouth") and not name.startswith("EyeLook")
)
"""Movements with two sides; sideways jaw and mouth and the gaze, whose sides exclude each other, are left out."""

MEASURES = ("share active", "mean", "standard deviation")


def real_faces(folder: Path) -> Faces | None:
    """Returns frames of all takes in a folder, (frames, 61), or None when there are none."""
    takes = sorted(folder.glob("*.csv"))
    return np.concatenate([clamp(read_take(path).coefficients[::STRIDE]) for path in takes]) if takes else None


def builtin_faces(scripts: int) -> Faces:
    """Returns the keyframes of the built-in data set, (keyframes, 61)."""
    found = [keyframe.coefficients for script in BuiltinScripts(scripts) for keyframe in script.keyframes]
    return np.stack([face for face in found if face is not None])


def marginals(faces: Faces) -> NDArray[np.float64]:
    """Returns the three `MEASURES` of every blendshape, (3, 52)."""
    weights = faces[:, : len(BLENDSHAPES)].astype(np.float64)
    return np.stack([(weights > ACTIVE).mean(axis=0), weights.mean(axis=0), weights.std(axis=0)])


def sides(faces: Faces) -> NDArray[np.float64]:
    """Returns the correlation of left and right for every pair, (len(PAIRS),)."""
    return np.array([np.corrcoef(faces[:, INDEX[f"{p}Left"]], faces[:, INDEX[f"{p}Right"]])[0, 1] for p in PAIRS])


def summary(faces: Faces) -> dict[str, float]:
    """Returns what single numbers say about a set of faces."""
    weights = faces[:, : len(BLENDSHAPES)]
    return {
        "active blendshapes a face": float((weights > ACTIVE).sum(axis=1).mean()),
        "mean of the blendshapes": float(weights.mean()),
        "variance a channel, all 61": float(faces.var(axis=0).mean()),
        "correlation of left and right, median of pairs": float(np.median(sides(faces))),
    }


def report(built: Faces, real: Faces | None) -> str:
    """Writes the page."""
    sets = {"built-in": built} if real is None else {"built-in": built, "real takes": real}
    kinds = {"built-in": "keyframes", "real takes": "frames"}
    counts = [f"{len(faces):,} {kinds[name]} ({name})" for name, faces in sets.items()]
    lines = [f"# {TITLE}", "", f"{' and '.join(counts)}. Active: above {ACTIVE}.", ""]
    if real is None:
        lines += ["There are no real takes: give their folder with `--takes` to compare.", ""]
    numbers = [summary(faces) for faces in sets.values()]
    lines += [table(["", *sets], [[key, *(f"{each[key]:.4g}" for each in numbers)] for key in numbers[0]]), ""]
    values = [marginals(faces) for faces in sets.values()]
    if real is not None:
        rows = [
            [measure, f"{np.abs(ours - theirs).mean():.3f}", f"{np.corrcoef(ours, theirs)[0, 1]:.2f}"]
            for measure, ours, theirs in zip(MEASURES, *values, strict=True)
        ]
        lines += [table(["over 52 blendshapes", "mean absolute difference", "Pearson's r"], rows), ""]
    cells = [
        [name, *(f"{value[place, channel]:.3f}" for place in range(len(MEASURES)) for value in values)]
        for channel, name in enumerate(BLENDSHAPES)
    ]
    lines += [table(["blendshape", *(f"{measure}, {name}" for measure in MEASURES for name in sets)], cells)]
    return "\n".join(lines) + "\n"


def figure(built: Faces, real: Faces | None, path: Path) -> None:
    """Draws the three measures by blendshape, and the correlation of the sides by pair."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6}
    with plt.rc_context(style):
        canvas, axes = plt.subplots(4, 1, figsize=(7.2, 7.6), height_ratios=(1, 1, 1, 0.9), layout="constrained")
        ours, theirs = marginals(built), None if real is None else marginals(real)
        labels = [name.replace("Left", "L").replace("Right", "R") for name in BLENDSHAPES]
        for place, (axis, measure) in enumerate(zip(axes[:3], MEASURES, strict=True)):
            _draw(axis, ours[place], None if theirs is None else theirs[place])
            axis.set_ylabel(measure)
            axis.set_xticks(range(len(labels)), labels if place == 2 else [], rotation=90, fontsize=5.5)
            axis.set_xlim(-0.7, len(labels) - 0.3)
        if real is not None:
            axes[3].plot(range(len(PAIRS)), sides(real), "s", ms=5, color=COLOURS["real"])
        axes[3].plot(range(len(PAIRS)), sides(built), "o", ms=3, color=COLOURS["built"])
        axes[3].grid(axis="y", lw=0.3)
        axes[3].set_ylabel("left-right\ncorrelation")
        axes[3].set_xticks(range(len(PAIRS)), PAIRS, rotation=35, ha="right", fontsize=6)
        axes[3].set_ylim(0.8, 1.005)
        axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False)
        canvas.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(canvas)


def _draw(axis: Axes, built: NDArray[np.float64], real: NDArray[np.float64] | None) -> None:
    places = np.arange(len(built))
    if real is not None:
        axis.bar(places, real, width=0.75, color=COLOURS["real"], label="real takes")
    axis.plot(places, built, "o", ms=3, color=COLOURS["built"], label="built-in")


def main() -> None:
    """Reads the arguments and writes the two files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=Path, help="folder of Live Link Face recordings")
    parser.add_argument("--scripts", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    real, built = None if chosen.takes is None else real_faces(chosen.takes), builtin_faces(chosen.scripts)
    with replacing(chosen.out / "builtin_marginals.md") as path:
        path.write_text(report(built, real), encoding="utf-8")
    with replacing(chosen.out / "builtin_marginals.png") as path:
        figure(built, real, path)
    print(chosen.out / "builtin_marginals.md")


if __name__ == "__main__":
    main()
