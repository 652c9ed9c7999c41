"""`show`: takes of any kind side by side, in one page that plays offline."""

from __future__ import annotations

import sys
from pathlib import Path

from kfzoo.errors import InputError

FPS = 30.0
"""Default of `fps`."""


def show(
    takes: list[str],
    out: str = "compare.html",
    title: str = "",
    start: float = 0.0,
    end: float | None = None,
    fps: float = FPS,
    hold: float = 0.5,
    ease: float = 0.4,
    row_fps: float | None = None,
) -> None:
    """Writes one HTML page in which takes play side by side, on one clock; it opens in any browser, without a network.

    Args:
        takes: 1 to 12 takes in any form that kfzoo reads: recordings (Live Link Face, Audio2Face, MediaPipe, NeuroSync,
            Face Cap, iFacialMocap), JSON of `generate` and `estimate`, scripts as JSON Lines with coefficients.
        out: Path of the page; it ends in .html.
        title: Of the page; by default the takes' names.
        start: Seconds of each take at which the page begins.
        end: Seconds of each take at which the page ends; by default the take's last frame.
        fps: Frames a second at most; a take of more than 60 seconds at 30 is shown at a lower rate.
        hold: Seconds that keyframes of JSON and scripts are held.
        ease: Seconds from neutral to the first of them, and from the last one back.
        row_fps: Frames a second of recordings that do not say it.

    Raises:
        InputError: For files that cannot be read, no take or too many, another ending, and times or rates out of range.
    """
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError("--out", f"is '{out}', expected the path of a page, such as compare.html", "end it in .html")
    last = float("inf") if end is None else end
    if not 0 <= start <= last:
        raise InputError("--start", f"is {start:g}, expected 0 to --end", "give seconds of the takes")
    if not 1 <= fps <= 240:
        raise InputError("--fps", f"is {fps:g}, expected 1 to 240 frames a second", "30 looks smooth")

    from kfzoo.animation.page.read_shown import read_shown, with_different_titles
    from kfzoo.animation.page.writer import write_page
    from kfzoo.recordings.options import ReadingOptions
    from kfzoo.terminal import say

    # A page can show what is there: what a tracker does not see stays at rest, and is said.
    options = ReadingOptions(row_fps=row_fps, head="zero", tongue="zero")
    found = [(Path(file), take) for file in takes for take in read_shown(file, options, hold=hold, ease=ease)]
    shown = with_different_titles(found)
    for (file, _), take in zip(found, shown, strict=True):
        if take.remarks:
            say(f"{file}: {'; '.join(take.remarks)}", sys.stderr)
    if start > 0 or end is not None:
        shown = [take.part(start, last) for take in shown]
    write_page(shown, path, title=title, fps=fps)
    say(path)


COMMAND = show
