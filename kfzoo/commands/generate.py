"""`generate`: words into a face on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.data.script import Script


def generate(
    text: str,
    checkpoint: str = "",
    out: str = "outputs/face",
    background: str = "",
    emotion: str = "",
    seconds: float = 1.5,
    fps: float = 60.0,
) -> None:
    """Turns words into facial keyframes, and those into files for other programs.

    Writes `<out>.csv` (Live Link Face, for Unreal and Blender), `<out>.json` (the keyframes by name) and `<out>.png`
    (the keyframes drawn).

    Args:
        text: What the face does; several keyframes are parted by `|`. Or a file that holds one script, such as
            my_script.jsonl, as `script` writes it: with its own times, background and emotion.
        checkpoint: A file that `fit` wrote, such as runs/aligned_autoencoder-builtin/best.ckpt.
        out: Path of the files, without an ending.
        background: The situation, for models that read it; stands in for a file's.
        emotion: The emotion in words, for models that read it; stands in for a file's.
        seconds: Time between keyframes that are given as text.
        fps: Frames a second of the CSV.

    Raises:
        InputError: For empty text, a file that is no script, a time or rate that is not positive, a checkpoint that
            cannot be used.
    """
    if not checkpoint:
        raise InputError("--checkpoint", "is missing", "give a file that `fit` wrote, such as runs/<name>/best.ckpt")
    script = _script(text, background, emotion, seconds, fps)

    import torch

    from kfzoo.animation.curves import interpolate
    from kfzoo.animation.export import export_json
    from kfzoo.animation.sheet import Row, contact_sheet, save_png
    from kfzoo.arkit.livelink import write_take
    from kfzoo.data.batch import Sample
    from kfzoo.models.base import KeyframeModule
    from kfzoo.training.checkpoint import load_module

    model = load_module(checkpoint, KeyframeModule)
    samples = [Sample(script, position, "original") for position in range(len(script.keyframes))]
    with torch.inference_mode():
        answer = model.generate(model.collate(samples))
    faces = answer.coefficients.numpy()
    times = [keyframe.time for keyframe in script.keyframes]
    texts = [keyframe.original for keyframe in script.keyframes]
    _, curves = interpolate(times, faces, fps=fps)
    paths = [Path(f"{out}.{ending}") for ending in ("csv", "json", "png")]
    write_take(paths[0], curves, fps=fps)
    export_json(paths[1], times, faces, fps=fps, text=" | ".join(texts), descriptions=texts)
    rows = [Row(words, [(f"{time:g} s", face)]) for words, time, face in zip(texts, times, faces, strict=True)]
    save_png(contact_sheet(rows), paths[2])
    for path in paths:
        print(path)


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

    from kfzoo.data.jsonl import ScriptsJsonl

    script, *more = ScriptsJsonl(path)
    if more:
        raise InputError(path, f"holds {len(more) + 1} scripts, expected one", "answer all of them with `predict`")
    for keyframe in script.keyframes:
        if not keyframe.original.strip():
            raise InputError(path, f"key 'keyframes[{keyframe.index}]' has no 'original' description", "add it")
    return replace(script, background=background or script.background, emotion=emotion or script.emotion)


COMMAND = generate
