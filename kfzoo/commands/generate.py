"""`generate`: words into a face on disk, held at keyframes or moving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.data.script import Script
    from kfzoo.models.base import ClipModule, KeyframeModule

APART, LONG = 1.5, 4.0
"""Seconds, where none are given: between two keyframes, and of a moving clip."""

IMAGES = 6
"""Frames of a moving clip that are drawn, evenly from the first to the last."""


def generate(
    text: str,
    checkpoint: str = "",
    out: str = "outputs/face",
    background: str = "",
    emotion: str = "",
    seconds: float | None = None,
    fps: float = 60.0,
    seed: int | None = None,
) -> None:
    """Turns words into facial keyframes or, with a model of motion, into a moving clip, and those into files.

    Writes `<out>.csv` (Live Link Face, for Unreal and Blender), `<out>.json` (the keyframes, or all frames of the clip,
    by name) and `<out>.png` (the keyframes, or some frames, drawn).

    Args:
        text: What the face does; several keyframes are parted by `|`. Or a file that holds one script, such as
            my_script.jsonl, as `script` writes it: with its own times, background and emotion. A model of motion takes
            one text.
        checkpoint: A file that `fit` wrote, such as runs/aligned_autoencoder-builtin/best.ckpt.
        out: Path of the files, without an ending.
        background: The situation, for models that read it; stands in for a file's.
        emotion: The emotion in words, for models that read it; stands in for a file's.
        seconds: Time between keyframes that are given as text (by default 1.5), or length of a moving clip (4).
        fps: Frames a second of the CSV.
        seed: For models that draw by chance; by default the one that they were trained with.

    Raises:
        InputError: For empty text, a file that is no script, a time or rate that is not positive, a checkpoint that
            cannot be used, and what a model of motion cannot do.
    """
    if not checkpoint:
        raise InputError("--checkpoint", "is missing", "give a file that `fit` wrote, such as runs/<name>/best.ckpt")
    script = _script(text, background, emotion, APART if seconds is None else seconds, fps)

    from kfzoo.models.base import ClipModule, KeyframeModule
    from kfzoo.training.checkpoint import load_module
    from kfzoo.training.module import ZooModule

    model = load_module(checkpoint, ZooModule)
    if seed is not None:
        model.hparams["seed"] = seed
    if isinstance(model, ClipModule):
        _clip(model, text, LONG if seconds is None else seconds, fps, out)
    elif isinstance(model, KeyframeModule):
        _keyframes(model, script, fps, out)
    else:
        name = f"{type(model).__module__}.{type(model).__qualname__}"
        raise InputError(checkpoint, f"holds {name}, which is no KeyframeModule", "give the checkpoint of one")
    for path in _paths(out):
        print(path)


def _keyframes(model: KeyframeModule, script: Script, fps: float, out: str) -> None:
    """Writes the files of a script's keyframes."""
    import torch

    from kfzoo.animation.curves import interpolate
    from kfzoo.animation.exporters import export_json
    from kfzoo.arkit.livelink import write_take
    from kfzoo.data.batch import Sample
    from kfzoo.rendering.contact_sheet import Row, contact_sheet, save_png

    samples = [Sample(script, position, "original") for position in range(len(script.keyframes))]
    with torch.inference_mode():
        answer = model.generate(model.collate(samples))
    faces = answer.coefficients.numpy()
    times = [keyframe.time for keyframe in script.keyframes]
    texts = [keyframe.original for keyframe in script.keyframes]
    _, curves = interpolate(times, faces, fps=fps)
    table, record, image = _paths(out)
    write_take(table, curves, fps=fps)
    export_json(record, times, faces, fps=fps, text=" | ".join(texts), descriptions=texts)
    rows = [Row(words, [(f"{time:g} s", face)]) for words, time, face in zip(texts, times, faces, strict=True)]
    save_png(contact_sheet(rows), image)


def _clip(model: ClipModule, text: str, seconds: float, fps: float, out: str) -> None:
    """Writes the files of a moving clip."""
    import numpy as np
    import torch

    from kfzoo.animation.curves import resample
    from kfzoo.animation.exporters import export_json
    from kfzoo.arkit.livelink import write_take
    from kfzoo.data.clip import FPS, MIN_FRAMES
    from kfzoo.rendering.contact_sheet import Row, contact_sheet, save_png

    words = text.strip()
    for odd, what in ((words.endswith(".jsonl"), "is a file of keyframes"), ("|" in words, "parts keyframes by `|`")):
        if odd:
            raise InputError(
                "text", f"{what}, and the checkpoint is a model of motion", "tell the whole clip in one text"
            )
    longest = int(model.longest)
    if not MIN_FRAMES <= seconds * FPS <= longest:
        problem = f"is {seconds:g}, expected {MIN_FRAMES / FPS:g} to {longest / FPS:g}"
        raise InputError("--seconds", problem, "the model was trained on no longer clips")
    frames = round(seconds * FPS)
    with torch.inference_mode():
        motion = model.sample([words], [frames], model.seeds_of([words]))[0].cpu().numpy()
    table, record, image = _paths(out)
    write_take(table, resample(motion, FPS, fps), fps=fps)
    export_json(record, np.arange(frames) / FPS, motion, fps=fps, text=words)
    chosen = np.linspace(0, frames - 1, IMAGES).round().astype(int)
    save_png(contact_sheet([Row(words, [(f"{frame / FPS:.2f} s", motion[frame]) for frame in chosen])]), image)


def _paths(out: str) -> tuple[Path, Path, Path]:
    """Returns where the CSV, the JSON and the image go."""
    return Path(f"{out}.csv"), Path(f"{out}.json"), Path(f"{out}.png")


def _script(text: str, background: str, emotion: str, seconds: float, fps: float) -> Script:
    from kfzoo.data.script import Keyframe, Script

    for name, value in (("--seconds", seconds), ("--fps", fps)):
        if not value > 0:
            raise InputError(name, f"expected more than 0, found {value}")
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
    from dataclasses import replace

    from kfzoo.data.sources.jsonl import ScriptsJsonl

    script, *more = ScriptsJsonl(path)
    if more:
        raise InputError(path, f"holds {len(more) + 1} scripts, expected one", "answer all of them with `predict`")
    for keyframe in script.keyframes:
        if not keyframe.original.strip():
            raise InputError(path, f"key 'keyframes[{keyframe.index}]' has no 'original' description", "add it")
    return replace(script, background=background or script.background, emotion=emotion or script.emotion)


COMMAND = generate
