"""`export adapter`, `chat`, `answers`, `mdm`: what others' programs for the three generators and estimators read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.data.batch import Sample
    from kfzoo.data.json_lines import Fields

_NAMED = 3  # Keyframes that one line names.


def adapter(checkpoint: str, out: str) -> None:
    """Writes a checkpoint's adapter as a folder that PEFT and ms-swift load; needs no language model.

    Args:
        checkpoint: Of an LLMGenerator or a VLMEstimator, such as runs/<name>/best.ckpt.
        out: The folder.

    Raises:
        InputError: When the checkpoint cannot be read or holds no adapter.
    """
    from kfzoo.language_models.adapter import save_adapter
    from kfzoo.training.checkpoint import read_checkpoint

    found = read_checkpoint(checkpoint)
    settings = found.get("hyper_parameters", {})
    remedy = "give the checkpoint of an LLMGenerator or a VLMEstimator that was tuned"
    seeing = "vision_language_model" in settings
    if not seeing and "language_model" not in settings:
        raise InputError(checkpoint, f"holds a {found['kfzoo'].get('class_path')}, which has no adapter", remedy)
    if not any("lora_" in name for name in found["state_dict"]):
        problem = "holds a language model as it is (Base), without an adapter"
        if settings.get("vision_language_model") == "tiny":
            problem = "holds all of tiny's weights, and no adapter"
        raise InputError(checkpoint, problem, remedy)
    if seeing:
        from kfzoo.models.vlm_estimator import export

        export.save_adapter(out, settings, found["state_dict"])
    else:
        save_adapter(out, settings, found["state_dict"], found["kfzoo"].get("annotation", ""))
    print(out)


def chat(run: str, out: str, part: Literal["train", "val", "test", "all"] = "train") -> None:
    """Writes a part of the data as chat JSON Lines on which ms-swift trains: request and answer, a keyframe a line.

    The form of requests and answers is that of the configuration's model, the annotation that of its data. Keyframes
    without coefficients are left out, and told.

    Args:
        run: Folder of a run of an LLMGenerator or a VLMEstimator, or the configuration of one.
        out: Path of the file; it appears when it is whole.
        part: Part of the data; `all` for data that is not split.

    Raises:
        InputError: For a configuration that cannot be used, whose model writes no text, or whose data holds nothing to
            learn.
    """
    from tqdm.auto import tqdm

    settings = _settings_of(run)

    from kfzoo.commands.score_data import open_data

    samples = open_data(run, part).samples
    known = [sample for sample in samples if sample.keyframe.coefficients is not None]
    if not known:
        raise InputError(run, f"not one keyframe of part '{part}' has coefficients to learn", "choose another part")
    _tell(
        [sample.id for sample in samples if sample.keyframe.coefficients is None],
        f"of {len(samples):,} keyframes have no coefficients and are left out",
    )
    lines = (_training_line(sample, settings) for sample in known)
    _write_lines(out, tqdm(lines, desc="Writing requests", total=len(known), unit=" lines", delay=2, leave=False))
    print(f"{len(known):,} requests and answers in {out}")


def answers(
    predictions: str,
    out: str,
    data: str = "",
    part: Literal["train", "val", "test", "all"] = "test",
    decimals: int = 3,
) -> None:
    """Writes predictions in the form of KeyframeFace's released answers: `{"response": …}`, one a line.

    What a model wrote is kept to the letter, also where it is not valid. A model that writes none gets the text of its
    coefficients. With `--data` the answers stand in the order of the requests; a keyframe without an answer gets an
    empty one, so that the others keep their places, and is told.

    Args:
        predictions: The file that `predict` wrote.
        out: Path of the file; it appears when it is whole.
        data: What was to be answered, as in `score`: folder of a run, configuration, or JSON Lines.
        part: The part of the data that was to be answered.
        decimals: Digits of coefficients that are written as text, 1 to 3.

    Raises:
        InputError: For predictions that cannot be read or answer a keyframe twice.
    """
    from kfzoo.data.json_lines import Fields, existing_file, read_lines

    found: dict[str, str] = {}
    invalid: list[str] = []
    for where, values in read_lines(existing_file(predictions)):
        fields = Fields(where, values)
        name = fields.text("id")
        if name in found:
            raise fields.fault("id", f"is '{name}', which stands in an earlier line already", "keep one of the two")
        found[name] = _response(fields, decimals)
        if values.get("valid") is not True:
            invalid.append(name)
    order, asked = list(found), set(found)
    if data:
        from kfzoo.commands.score_data import open_data

        order = [sample.id for sample in open_data(data, part).samples]
        asked = set(order)
        if not asked & found.keys():
            raise InputError(predictions, "holds not one answer to these keyframes", "check --data and --part")
        _tell([name for name in order if name not in found], f"of {len(order):,} keyframes have no answer: left empty")
        _tell([name for name in found if name not in asked], "answers are to other keyframes, and left out")
    _tell([name for name in invalid if name in asked], "answers are not valid, and kept as they are")
    _write_lines(out, ({"response": found.get(name, "")} for name in order))
    print(f"{len(order):,} answers in {out}")


def mdm(checkpoint: str, out: str) -> None:
    """Writes a diffusion model as MDM's and Express4D's own code keeps it; needs no text encoder.

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


