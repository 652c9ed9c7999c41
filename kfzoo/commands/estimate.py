"""`estimate`: images of a face into curves on disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfzoo.animation.options import ExportOptions
from kfzoo.commands.inference import answer, check_arguments, write
from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.script import Script
    from kfzoo.models.base import Generation

_log = logging.getLogger(__name__)


def estimate(
    images: str,
    checkpoint: str = "",
    out: str = "outputs/face",
    rate: float = 2.0,
    fps: float = 60.0,
    strict: bool = False,
    formats: str = "csv,json,png,html",
    **options: Any,
) -> None:
    """Turns images of a face into curves: one image, or those of a folder as the frames of one recording.

    Images that cannot be read, or in which the model finds no face, are reported and left out of the curves; time goes
    on without them, as it does where numbers are missing in the names. Files that are no images are named.

    Args:
        images: An image, or a folder of images of one person, taken in the natural order of their names: frame2
            before frame10.
        checkpoint: A file that `fit` wrote of a model of images, such as runs/image_regressor-builtin/best.ckpt.
        out: Path of the files, without an ending.
        rate: Images a second of a folder; SemanticFace samples videos at 2.
        fps: Frames a second of the CSV.
        strict: Ends with exit code 2 at the first image that cannot be read.
        formats: What is written, separated by commas: csv (Live Link Face, for Unreal and Blender), json (each image's
            coefficients by name), png (images next to the estimated faces), html (a page that plays it in a browser,
            without a network); and what `export take` knows, such as mp4, glb, usda, blender.py.
        **options: See `ExportOptions`.

    Raises:
        InputError: For files that are no images, a rate that is not positive, an unknown format, a checkpoint of
            another kind of model, and when no image shows a face.
    """
    chosen = ExportOptions(**options)
    check_arguments(checkpoint, formats, chosen, rate=rate, fps=fps)
    script = _recording(Path(images), rate, strict)

    from kfzoo.data.batch import Sample
    from kfzoo.models.base import KeyframeModule
    from kfzoo.training.checkpoint import load_module

    model = load_module(checkpoint, KeyframeModule)
    if model.condition != "image":
        problem = f"holds {type(model).__name__}, which reads words"
        raise InputError(checkpoint, problem, "give the checkpoint of a model of images, or use `generate`")
    samples = [Sample(script, position, "image") for position in range(len(script.keyframes))]
    write(_animation(script, answer(model, samples), fps), out, formats, chosen)


def _recording(path: Path, rate: float, strict: bool) -> Script:
    """Makes one script of the images, each at the time of its place."""
    from kfzoo.data.image_listing import list_images
    from kfzoo.data.image_numbers import places_in_time
    from kfzoo.data.image_problems import ImageProblems
    from kfzoo.data.script import UNSPECIFIED, Keyframe, Script

    single = path.is_file()
    problems = ImageProblems(path.parent if single else path, strict or single)
    paths: Sequence[Path] = [path]
    if not single:
        listing = list_images(path)
        problems.pass_over(listing)
        paths = listing.images
    places = places_in_time(path, paths)
    usable = [(place, each) for place, each in zip(places, paths, strict=True) if problems.usable(each)]
    problems.summarise(len(usable))
    keyframes = tuple(
        Keyframe(index=index, time=place / rate, image_path=str(each)) for index, (place, each) in enumerate(usable)
    )
    return Script(path.stem, UNSPECIFIED, background="", emotion=UNSPECIFIED, keyframes=keyframes)


def _animation(script: Script, answers: Generation, fps: float) -> FaceAnimation:
    """Makes curves of the images that show a face."""
    from kfzoo.animation.face_animation import FaceAnimation

    found = [number for number, valid in enumerate(answers.valid.tolist()) if valid]
    if not found:
        raise InputError(script.id, "shows the model no face", "cut the images to the face, or choose another model")
    if len(found) < len(script.keyframes):
        _log.warning("%d of %d images gave no face", len(script.keyframes) - len(found), len(script.keyframes))
    keyframes = [script.keyframes[number] for number in found]
    images = [Path(str(each.image_path)) for each in keyframes]
    posed = {} if len(found) == 1 else {"hold": 0.0, "ease": 0.0}  # one image is a pose; several are a movement
    return FaceAnimation.of_keyframes(
        [each.time for each in keyframes],
        answers.coefficients.numpy()[found],
        fps=fps,
        text=script.id,
        texts=[each.name for each in images],
        images=images,
        **posed,
    )


COMMAND = estimate
