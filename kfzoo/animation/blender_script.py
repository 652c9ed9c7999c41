"""`BlenderScript`: the curves as one script that keys them in Blender, with the keys inside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.keys import Array, Keys, keys_of
from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS
from kfzoo.files import replacing

DECIMALS = 5

_SCRIPT = Path(__file__).with_name("blender_keys.py")
_PLACE = "TAKE: Any = None  # frames a second, names, and keys are put here when the script is written\n"


class BlenderScript(Exporter):
    """The curves as one script for Blender 3.6 to 5; see `kfzoo.animation.blender_keys`, which it is."""

    ending = "blender.py"
    reads = ("bake",)

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes the script with the keys in it."""
        check_curves(animation, path)
        keys = keys_of(animation.curves, bake=self.options.bake)
        channels = {name: _channel(keys, column) for column, name in enumerate(CHANNELS)}
        take: dict[str, Any] = {
            "name": path.name.partition(".")[0] or "take",
            "fps": animation.fps,
            "frames": keys.frames.tolist(),
            "shapes": {name: channels[name] for name in BLENDSHAPES},
            "angles": {name: channels[name] for name in ANGLES},
        }
        # Numbers, names, lists and objects are written by JSON as Python writes them.
        lines = json.dumps(take).replace('}, "', '},\n    "').replace('"shapes": {', '\n    "shapes": {')
        before, after = _SCRIPT.read_text(encoding="utf-8").split(_PLACE)
        with replacing(path) as temporary:
            temporary.write_text(f"{before}TAKE: Any = {lines}\n{after}", encoding="utf-8", newline="\n")


def _channel(keys: Keys, column: int) -> dict[str, Sequence[float]]:
    """Returns the keys of one channel; of a still one the first alone."""
    values = _rounded(keys.values[:, column])
    slopes = {name: _rounded(table[:, column]) for name, table in zip(keys._fields[3:], keys[3:], strict=True)}
    if len({*values}) == 1 and not any(any(each) for each in slopes.values()):
        return {"values": values[:1]}
    return {"values": values, **(slopes if keys.kind == "cubic" else {})}


def _rounded(values: Array) -> list[float]:
    # + 0.0 turns -0.0 into 0.0.
    found: list[float] = (np.round(values, DECIMALS) + 0.0).tolist()
    return found
