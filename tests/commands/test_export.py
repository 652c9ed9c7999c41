"""`export`: files for PEFT, ms-swift and KeyframeFace's own tools."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from kfzoo.arkit.channels import CHANNELS
from kfzoo.commands.score_data import open_data
from kfzoo.configs import read_config
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.predictions.read import read_predictions
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.data.sources.jsonl import write_scripts
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.training.checkpoint import load_module
from tests.commandline import ROOT, run
from tests.language_models.helpers import read_lines, save_checkpoint, write_lines
from tests.models.test_llm_generator import config
from tests.models.test_llm_prompt import messages, training_line
from tests.real_data import KEYFRAMEFACE, needs_real_data


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_qwen3: str) -> Path:
    """A run that continued an adapter whose folder was then removed."""
    folder = tmp_path_factory.mktemp("export")
    start = LLMGenerator(tiny_qwen3, "non_semantic", rank=3)
    for name, values in start.named_parameters():
        if "lora_B" in name:
            values.data.normal_(std=0.2)
    LLMGenerator.save_adapter(folder / "start", start.hparams, start.stored())
    file = config(folder, tiny_qwen3, adapter=str(folder / "start"), decimals=2, learning_rate=3e-3)
    values = yaml.safe_load(file.read_text())
    values["trainer"] |= {"limit_train_batches": 2, "limit_test_batches": 1, "limit_predict_batches": 2}
    file.write_text(yaml.safe_dump(values))
    assert run("fit", "--config", file) == 0
    assert run("predict", "--config", file) == 0
    shutil.rmtree(folder / "start")
    return folder / "run"


def prediction(sample: Sample) -> dict[str, Any]:
    """A line of predictions: the ground truth."""
    values = dict(zip(CHANNELS, map(float, sample.keyframe.coefficients), strict=True))  # type: ignore[arg-type]
    return {"id": sample.id, "index": sample.position, "valid": True, "coefficients": values}


@pytest.fixture
def refuses(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail, and returns its one line of error."""

    def check(*arguments: object) -> str:
        capsys.readouterr()
        assert run("export", *arguments) == 2
        (said,) = capsys.readouterr().err.splitlines()
        return said.removeprefix("kfzoo: ")

    return check


def test_peft_loads_a_checkpoints_adapter(trained: Path, tmp_path: Path, tiny_qwen3: str) -> None:
    from peft import PeftModel

    from kfzoo.language_models.loading import load_language_model

    out = tmp_path / "adapter"
    assert run("export", "adapter", "--checkpoint", trained / "best.ckpt", "--out", out) == 0
    ours: Any = load_module(trained / "best.ckpt", LLMGenerator)
    base, _ = load_language_model(tiny_qwen3)
    theirs = PeftModel.from_pretrained(base, str(out)).eval()
    tokens = torch.arange(5, 35)[None]
    with torch.inference_mode():
        torch.testing.assert_close(theirs(tokens).logits, ours.model(tokens).logits, rtol=0, atol=0)
    arguments = json.loads((out / "args.json").read_text())
    assert arguments["kfzoo"]["annotation"] == "arkit"
    assert arguments["kfzoo"]["decimals"] == 2
    assert json.loads((out / "adapter_config.json").read_text())["r"] == 3


def test_chat_lines_are_those_of_the_configuration(trained: Path, tmp_path: Path) -> None:
    for part in ("train", "val"):
        out = tmp_path / f"{part}.jsonl"
        given = () if part == "train" else ("--part", part)
        assert run("export", "chat", "--run", trained, "--out", out, *given) == 0
        samples = open_data(str(trained), part).samples
        assert read_lines(out) == [training_line(sample, "non_semantic", 2) for sample in samples]
    for script in ChatJsonl(tmp_path / "train.jsonl", annotation="arkit"):
        assert all(keyframe.coefficients is not None for keyframe in script.keyframes)


