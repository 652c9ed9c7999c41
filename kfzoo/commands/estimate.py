"""`estimate`: images of a face into curves on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.data.script import Script
    from kfzoo.models.base import Generation, KeyframeModule

_log = logging.getLogger(__name__)

AT_ONCE = 32
"""Images that go through the model together."""

SHOWN = 8
"""Images on the sheet, evenly from the first to the last."""

THUMBNAIL = 160


def estimate(
    images: str,
    checkpoint: str = "",
    out: str = "outputs/face",
    rate: float = 2.0,
    fps: float = 60.0,
    strict: bool = False,
) -> None:
    """Turns images of a face into curves: one image, or those of a folder as the frames of one take.

    Writes `<out>.csv` (Live Link Face, for Unreal and Blender), `<out>.json` (each image's coefficients by name) and
    `<out>.png` (images beside the faces that were estimated). What cannot be read, and images in which the model
    finds no face, are told in a line each and left out of the curves; time goes on without them.

    Args:
        images: An image, or a folder of images of one person, taken in the order of their names.
        checkpoint: A file that `fit` wrote of a model of images, such as runs/image_regressor-builtin/best.ckpt.
        out: Path of the files, without an ending.
        rate: Images a second of a folder; SemanticFace samples videos at 2.
        fps: Frames a second of the CSV.
        strict: Ends with exit code 2 at the first image that cannot be read.

    Raises:
        InputError: For images that are none, a rate that is not positive, a checkpoint of another kind of model, and
            when no image shows a face.
    """
    if not checkpoint:
        raise InputError("--checkpoint", "is missing", "give a file that `fit` wrote, such as runs/<name>/best.ckpt")
    for name, value in (("--rate", rate), ("--fps", fps)):
        if not 0 < value < float("inf"):
            raise InputError(name, f"expected more than 0, found {value}")
    script = _take(Path(images), rate, strict)

    from kfzoo.models.base import KeyframeModule
    from kfzoo.training.checkpoint import load_module

    model = load_module(checkpoint, KeyframeModule)
    if model.condition != "image":
        problem = f"holds {type(model).__name__}, which reads words"
        raise InputError(checkpoint, problem, "give the checkpoint of a model of images, or use `generate`")
    _write(script, _answer(model, script), fps, out)


def _take(path: Path, rate: float, strict: bool) -> Script:
    """Makes one script of the images."""
    from kfzoo.data.images import ImageProblems, list_images
    from kfzoo.data.script import UNSPECIFIED, Keyframe, Script

    problems = ImageProblems(strict or path.is_file())
    paths = [path] if path.is_file() else list_images(path)
    usable = [(number, each) for number, each in enumerate(paths) if problems.usable(each)]
    problems.summarise(path, len(usable))
    keyframes = tuple(
        Keyframe(index=index, time=number / rate, image_path=str(each)) for index, (number, each) in enumerate(usable)
    )
    return Script(path.stem, UNSPECIFIED, background="", emotion=UNSPECIFIED, keyframes=keyframes)


def _answer(model: KeyframeModule, script: Script) -> Generation:
    """Answers all images, some at a time."""
    import torch
    from tqdm.auto import tqdm

    from kfzoo.data.batch import Sample
    from kfzoo.models.base import Generation

    samples = [Sample(script, position, "image") for position in range(len(script.keyframes))]
    parts = [samples[first : first + AT_ONCE] for first in range(0, len(samples), AT_ONCE)]
    bar = tqdm(parts, desc="Estimating", unit=f" × {AT_ONCE} images", delay=2, leave=False)
    with torch.inference_mode():
        answers = [model.generate(model.collate(part)) for part in bar]
    coefficients = torch.cat([each.coefficients for each in answers])
    return Generation(coefficients, torch.cat([each.valid for each in answers]))


def _write(script: Script, answer: Generation, fps: float, out: str) -> None:
    import numpy as np

    from kfzoo.animation.curves import interpolate
    from kfzoo.animation.exporters import export_json
    from kfzoo.arkit.livelink import write_take
    from kfzoo.data.images import open_image
    from kfzoo.rendering.contact_sheet import Row, contact_sheet, save_png

    valid = np.flatnonzero(answer.valid.numpy())
    if not len(valid):
        raise InputError(script.id, "shows the model no face", "cut the images to the face, or choose another model")
    if len(valid) < len(script.keyframes):
        _log.warning("%d of %d images gave no face", len(script.keyframes) - len(valid), len(script.keyframes))
    faces = answer.coefficients.numpy()[valid]
    keyframes = [script.keyframes[number] for number in valid]
    times, paths = [each.time for each in keyframes], [str(each.image_path) for each in keyframes]
    posed = {} if len(valid) == 1 else {"hold": 0.0, "ease": 0.0}  # one image is a pose; several are a movement
    _, curves = interpolate(times, faces, fps=fps, **posed)
    table, record, image = (Path(f"{out}.{ending}") for ending in ("csv", "json", "png"))
    write_take(table, curves, fps=fps)
    export_json(record, times, faces, fps=fps, text=script.id, descriptions=[Path(each).name for each in paths])
    chosen = np.unique(np.linspace(0, len(valid) - 1, SHOWN).round().astype(int))
    rows = [
        Row("", [(Path(paths[at]).name, open_image(paths[at], THUMBNAIL)), (f"{times[at]:g} s", faces[at])])
        for at in chosen
    ]
    save_png(contact_sheet(rows), image)
    for path in (table, record, image):
        print(path)


COMMAND = estimate
