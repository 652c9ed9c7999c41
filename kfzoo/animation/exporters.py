"""Keyframes as a file that people and programs can read. For Live Link's CSV see `kfzoo.arkit.livelink`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.checks import check_keyframes
from kfzoo.errors import InputError
from kfzoo.files import replacing

DECIMALS = 4
"""Digits kept of times and coefficients: finer than any camera measures."""


def export_json(
    path: str | os.PathLike[str],
    times: ArrayLike,
    keyframes: ArrayLike,
    *,
    fps: float = 60.0,
    text: str = "",
    descriptions: Sequence[str] = (),
) -> None:
    """Writes keyframes with their times and words.

    The file holds `format`, `fps`, `text`, `channels` (the 61 names in Live Link order) and `keyframes`: each with its
    `time` in seconds, its `frame` at `fps`, its `text`, and `coefficients`, all 61 by name.

    Args:
        path: The file; replaced as a whole.
        times: Seconds, (N,), rising.
        keyframes: (N, 61) in Live Link order.
        fps: Rate that the frame numbers refer to.
        text: What the whole clip was made from.
        descriptions: Words of each keyframe; none, or one for each.

    Raises:
        InputError: For wrong shapes or values, times that do not rise, or a folder that cannot be written.
    """
    seconds, faces = check_keyframes(times, keyframes)
    if not 0 < fps < float("inf"):
        raise InputError("fps", f"expected above 0, got {fps}")
    if descriptions and len(descriptions) != len(faces):
        raise InputError(
            "descriptions", f"got {len(descriptions)} for {len(faces)} keyframes", "pass one for each keyframe, or none"
        )
    records = []
    for index, (second, face) in enumerate(zip(seconds, faces, strict=True)):
        record: dict[str, Any] = {"time": round(float(second), DECIMALS), "frame": round(float(second * fps))}
        if descriptions:
            record["text"] = descriptions[index]
        # + 0.0 turns -0.0 into 0.0.
        record["coefficients"] = {
            name: round(float(value), DECIMALS) + 0.0 for name, value in zip(CHANNELS, face, strict=True)
        }
        records.append(record)
    document = {"format": "kfzoo-keyframes-1", "fps": fps, "text": text, "channels": CHANNELS, "keyframes": records}
    with replacing(path) as beside:
        beside.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
