# SPDX-License-Identifier: Apache-2.0
"""Keys a take of a face onto the shape keys of the selected mesh. For Blender 3.6 to 5.

Select the mesh, then run this script in Blender's text editor, or `blender head.blend --python key_take.py`. Shape
keys are found by ARKit's names in any spelling: eyeBlinkLeft, EyeBlink_L, eye_blink_l, blendShape.eyeBlink_L. Keys are
set in seconds, at whatever rate the scene has, from its first frame. The nine head and eye angles, in radians, become
custom properties of the object (HeadYaw, HeadPitch, …), which drivers can read: rigs differ in their bones.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

TAKE: Any = None  # frames a second, names, and keys are put here when the script is written

BEZIER, LINEAR, FREE = 2, 1, 0  # Blender's numbers of interpolations and of the kind of handles


class Timing(NamedTuple):
    """From the take's frames to the scene's."""

    first: float
    per_frame: float


def main() -> None:
    """Keys the take; what is missing is printed."""
    import bpy

    mesh = selected_mesh(bpy.context)
    blocks = {channel_of(block.name): block for block in mesh.data.shape_keys.key_blocks}
    shapes = {name: values for name, values in TAKE["shapes"].items() if name in blocks}
    missing = [name for name in TAKE["shapes"] if name not in blocks]
    if not shapes:
        raise RuntimeError(f"{mesh.name}: no shape key has the name of an ARKit blendshape, such as eyeBlinkLeft")
    scene = bpy.context.scene
    timing = Timing(scene.frame_start, scene.render.fps / scene.render.fps_base / TAKE["fps"])
    for name in TAKE["angles"]:
        mesh[name] = 0.0
    keys = mesh.data.shape_keys
    key_all(keys, {blocks[name].path_from_id("value"): values for name, values in shapes.items()}, timing)
    key_all(mesh, {f'["{name}"]': values for name, values in TAKE["angles"].items()}, timing)
    last = timing.first + TAKE["frames"][-1] * timing.per_frame
    scene.frame_end = max(scene.frame_end, -int(-last // 1))
    scene.frame_set(scene.frame_current)
    print(f"{mesh.name}: {len(shapes)} shape keys from frame {timing.first:g} to {last:g}")
    if missing:
        print(f"{mesh.name}: has no shape key for {', '.join(missing)}")


def selected_mesh(context: Any) -> Any:
    """Returns the active object, or the first selected one, that is a mesh with shape keys."""
    for found in [context.view_layer.objects.active, *context.selected_objects]:
        if found is not None and found.type == "MESH" and found.data.shape_keys is not None:
            return found
    raise RuntimeError("select a mesh with shape keys, then run the script again")


def channel_of(name: str) -> str:
    """Returns the blendshape that a shape key's name means, or the name as it is."""
    for part in (name, name.partition(".")[2], name.rpartition(".")[2]):
        key = re.sub("[^a-z0-9]", "", part.lower())
        if re.search("([-_. ][lrLR]|[a-z][LR])$", part):
            key = key[:-1] + {"l": "left", "r": "right"}[key[-1]]
        for channel in TAKE["shapes"]:
            if channel.lower() in (key, re.sub("[^a-z0-9]", "", part.lower())):
                return str(channel)
    return name


def key_all(owner: Any, curves: Any, timing: Timing) -> None:
    """Gives an object or a mesh's shape keys a new action with these curves, by their data paths."""
    import bpy

    action = bpy.data.actions.new(TAKE["name"])
    data = owner.animation_data or owner.animation_data_create()
    if hasattr(action, "slots"):  # Blender 4.4 and later: layered actions
        slot = action.slots.new(owner.id_type, owner.name)
        data.action = action
        data.action_slot = slot
        strip = action.layers.new("take").strips.new(type="KEYFRAME")
        made = strip.channelbag(slot, ensure=True).fcurves
    else:
        data.action = action
        made = action.fcurves
    for path, values in curves.items():
        set_keys(made.new(path, index=0), values, timing)


def set_keys(curve: Any, channel: Any, timing: Timing) -> None:
    """Sets the keys of one curve, with handles a third of the way to the next key: exactly the take's cubics."""
    values, arriving, leaving = channel["values"], channel.get("arriving"), channel.get("leaving")
    frames = TAKE["frames"][: len(values)]
    points = curve.keyframe_points
    points.add(len(values))
    points.foreach_set("co", pairs(frames, values, timing))
    if arriving:
        before = [0, *[(b - a) / 3 for a, b in zip(frames, frames[1:])]]  # noqa: B905, RUF007 - as Python 3.9 has it
        after = [*before[1:], 0]
        for side, steps, slopes, way in (("left", before, arriving, -1), ("right", after, leaving, 1)):
            at = [frame + way * step for frame, step in zip(frames, steps)]  # noqa: B905
            heights = [v + way * step * slope for v, step, slope in zip(values, steps, slopes)]  # noqa: B905
            points.foreach_set(f"handle_{side}_type", [FREE] * len(values))
            points.foreach_set(f"handle_{side}", pairs(at, heights, timing))
    points.foreach_set("interpolation", [BEZIER if arriving else LINEAR] * len(values))
    if arriving:
        curve.keyframe_points.handles_recalc()
    curve.update()


def pairs(frames: Any, values: Any, timing: Timing) -> list[float]:
    """Returns the scene's frames and the values in turn."""
    flat = []
    for frame, value in zip(frames, values):  # noqa: B905
        flat += [timing.first + frame * timing.per_frame, value]
    return flat


if __name__ == "__main__":
    main()
