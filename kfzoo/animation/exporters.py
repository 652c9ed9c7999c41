"""Exporters by file ending: each writes a `FaceAnimation` into one file. A new format is one class and one entry."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.animation.audio2face import Audio2FaceJson
from kfzoo.animation.blender_script import BlenderScript
from kfzoo.animation.exporter import Exporter
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.face_cap import FaceCapTxt
from kfzoo.animation.glb import HeadGlb
from kfzoo.animation.html_page import HtmlPage
from kfzoo.animation.options import DEFAULT_OPTIONS, ExportOptions
from kfzoo.animation.usda import UsdAnimation
from kfzoo.animation.video import Mp4Video, WebmVideo
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.files import replacing

DECIMALS = 4
"""Digits of times and coefficients in JSON: finer than any camera measures."""

FORMATS = "csv,json,png,html"
"""What is written by default."""

_log = logging.getLogger(__name__)

IMAGES, FRAMES, ROWS = 8, 6, 100
"""Most rows of images, and faces of a moving clip, on a contact sheet; evenly from the first to the last."""

THUMBNAIL = 160
"""Side of an image on a contact sheet, in pixels."""


class LiveLinkCsv(Exporter):
    """The curves as a recording of Live Link Face, for Unreal and Blender."""

    ending = "csv"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one line a frame; see `kfzoo.recordings.live_link`."""
        from kfzoo.recordings.live_link import write_take

        write_take(path, animation.curves, fps=animation.fps)


class KeyframesJson(Exporter):
    """The keyframes with their times and words, by name.

    The file holds `format`, `fps`, `text`, `channels` (the 61 names in Live Link order) and `keyframes`: each with its
    `time` in seconds, its `frame` at `fps`, its `text`, and `coefficients`, all 61 by name.
    """

    ending = "json"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one document."""
        document = {
            "format": "kfzoo-keyframes-1",
            "fps": animation.fps,
            "text": animation.text,
            "channels": CHANNELS,
            "keyframes": [self._keyframe(animation, index) for index in range(len(animation.times))],
        }
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def _keyframe(self, animation: FaceAnimation, index: int) -> dict[str, Any]:
        seconds = float(animation.times[index])
        # + 0.0 turns -0.0 into 0.0.
        values = [round(float(value), DECIMALS) + 0.0 for value in animation.keyframes[index]]
        return {
            "time": round(seconds, DECIMALS),
            "frame": round(seconds * animation.fps),
            **({"text": animation.texts[index]} if animation.texts else {}),
            "coefficients": dict(zip(CHANNELS, values, strict=True)),
        }


class ContactSheetPng(Exporter):
    """The keyframes drawn: next to their images or words, or some frames of a moving clip."""

    ending = "png"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one image."""
        from kfzoo.data.images import open_image
        from kfzoo.rendering.contact_sheet import Row, contact_sheet
        from kfzoo.rendering.save_image import save_image

        faces = list(zip([f"{time:g} s" for time in animation.times], animation.keyframes, strict=True))
        if animation.images:
            shown = [(animation.images[at], faces[at]) for at in _evenly(len(faces), IMAGES)]
            rows = [Row("", [(image.name, open_image(image, THUMBNAIL)), face]) for image, face in shown]
        elif animation.texts:
            shown_rows = _evenly(len(faces), ROWS)  # an image of all rows of a long script fits no memory
            if len(shown_rows) < len(faces):
                _log.warning("%s shows %d of %d keyframes", path, len(shown_rows), len(faces))
            rows = [Row(animation.texts[at], [faces[at]]) for at in shown_rows]
        else:
            rows = [Row(animation.text, [faces[at] for at in _evenly(len(faces), FRAMES)])]
        save_image(contact_sheet(rows), path)


EXPORTERS: Mapping[str, Exporter] = {
    each.ending: each
    for each in (
        LiveLinkCsv(),
        KeyframesJson(),
        ContactSheetPng(),
        HtmlPage(),
        UsdAnimation(),
        Audio2FaceJson(),
        FaceCapTxt(),
        BlenderScript(),
        HeadGlb(),
        Mp4Video(),
        WebmVideo(),
    )
}
"""All exporters by file ending."""


def check_formats(formats: str, options: ExportOptions = DEFAULT_OPTIONS) -> Sequence[str]:
    """Splits a list of formats, and checks what each of them needs.

    Args:
        formats: File endings, separated by commas, such as `csv,png`.
        options: What the user chose for them.

    Raises:
        InputError: For an ending without an exporter, an option that none of the formats reads, and what the formats
            need and lack.
    """
    endings = list(dict.fromkeys(each.strip().lstrip(".").lower() for each in formats.split(",")))
    for ending in endings:
        if ending not in EXPORTERS:
            raise InputError("--formats", f"'{ending}' is not known", f"known: {', '.join(EXPORTERS)}")
    options.check_used({name: each.reads for name, each in EXPORTERS.items()}, endings)
    for ending in endings:
        EXPORTERS[ending].given(options).check()
    return endings


def export(
    animation: FaceAnimation,
    out: str | os.PathLike[str],
    formats: str = FORMATS,
    options: ExportOptions = DEFAULT_OPTIONS,
) -> list[Path]:
    """Writes an animation.

    Args:
        animation: What is written.
        out: Path of the files, without an ending.
        formats: File endings, separated by commas.
        options: What the user chose for them.

    Returns:
        The files, in the order of `formats`.

    Raises:
        InputError: What `check_formats` and the exporters raise.
    """
    paths = {ending: Path(f"{os.fspath(out)}.{ending}") for ending in check_formats(formats, options)}
    for ending, path in paths.items():
        EXPORTERS[ending].given(options).write(animation, path)
    return list(paths.values())


def _evenly(count: int, most: int) -> list[int]:
    """Returns at most `most` of `count` places, evenly from the first to the last."""
    places: list[int] = np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()
    return places