@needs_real_data
def test_keyframes_without_coefficients_are_left_out_of_the_chat_and_reported(
    tmp_path: Path, tiny_qwen3: str, capsys: pytest.CaptureFixture[str], refuses: Callable[..., str]
) -> None:
    both, answers = read_lines(KEYFRAMEFACE / "example.jsonl"), read_lines(KEYFRAMEFACE / "example_result.jsonl")
    write_lines(tmp_path / "requests.jsonl", both[0] | answers[0], both[1])
    file = config(tmp_path, tiny_qwen3, representation="semantic")
    values = yaml.safe_load(file.read_text())
    init_args = {"path": str(tmp_path / "requests.jsonl")}
    source = {"class_path": "kfzoo.data.sources.chat.ChatJsonl", "init_args": init_args}
    values["data"]["init_args"] |= {"source": source, "annotation": "original"}
    file.write_text(yaml.safe_dump(values))
    out = tmp_path / "out.jsonl"
    assert run("export", "chat", "--run", file, "--out", out, "--part", "all") == 0
    assert capsys.readouterr().err == "1 of 2 keyframes have no coefficients and are left out: 'requests-0001#1'\n"
    (line,) = read_lines(out)
    assert line["messages"][1] == both[0]["messages"][1]
    assert line["messages"][2]["content"] == answers[0]["response"]
    write_lines(tmp_path / "requests.jsonl", *both)
    said = refuses("chat", "--run", file, "--out", out, "--part", "all")
    assert "not one keyframe of part 'all' has coefficients" in said
    assert read_lines(out) == [line]


@needs_real_data
def test_released_requests_and_answers_are_reproduced(tmp_path: Path) -> None:
    requests, answers = KEYFRAMEFACE / "example.jsonl", KEYFRAMEFACE / "example_result.jsonl"
    (script,) = ChatJsonl(requests, answers)
    samples = [Sample(script, position, "original") for position in range(2)]
    for sample, request, answer in zip(samples, read_lines(requests), read_lines(answers), strict=True):
        assert messages(sample, "semantic")[1] == request["messages"][1]
        assert training_line(sample, "semantic")["messages"][2]["content"] == answer["response"]
    rows = [prediction(sample) for sample in samples]
    given = ("--data", requests, "--decimals", 1, "--out", tmp_path / "out.jsonl")
    assert run("export", "answers", "--predictions", write_lines(tmp_path / "p.jsonl", *rows[::-1]), *given) == 0
    assert (tmp_path / "out.jsonl").read_bytes() == answers.read_bytes().rstrip() + b"\n"


