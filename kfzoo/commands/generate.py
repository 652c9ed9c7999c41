"""`generate`: words into a face on disk, as keyframes or as a moving clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfzoo.animation.options import ExportOptions
from kfzoo.commands.inference import answer, check_arguments, write
from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.script import Annotation, Script
    from kfzoo.models.base import ClipModule, KeyframeModule

KEYFRAME_SECONDS, CLIP_SECONDS = 1.5, 4.0
"""Defaults of `seconds`: between two keyframes, and of a moving clip."""

WEAKEST, STRONGEST = 0.1, 3.0
"""Range of `strength`."""


def generate(
    text: str,
    checkpoint: str = "default",
    out: str = "outputs/face",
    background: str = "",
    emotion: str = "",
    seconds: float | None = None,
    fps: float = 60.0,
    seed: int | None = None,
    strength: float = 1.0,
    formats: str = "csv,json,png,html",
    images: str = "",
    **options: Any,
) -> None:
    """Turns words into facial keyframes or, with a model of motion, into a moving clip, and writes it into files.

    Args:
        text: What the face does; `|` separates keyframes. Or a file that holds one script, such as my_script.jsonl, as
            `script` writes it: with its own times, background and emotion. Or chat requests as KeyframeFace and
            SemanticFace released them: of several scripts each gets files of its own. A model of motion takes one text.
        checkpoint: A file that `fit` wrote, such as runs/aligned_autoencoder-builtin/best.ckpt; by default the weights
            that come with the package (plain English, one face for each keyframe).
        out: Path of the files, without an ending.
        background: The situation, for models that read it; replaces a file's.
        emotion: The emotion in words, for models that read it; replaces a file's.
        seconds: Time between keyframes that are given as text (by default 1.5), or length of a moving clip (4).
        fps: Frames a second of the CSV.
        seed: For models that draw by chance; by default the one that they were trained with.
        strength: Factor of everything that moves, 0.1 to 3: 0.5 halves the face, 1.5 makes more of it. Coefficients
            stay in their ranges.
        formats: What is written, separated by commas: csv (Live Link Face, for Unreal and Blender), json (the
            keyframes, or all frames of the clip, by name), png (the keyframes, or some frames, drawn), html (a page
            that plays it in a browser, without a network); and what `export take` knows, such as mp4, glb, usda,
            blender.py.
        images: Folder in which the images of requests are looked for.
        **options: See `ExportOptions`.

    Raises:
        InputError: For empty text, a file that is no script, a time or rate that is not positive, a strength out of
            range, an unknown format, a checkpoint that cannot be used, a background or emotion that the model does not
            read, and what a model of motion cannot do.
    """
    chosen = ExportOptions(**options)
    check_arguments(checkpoint, formats, chosen, seconds=KEYFRAME_SECONDS if seconds is None else seconds, fps=fps)
    if not WEAKEST <= strength <= STRONGEST:
        problem = f"is {strength:g}, expected {WEAKEST:g} to {STRONGEST:g}"
        raise InputError("--strength", problem, "1 leaves the face as it is")
    scripts = _scripts(text, background, emotion, KEYFRAME_SECONDS if seconds is None else seconds, images)

    from kfzoo.training.checkpoint import load_module
    from kfzoo.training.module import ZooModule

    model: Any = load_module(checkpoint, ZooModule)
    if seed is not None:
        model.hparams["seed"] = seed
    if model.task not in ANIMATIONS:
        problem = f"holds {type(model).__name__}, which generates no face"
        raise InputError(checkpoint, problem, f"give the checkpoint of a model of {' or '.join(ANIMATIONS)}")
    _check_condition(model, checkpoint, scripts)
    _check_context(model, checkpoint, background=background, emotion=emotion)
    for script in scripts:
        where = out if len(scripts) == 1 else f"{out}/{script.id}"
        animation = ANIMATIONS[model.task](model, script, text, seconds, fps)
        write(animation if strength == 1 else animation.scaled(strength), where, formats, chosen)


def _check_condition(model: Any, checkpoint: str, scripts: list[Script]) -> None:
    """Refuses requests about images for a model that reads words."""
    silent = [script.id for script in scripts if not all(each.original.strip() for each in script.keyframes)]
    if silent and getattr(model, "condition", "text") != "image":
        problem = f"holds {type(model).__name__}, which reads words, and '{silent[0]}' is an image without words"
        raise InputError(checkpoint, problem, "give the checkpoint of a model of images")


def _check_context(model: Any, checkpoint: str, **given: str) -> None:
    """Refuses a background or emotion that would change nothing."""
    for name, value in given.items():
        if value and name not in model.context:
            problem = f"is not read by the {type(model).__name__} of checkpoint {checkpoint}"
            raise InputError(f"--{name}", problem, "leave it out, and say in the text what the face does")


def _keyframes(model: KeyframeModule, script: Script, text: str, seconds: float | None, fps: float) -> FaceAnimation:
    """Generates a script's keyframes."""
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.batch import Sample

    annotation: Annotation = "image" if model.condition == "image" else "original"
    samples = [Sample(script, position, annotation) for position in range(len(script.keyframes))]
    faces = answer(model, samples).coefficients.numpy()
    texts = [keyframe.original or Path(str(keyframe.image_path)).name for keyframe in script.keyframes]
    times = [keyframe.time for keyframe in script.keyframes]
    return FaceAnimation.of_keyframes(times, faces, fps=fps, text=" | ".join(texts), texts=texts)


