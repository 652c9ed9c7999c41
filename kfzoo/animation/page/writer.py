"""Writes the page: template, style, script and takes joined into one file that loads nothing else."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from kfzoo.animation.page.packing import Packed, pack
from kfzoo.animation.page.shown_take import FPS, MOST_FRAMES, Sampled, ShownTake
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.files import replacing

MOST_TAKES = 12
"""On one page: so many colours tell curves apart."""

MOST_NAMED = 3
"""Takes whose titles make the page's."""

SCRIPTS = ("unpack.js", "face.js", "curves.js", "timeline.js", "player.js")
"""The parts of the page's script, in order."""

_log = logging.getLogger(__name__)


def write_page(takes: Sequence[ShownTake], path: str | os.PathLike[str], *, title: str = "", fps: float = FPS) -> None:
    """Writes a page that shows takes side by side, on one clock; the file is replaced as a whole.

    Takes longer than a page holds are shown at a lower rate, which the page says and a warning reports.

    Args:
        takes: 1 to 12.
        path: The file.
        title: Of the page; by default the takes' titles.
        fps: Frames a second at most.

    Raises:
        InputError: For no takes or too many, wrong coefficients, and a file that cannot be written.
    """
    if not 1 <= len(takes) <= MOST_TAKES:
        problem = f"{len(takes)} takes were given, expected 1 to {MOST_TAKES}"
        raise InputError(path, problem, "make several pages")
    most = min(MOST_FRAMES, 2 * MOST_FRAMES // len(takes))
    views = []
    for take in takes:
        sampled = take.sampled(fps, most)
        remark = _remark(take, sampled, most)
        if remark:
            _log.warning("%s: %s is %s", path, take.title, remark)
        views.append(_view(take, sampled, pack(sampled.coefficients), remark))
    with replacing(path) as temporary:
        temporary.write_text(_html(views, title or _title(takes)), encoding="utf-8")


def _title(takes: Sequence[ShownTake]) -> str:
    return " · ".join(take.title for take in takes) if len(takes) <= MOST_NAMED else f"{len(takes)} takes"


def _view(take: ShownTake, sampled: Sampled, packed: Packed, remark: str) -> dict[str, Any]:
    """What the template and the script read of a take."""
    seconds = (packed.frames - 1) / sampled.rate
    keyframes = f"{len(take.marks)} keyframe{'s' * (len(take.marks) > 1)}"
    facts = [_clock(seconds), f"{take.fps:.4g} fps", *([keyframes] if take.marks else [])]
    description = {
        "title": take.title,
        "rate": sampled.rate,
        "frames": packed.frames,
        "pictures": packed.pictures,
        "shapes": packed.shapes,
        "marks": [[round(min(max(mark.seconds, 0.0), seconds), 4), mark.words] for mark in take.marks],
        "text": take.text,
    }
    remarks = [f"Shown {remark.removeprefix('shown ')}." if remark else "", *take.remarks]
    return {
        "title": take.title,
        "facts": " · ".join(facts),
        "seconds": seconds,
        "frames": packed.frames,
        "rate": sampled.rate,
        "remarks": [each for each in remarks if each],
        "worded": bool(take.text) or any(mark.words for mark in take.marks),
        "description": description,
        "data": b64encode(packed.data).decode(),
    }


def _clock(seconds: float) -> str:
    """Seconds, or minutes and seconds, as the page's script writes them."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest / 100:05.2f}" if minutes else f"{rest / 100:.2f} s"


def _remark(take: ShownTake, sampled: Sampled, most: int) -> str:
    if not sampled.reduced:
        return ""
    return f"shown at {sampled.rate:.3g} of {take.fps:.3g} frames a second, as the page holds {most:,} of a take"


def _html(views: list[dict[str, Any]], title: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("kfzoo.animation", "page")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    style, script = _style(), '"use strict";\n' + "\n".join(_read(name) for name in SCRIPTS)
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'"
    description = {"channels": CHANNELS, "takes": [view["description"] for view in views]}
    fastest = max(views, key=lambda view: view["rate"])
    longest = max(view["seconds"] for view in views)
    return environment.get_template("page.html.j2").render(
        title=title,
        facts=views[0]["facts"] if len(views) == 1 else f"On one clock · {_clock(longest)}",
        takes=views,
        duration=_clock(longest),
        frames=round(longest * fastest["rate"]) + 1,
        policy=policy,
        style=style,
        script=script,
        description=_inside_script(description),
    )


def _style() -> str:
    """The style, with the dark colours for both ways to choose them."""
    colours = _read("dark.css")
    dark = (
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{\n{colours}}} }}\n'
        f':root[data-theme="dark"] {{\n{colours}}}'
    )
    return _read("page.css").replace("/*dark*/", dark)


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source of a Content Security Policy that allows just this text."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _inside_script(values: Any) -> str:
    """JSON that ends no script element, whatever its texts hold."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
