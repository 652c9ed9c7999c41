"""`export adapter`, `weights`, `chat`, `answers`, `mdm`, `take`, `blender`: files that other programs read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

from kfzoo.commands.export_take import blender, take
from kfzoo.errors import InputError
from kfzoo.terminal import say

if TYPE_CHECKING:
    from kfzoo.data.batch import Sample
    from kfzoo.data.json_lines import Fields
    from kfzoo.language_models.exchange import Exchangeable

_NAMED = 3  # Keyframes that one line names.
_TUNED = "give the checkpoint of a language model that was tuned by LoRA"


def adapter(checkpoint: str, out: str) -> None:
    """Writes a checkpoint's adapter as a folder that PEFT and ms-swift load; needs no language model.

    Args:
        checkpoint: Checkpoint of a language model that was tuned by LoRA, such as runs/<name>/best.ckpt.
        out: The folder.

    Raises:
        InputError: When the checkpoint cannot be read or holds no adapter.
    """
    from kfzoo.language_models.exchange import Exchangeable
    from kfzoo.training.checkpoint import read_checkpoint

    found = read_checkpoint(checkpoint)
    class_path = found["kfzoo"]["class_path"]
    try:
        kind = resolve_name(class_path)
    except (ImportError, AttributeError, ValueError) as error:
        problem = f"names {class_path}, which cannot be imported"
        raise InputError(checkpoint, problem, "put it on PYTHONPATH") from error
    if not issubclass(kind, Exchangeable):
        raise InputError(checkpoint, f"holds a {class_path}, which has no adapter", _TUNED)
    if not any("lora_" in name for name in found["state_dict"]):
        raise InputError(checkpoint, f"holds a {class_path} without an adapter", _TUNED)
    annotation = found["kfzoo"].get("annotation", "")
    kind.save_adapter(out, found.get("hyper_parameters", {}), found["state_dict"], annotation)
    print(out)


def weights(checkpoint: str, out: str, command: str = "") -> None:
    """Writes a checkpoint's weights in half precision into one safetensors file, which every `--checkpoint` reads.

    Args:
        checkpoint: A checkpoint, such as runs/<name>/best.ckpt.
        out: The file, with the ending .safetensors.
        command: What makes the same weights again; it is written into the file.

    Raises:
        InputError: When the checkpoint cannot be read, or for another ending.
    """
    from kfzoo.training.checkpoint import read_checkpoint
    from kfzoo.training.weights_file import write_weights

    write_weights(out, read_checkpoint(checkpoint), command)
    print(f"{out} ({Path(out).stat().st_size / 1e6:.1f} MB)")


def chat(run: str, out: str, part: Literal["train", "val", "test", "all"] = "train") -> None:
    """Writes a part of the data as chat JSON Lines on which ms-swift trains: request and answer, a keyframe a line.

    Requests and answers have the form of the configuration's model and the annotation of its data. Keyframes without
    coefficients are left out and reported.

    Args:
        run: Folder of a run of a language model, or its configuration.
        out: Path of the file; it appears when it is complete.
        part: Part of the data; `all` for data that is not split.

    Raises:
        InputError: For a configuration that cannot be used, whose model writes no text, or whose data holds nothing to
            learn.
    """
    from tqdm.auto import tqdm

    kind, settings = _model_of(run)

    from kfzoo.commands.score_data import open_data

    samples = open_data(run, part).samples
    known = [sample for sample in samples if sample.keyframe.coefficients is not None]
    if not known:
        raise InputError(run, f"not one keyframe of part '{part}' has coefficients to learn", "choose another part")
    unknown = [sample.id for sample in samples if sample.keyframe.coefficients is None]
    _report(unknown, f"of {len(samples):,} keyframes have no coefficients and are left out")
    lines = (kind.training_line(sample, settings) for sample in known)
    _write_lines(out, tqdm(lines, desc="Writing requests", total=len(known), unit=" lines", delay=2, leave=False))
    print(f"{len(known):,} requests and answers in {out}")


def answers(
    predictions: str, out: str, data: str = "", part: Literal["train", "val", "test", "all"] = "test", decimals: int = 3
) -> None:
    """Writes predictions in the form of KeyframeFace's released answers: `{"response": …}`, one a line.

    A text that a model wrote is kept unchanged, also where it is not valid; other coefficients are written as text.
    With `--data`, valid answers to requests with images end with a bare object of the channels: SemanticFace's
    converter reads the top level of the last object alone, and takes one under another key for 61 zeros.
    With `--data` the answers are in the order of the requests; a keyframe without an answer gets an empty one, so that
    the others keep their places, and is reported.

    Args:
        predictions: The file that `predict` wrote.
        out: Path of the file; it appears when it is complete.
        data: The requests, as in `score`: folder of a run, configuration, or JSON Lines.
        part: The part of the data.
        decimals: Digits of coefficients that are written as text, 1 to 3.

    Raises:
        InputError: For predictions that cannot be read or answer a keyframe twice.
    """
    from kfzoo.data.json_lines import Fields, existing_file, read_lines

    samples: Sequence[Sample] = []
    if data:
        from kfzoo.commands.score_data import open_data

        samples = open_data(data, part).samples
    of_images = {sample.id for sample in samples if sample.keyframe.image_path is not None}
    found: dict[str, str] = {}
    invalid: list[str] = []
    for where, values in read_lines(existing_file(predictions)):
        fields = Fields(where, values)
        name = fields.text("id")
        if name in found:
            raise fields.fault("id", f"is '{name}', which an earlier line has, too", "keep one of the two")
        found[name] = _response(fields, decimals, bare=name in of_images)
        if values.get("valid") is not True:
            invalid.append(name)
    order, asked = list(found), set(found)
    if data:
        order = [sample.id for sample in samples]
        asked = set(order)
        if not asked & found.keys():
            raise InputError(predictions, "holds no answer to these keyframes", "check --data and --part")
        missing = [name for name in order if name not in found]
        _report(missing, f"of {len(order):,} keyframes have no answer: left empty")
        _report([name for name in found if name not in asked], "answers are to other keyframes and are left out")
    _report([name for name in invalid if name in asked], "answers are not valid and are kept as they are")
    _write_lines(out, ({"response": found.get(name, "")} for name in order))
    print(f"{len(order):,} answers in {out}")


def mdm(checkpoint: str, out: str) -> None:
    """Writes a diffusion model as the code of MDM and Express4D stores it; needs no text encoder.

    The folder holds `model….pt`, numbered by training steps, `args.json`, and `mean.npy` and `std.npy`, by which
    motions are standardised.

    Args:
        checkpoint: Of a KeyframeMDM or a ClipMDM, such as runs/<name>/best.ckpt.
        out: The folder.

    Raises:
        InputError: When the checkpoint cannot be read or is of another model.
    """
    from kfzoo.models.mdm.checkpoint_exchange import released_of
    from kfzoo.models.mdm.published_checkpoint import write_released
    from kfzoo.training.checkpoint import read_checkpoint

    print(write_released(out, released_of(checkpoint, read_checkpoint(checkpoint))))


def _response(fields: Fields, decimals: int, *, bare: bool) -> str:
    """Returns the text of one prediction: the model's own, else that of its coefficients; empty where it has none.

    A bare text is one object of the 61 channels, without a key for the keyframe.
    """
    from kfzoo.data.json_lines import shown
    from kfzoo.data.vector import named_vector
    from kfzoo.language_models.answer_layout import AnswerLayout

    valid = fields.get("valid")
    if not isinstance(valid, bool):
        raise fields.fault("valid", f"is {shown(valid)}, expected true or false", "give the file that `predict` wrote")
    text = fields.text("text") if "text" in fields else None
    if not valid or (text is not None and not (bare and _has_wrapper(text))):
        return text or ""
    index, values = fields.number("index"), fields.get("coefficients")
    if index < 0 or index % 1:
        raise fields.fault("index", f"is {index}, expected the number of a keyframe in its script, from 0")
    if not isinstance(values, dict):
        raise fields.fault("coefficients", f"is {shown(values)}, expected 61 values by name")
    vector, problems = named_vector(list(values.items()))
    if vector is None:
        raise fields.fault("coefficients", f"is not valid: {problems[0]}")
    if bare:
        from kfzoo.models.vlm_estimator.answer import layout

        return layout("A1", decimals).text(vector)
    return AnswerLayout.of("semantic", decimals, int(index)).text(vector)


def _has_wrapper(text: str) -> bool:
    """Returns whether the coefficients in an answer are under a key, or in a list, not at the top of an object."""
    from kfzoo.data.predictions.answer_text import parse_answer

    return bool(parse_answer(text).label) or not text.rstrip("` \n").endswith("}")


def _model_of(run: str) -> tuple[type[Exchangeable], Mapping[str, Any]]:
    """Returns class and settings of the model, which writes text, of a run or a configuration."""
    from kfzoo.configs import read_config
    from kfzoo.environment_references import with_environment
    from kfzoo.language_models.exchange import Exchangeable
    from kfzoo.parsing import CommandParser
    from kfzoo.runs import RunFolder
    from kfzoo.training.module import ZooModule

    path = RunFolder(run).config if Path(run).is_dir() else Path(run)
    try:
        section = with_environment(path, read_config(path)["model"])
    except (KeyError, TypeError):
        raise InputError(path, "holds no `model` section", "give a configuration like those in configs") from None
    parser = CommandParser()
    parser.add_subclass_arguments(ZooModule, "model")
    try:
        parsed = parser.parse_object({"model": section}).model
    except InputError as error:
        raise InputError(path, str(error)) from error
    kind = resolve_name(parsed.class_path)
    if not issubclass(kind, Exchangeable):
        problem = f"is of a {parsed.class_path}, which writes no text"
        raise InputError(path, problem, "give the configuration of a language model")
    return kind, parsed.init_args.as_dict()


def _report(names: Sequence[str], what: str) -> None:
    if names:
        some = ", ".join(f"'{name}'" for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        say(f"{len(names):,} {what}: {some}", sys.stderr)


def _write_lines(path: str, lines: Iterable[Mapping[str, Any]]) -> None:
    from kfzoo.files import replacing

    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


COMMAND = {
    "adapter": adapter,
    "weights": weights,
    "chat": chat,
    "answers": answers,
    "mdm": mdm,
    "take": take,
    "blender": blender,
}

BY_POSITION = {"take": "take", "blender": "take"}
"""The first argument of functions, which may be given without its name."""