def _response(fields: Fields, decimals: int) -> str:
    """Returns the text of one prediction: the model's own, else that of its coefficients; empty where it has none."""
    from kfzoo.data.json_lines import shown
    from kfzoo.data.vector import named_vector
    from kfzoo.language_models.answer_layout import Layout

    valid = fields.get("valid")
    if not isinstance(valid, bool):
        raise fields.fault("valid", f"is {shown(valid)}, expected true or false", "give the file that `predict` wrote")
    if "text" in fields:
        return fields.text("text")
    if not valid:
        return ""
    index, values = fields.number("index"), fields.get("coefficients")
    if index < 0 or index % 1:
        raise fields.fault("index", f"is {index}, expected the number of a keyframe in its script, from 0")
    if not isinstance(values, dict):
        raise fields.fault("coefficients", f"is {shown(values)}, expected 61 values by name")
    vector, problems = named_vector(list(values.items()))
    if vector is None:
        raise fields.fault("coefficients", f"is not valid: {problems[0]}")
    return Layout.of("semantic", decimals, int(index)).text(vector)


def _training_line(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
    if "semantics" in settings:
        from kfzoo.models.vlm_estimator.export import training_line as with_image

        return with_image(sample, settings)

    from kfzoo.models.llm_generator.prompt import training_line

    return training_line(sample, settings["representation"], settings["decimals"])


def _settings_of(run: str) -> Mapping[str, Any]:
    """Returns the settings of the model that a run, or a configuration, is of; it writes text."""
    from kfzoo.commands.parser import CommandParser
    from kfzoo.configs import read_config
    from kfzoo.models.llm_generator import LLMGenerator
    from kfzoo.models.vlm_estimator import VLMEstimator
    from kfzoo.runs import RunFolder
    from kfzoo.training.module import ZooModule

    path = RunFolder(run).config if Path(run).is_dir() else Path(run)
    try:
        section = read_config(path)["model"]
    except (KeyError, TypeError):
        raise InputError(path, "holds no `model` section", "see configs/llm_generator for one that does") from None
    parser = CommandParser()
    parser.add_subclass_arguments(ZooModule, "model")
    try:
        parsed = parser.parse_object({"model": section}).model
    except InputError as error:
        raise InputError(path, str(error)) from error
    if not issubclass(_class(parsed.class_path), LLMGenerator | VLMEstimator):
        problem = f"is of a {parsed.class_path}, which writes no text"
        raise InputError(path, problem, "give the configuration of an LLMGenerator or a VLMEstimator")
    settings: Mapping[str, Any] = parsed.init_args.as_dict()
    return settings


def _class(class_path: str) -> type:
    import importlib

    module, _, name = class_path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def _tell(names: Sequence[str], what: str) -> None:
    if names:
        some = ", ".join(f"'{name}'" for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        print(f"{len(names):,} {what}: {some}", file=sys.stderr)


def _write_lines(path: str, lines: Iterable[Mapping[str, Any]]) -> None:
    from kfzoo.files import replacing

    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


COMMAND = {"adapter": adapter, "chat": chat, "answers": answers, "mdm": mdm}
