"""`generate`: words into a face on disk, as keyframes or as a moving clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kfzoo.commands.inference import answer, check_arguments, write
from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.script import Script
    from kfzoo.models.base import ClipModule, KeyframeModule

KEYFRAME_SECONDS, CLIP_SECONDS = 1.5, 4.0
"""Defaults of `seconds`: between two keyframes, and of a moving clip."""


def generate(
    text: str,
    checkpoint: str = "",
    out: str = "outputs/face",
    background: str = "",
    emotion: str = "",
    seconds: float | None = None,
    fps: float = 60.0,
    seed: int | None = None,
    formats: str = "csv,json,png",
) -> None:
    """Turns words into facial keyframes or, with a model of motion, into a moving clip, and writes it into files.

    Args:
        text: What the face does; `|` separates keyframes. Or a file that holds one script, such as my_script.jsonl, as
            `script` writes it: with its own times, background and emotion. A model of motion takes one text.
        checkpoint: A file that `fit` wrote, such as runs/aligned_autoencoder-builtin/best.ckpt.
        out: Path of the files, without an ending.
        background: The situation, for models that read it; replaces a file's.
        emotion: The emotion in words, for models that read it; replaces a file's.
        seconds: Time between keyframes that are given as text (by default 1.5), or length of a moving clip (4).
        fps: Frames a second of the CSV.
        seed: For models that draw by chance; by default the one that they were trained with.
        formats: What is written, separated by commas: csv (Live Link Face, for Unreal and Blender), json (the
            keyframes, or all frames of the clip, by name), png (the keyframes, or some frames, drawn).

    Raises:
        InputError: For empty text, a file that is no script, a time or rate that is not positive, an unknown format, a
            checkpoint that cannot be used, and what a model of motion cannot do.
    """
    check_arguments(checkpoint, formats, seconds=KEYFRAME_SECONDS if seconds is None else seconds, fps=fps)
    script = _script(text, background, emotion, KEYFRAME_SECONDS if seconds is None else seconds)

    from kfzoo.training.checkpoint import load_module
    from kfzoo.training.module import ZooModule

    model: Any = load_module(checkpoint, ZooModule)
    if seed is not None:
        model.hparams["seed"] = seed
    if model.task not in ANIMATIONS:
        problem = f"holds {type(model).__name__}, which generates no face"
        raise InputError(checkpoint, problem, f"give the checkpoint of a model of {' or '.join(ANIMATIONS)}")
    write(ANIMATIONS[model.task](model, script, text, seconds, fps), out, formats)


def _keyframes(model: KeyframeModule, script: Script, text: str, seconds: float | None, fps: float) -> FaceAnimation:
    """Generates a script's keyframes."""
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.batch import Sample

    samples = [Sample(script, position, "original") for position in range(len(script.keyframes))]
    faces = answer(model, samples).coefficients.numpy()
    texts = [keyframe.original for keyframe in script.keyframes]
    times = [keyframe.time for keyframe in script.keyframes]
    return FaceAnimation.of_keyframes(times, faces, fps=fps, text=" | ".join(texts), texts=texts)


def _clip(model: ClipModule, script: Script, text: str, seconds: float | None, fps: float) -> FaceAnimation:
    """Generates a moving clip."""
    import torch

    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.data.clip import FPS, MIN_FRAMES

    words = text.strip()
    seconds = CLIP_SECONDS if seconds is None else seconds
    for odd, what in ((words.endswith(".jsonl"), "is a file of keyframes"), ("|" in words, "holds several keyframes")):
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


def _script(text: str, background: str, emotion: str, seconds: float) -> Script:
    from kfzoo.data.script import Keyframe, Script

    if text.endswith(".jsonl"):
        return _from_file(text, background, emotion)
    texts = [part.strip() for part in text.split("|") if part.strip()]
    if not texts:
        raise InputError("text", "is empty", 'say what the face does, for example "a small, restrained smile"')
    keyframes = tuple(
        Keyframe(index=number, time=(number + 1) * seconds, original=words) for number, words in enumerate(texts)
    )
    return Script(id="generated", subject="generated", background=background, emotion=emotion, keyframes=keyframes)


def _from_file(path: str, background: str, emotion: str) -> Script:
    from kfzoo.data.sources.jsonl import ScriptsJsonl

    script, *more = ScriptsJsonl(path)
    if more:
        raise InputError(path, f"holds {len(more) + 1} scripts, expected one", "answer all of them with `predict`")
    for keyframe in script.keyframes:
        if not keyframe.original.strip():
            raise InputError(path, f"key 'keyframes[{keyframe.index}]' has no 'original' description", "add it")
    return replace(script, background=background or script.background, emotion=emotion or script.emotion)


COMMAND = generate