def _clip(model: ClipModule, script: Script, text: str, seconds: float | None, fps: float) -> FaceAnimation:
    """Generates a moving clip."""
    import torch

    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.clip import FPS, MIN_FRAMES

    words = text.strip()
    seconds = CLIP_SECONDS if seconds is None else seconds
    for odd, what in (
        (words.endswith((".jsonl", ".json")), "is a file of keyframes"),
        ("|" in words, "holds several keyframes"),
    ):
        if odd:
            problem = f"{what}, and the checkpoint is a model of motion"
            raise InputError("text", problem, "describe the whole clip in one text")
    longest = int(model.longest)
    if not MIN_FRAMES <= seconds * FPS <= longest:
        problem = f"is {seconds:g}, expected {MIN_FRAMES / FPS:g} to {longest / FPS:g}"
        raise InputError("--seconds", problem, "the model was trained on no longer clips")
    with torch.inference_mode():
        motion = model.sample([words], [round(seconds * FPS)], model.seeds_of([words]))[0]
    return FaceAnimation.of_motion(motion.cpu().numpy(), FPS, fps=fps, text=words)


ANIMATIONS: Mapping[str, Callable[..., FaceAnimation]] = {"keyframes": _keyframes, "clips": _clip}
"""How the models of each task generate."""


def _scripts(text: str, background: str, emotion: str, seconds: float, images: str) -> list[Script]:
    from kfzoo.data.script import Keyframe, Script

    if text.endswith((".jsonl", ".json")):
        return _from_file(text, background, emotion, images)
    texts = [part.strip() for part in text.split("|") if part.strip()]
    if not texts:
        raise InputError("text", "is empty", 'say what the face does, for example "a small, restrained smile"')
    keyframes = tuple(
        Keyframe(index=number, time=(number + 1) * seconds, original=words) for number, words in enumerate(texts)
    )
    return [Script(id="generated", subject="generated", background=background, emotion=emotion, keyframes=keyframes)]


def _from_file(path: str, background: str, emotion: str, images: str) -> list[Script]:
    from kfzoo.data.chat_messages import is_request
    from kfzoo.data.json_lines import existing_file, read_lines
    from kfzoo.data.sources.chat import ChatJsonl
    from kfzoo.data.sources.jsonl import ScriptsJsonl

    _, first = next(read_lines(existing_file(path)))
    if is_request(first):
        scripts = list(ChatJsonl(path, images=images or None))
    else:
        scripts = list(ScriptsJsonl(path))
        if len(scripts) > 1:
            raise InputError(path, f"holds {len(scripts)} scripts, expected one", "answer all of them with `predict`")
        for keyframe in scripts[0].keyframes:
            if not keyframe.original.strip():
                raise InputError(path, f"key 'keyframes[{keyframe.index}]' has no 'original' description", "add it")
    return [
        replace(each, background=background or each.background, emotion=emotion or each.emotion) for each in scripts
    ]


COMMAND = generate