def test_answers_are_what_the_model_wrote(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert run("export", "answers", "--predictions", trained / "predictions.jsonl", "--out", out) == 0
    rows = read_lines(trained / "predictions.jsonl")
    assert read_lines(out) == [{"response": row["text"]} for row in rows]
    for row, line in zip(rows, read_lines(out), strict=True):
        found = parse_answer(line["response"]).coefficients
        assert found is not None
        np.testing.assert_allclose(found, list(row["coefficients"].values()), atol=1e-6)


def scripts(folder: Path) -> tuple[Path, list[Sample]]:
    """A file of scripts, and its keyframes."""
    chosen = [script for script in BuiltinScripts(20) if len(script.keyframes) > 1][:2]
    write_scripts(folder / "scripts.jsonl", chosen)
    found = [Sample(script, position, "arkit") for script in chosen for position in range(len(script.keyframes))]
    return folder / "scripts.jsonl", found


def test_answers_are_in_the_order_of_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, samples = scripts(tmp_path)
    rows = [prediction(sample) for sample in samples]
    rows[0] |= {"valid": False, "text": "I cannot “do” that."}
    rows[1] |= {"valid": False}
    other = rows[2] | {"id": "nobody#0"}
    file = write_lines(tmp_path / "predictions.jsonl", other, *rows[::-1][:-3], *rows[:2])
    out = tmp_path / "answers.jsonl"
    assert run("export", "answers", "--predictions", file, "--out", out, "--data", data) == 0
    said = capsys.readouterr()
    assert said.out == f"{len(samples)} answers in {out}\n"
    assert said.err.splitlines() == [
        f"1 of {len(samples)} keyframes have no answer: left empty: '{samples[2].id}'",
        "1 answers are to other keyframes and are left out: 'nobody#0'",
        f"2 answers are not valid and are kept as they are: '{samples[0].id}', '{samples[1].id}'",
    ]
    found = read_lines(out)
    assert all(list(line) == ["response"] for line in found)
    assert [line["response"] for line in found[:3]] == ["I cannot “do” that.", "", ""]
    scored = read_predictions(out, samples)
    assert scored.valid.tolist() == [False, False, False, *[True] * (len(samples) - 3)]
    for row in range(3, len(samples)):
        np.testing.assert_allclose(scored.coefficients[row], samples[row].keyframe.coefficients, atol=5.1e-4)  # type: ignore[arg-type]


def test_bad_input_is_reported_in_one_line(
    trained: Path, tmp_path: Path, tiny_qwen3: str, refuses: Callable[..., str]
) -> None:
    out = tmp_path / "out"
    mean = ROOT / "configs" / "mean_face" / "builtin.yaml"
    values = read_config(mean)
    values["data"]["init_args"]["source"]["init_args"] = {"n": 42}
    small = tmp_path / "mean.yaml"
    small.write_text(yaml.safe_dump(values | {"run_dir": str(tmp_path / "mean")}))
    assert run("fit", "--config", small) == 0
    said = refuses("adapter", "--checkpoint", tmp_path / "mean" / "best.ckpt", "--out", out)
    assert "best.ckpt: holds a kfzoo.models.mean_face.MeanFace, which has no adapter; give the checkpoint of a" in said
    base = LLMGenerator(tiny_qwen3, tune=False)
    said = refuses("adapter", "--checkpoint", save_checkpoint(base, tmp_path / "base.ckpt"), "--out", out)
    assert "LLMGenerator without an adapter; give the checkpoint of a language model that was tuned" in said
    assert "no such file" in refuses("adapter", "--checkpoint", tmp_path / "no.ckpt", "--out", out)
    for file in (mean, tmp_path / "mean"):
        said = refuses("chat", "--run", file, "--out", out)
        assert "MeanFace, which writes no text; give the configuration of" in said
    assert "cannot be read" in refuses("chat", "--run", tmp_path / "no.yaml", "--out", out)
    small.write_text("data: 3\n")
    assert "holds no `model` section" in refuses("chat", "--run", small, "--out", out)
    values = yaml.safe_load((trained / "config.yaml").read_text())
    values["model"]["init_args"]["decimal"] = 3
    small.write_text(yaml.safe_dump(values))
    assert "did you mean 'decimals'?" in refuses("chat", "--run", small, "--out", out)
    row = {"id": "a#0", "index": 0, "valid": True, "coefficients": {"JawOpen": 0.5}}
    for rows, message in (
        ([row], "p.jsonl:1: key 'coefficients' is not valid: channels 'EyeBlinkLeft', "),
        ([row | {"coefficients": [1]}], "p.jsonl:1: key 'coefficients' is a list of 1, expected 61 values by name"),
        ([row | {"index": 0.5}], "p.jsonl:1: key 'index' is 0.5, expected the number of a keyframe"),
        ([row | {"valid": 1}], "p.jsonl:1: key 'valid' is 1, expected true or false; give the file that"),
        ([row | {"text": ""}, row | {"text": "a"}], "p.jsonl:2: key 'id' is 'a#0', which an earlier line has, too"),
        ([{"response": "{}"}], "p.jsonl:1: the line lacks the key 'id'"),
    ):
        assert message in refuses("answers", "--predictions", write_lines(tmp_path / "p.jsonl", *rows), "--out", out)
    data, _ = scripts(tmp_path)
    file = write_lines(tmp_path / "p.jsonl", row | {"text": "a"})
    assert run("export", "answers", "--predictions", file, "--out", tmp_path / "answers.jsonl", "--data", data) == 2
    assert not (tmp_path / "answers.jsonl").exists()
    assert not out.exists()


def test_answers_to_requests_with_images_are_bare_objects(tmp_path: Path) -> None:
    """SemanticFace's converter takes the top level of the last object, and 0 for each channel that it lacks there."""
    face = dict.fromkeys(CHANNELS, 0.25)
    texts = [None, json.dumps({"Keyframe_one": face}), "A smile.\n" + json.dumps(face), json.dumps(list(face.values()))]
    asked = [
        {"messages": [{"role": "user", "content": "<image>Analyse."}], "images": [f"{number}.jpg"]}
        for number in range(len(texts))
    ]
    data = write_lines(tmp_path / "asked.jsonl", *asked)
    rows = [
        {"id": f"asked-{number + 1:04d}#0", "index": 0, "valid": True, "coefficients": face}
        | ({} if text is None else {"text": text})
        for number, text in enumerate(texts)
    ]
    out = tmp_path / "answers.jsonl"
    given = ("--predictions", write_lines(tmp_path / "p.jsonl", *rows), "--out", out, "--data", data)
    assert run("export", "answers", *given) == 0
    found = [json.loads(line)["response"] for line in out.read_text().splitlines()]
    assert found[2] == texts[2]
    for text in found:
        assert json.loads(text[text.rindex("{") :]) == face
