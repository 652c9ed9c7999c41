"""The figure of moving clips: curves of a few channels, the ground truth at the left, the generated at the right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.mirror import MIRROR_INDEX
from kfzoo.data.clip import FPS
from kfzoo.rendering.save_image import save_image

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's, which colour-blind readers can distinguish, too."""

INK, FAINT = "#26262a", "#dedee2"
WIDEST = 140
"""Characters of a line of a caption."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A clip of the ground truth and the one that was generated from its caption.

    Attributes:
        caption: The words of both.
        targets: (T, 61).
        generated: (T, 61), of any length.
    """

    caption: str
    targets: NDArray[np.float32]
    generated: NDArray[np.float32]


def draw_motion(pairs: Sequence[Pair], path: Path) -> None:
    """Draws each clip in a row, the ground truth at the left, the generated one at the right, on one scale.

    The channels are those that vary most in the ground truth of these clips; of a mirrored pair, one is drawn.

    Args:
        pairs: At least one clip.
        path: Where the PNG goes.

    Raises:
        InputError: When the folder cannot be written.
    """
    from matplotlib.figure import Figure

    shown = most_varied([pair.targets for pair in pairs], len(COLOURS))
    values = np.concatenate([clip[:, shown] for pair in pairs for clip in (pair.targets, pair.generated)])
    low, high = min(0.0, float(values.min())), max(0.1, float(values.max()))
    longest = max(len(clip) for pair in pairs for clip in (pair.targets, pair.generated)) / FPS
    captions = [textwrap.wrap(pair.caption, WIDEST, max_lines=2, placeholder=" …") for pair in pairs]
    figure = Figure(figsize=(7.2, 0.75 + 1.45 * len(pairs)), layout="constrained")
    rows = figure.subfigures(len(pairs), 1, squeeze=False)[:, 0]
    for row, pair, lines in zip(rows, pairs, captions, strict=True):
        row.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=7, color=INK, style="italic")
        axes = row.subplots(1, 2, sharex=True, sharey=True)
        axes[0].set_ylabel("coefficient", fontsize=7, color=INK)
        for axis, title, clip in zip(axes, ("target", "generated"), (pair.targets, pair.generated), strict=True):
            for channel, colour in zip(shown, COLOURS, strict=False):
                axis.plot(np.arange(len(clip)) / FPS, clip[:, channel], color=colour, linewidth=1.1)
            axis.set(xlim=(0, longest), ylim=(low - 0.03 * (high - low), high + 0.03 * (high - low)))
            axis.spines[["top", "right"]].set_visible(False)
            axis.spines[["left", "bottom"]].set_color(FAINT)
            axis.tick_params(labelsize=7, colors=INK, color=FAINT)
            axis.grid(axis="y", color=FAINT, linewidth=0.5)
            axis.set_axisbelow(True)
            if row is rows[0]:
                axis.set_title(title, fontsize=8, color=INK, loc="left", weight="bold")
            if row is rows[-1]:
                axis.set_xlabel("seconds", fontsize=7, color=INK)
    handles = rows[0].axes[0].get_lines()
    figure.legend(
        handles, [CHANNELS[channel] for channel in shown], loc="outside lower center", ncols=len(shown),
        fontsize=7, frameon=False, handlelength=1.4, columnspacing=1.4,
    )  # fmt: skip
    save_image(figure, path)


def most_varied(clips: Sequence[NDArray[np.float32]], count: int) -> list[int]:
    """Returns the channels with the greatest deviation over all frames, one of each mirrored pair."""
    chosen: list[int] = []
    for channel in np.argsort(-np.concatenate(clips).std(axis=0), kind="stable").tolist():
        if len(chosen) < count and MIRROR_INDEX[channel] not in chosen:
            chosen.append(channel)
    return chosen
