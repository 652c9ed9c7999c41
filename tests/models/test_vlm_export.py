from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kfzoo.annotation.rule import analyse
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.errors import InputError
from kfzoo.models.vlm_estimator import VLMEstimator
from kfzoo.rendering.drawing.draw import draw_face
from tests.commandline import run
from tests.language_models.helpers import save_checkpoint, write_lines


def tuned(specification: str, **settings: Any) -> VLMEstimator:
    model = VLMEstimator(specification, "A0", size=64, rank=2, prompt="semanticface", **settings)
    torch.manual_seed(3)
    for name, each in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(each, std=0.5)
    return model.eval()


def test_an_adapter_is_exported_and_loaded(tmp_path: Path, tiny_qwen3_vl: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    model = tuned(tiny_qwen3_vl)
    path = save_checkpoint(model, tmp_path / "best.ckpt")
    assert run("export", "adapter", "--checkpoint", path, "--out", tmp_path / "adapter") == 0
    read = VLMEstimator(tiny_qwen3_vl, "A0", size=64, prompt="semanticface", adapter=str(tmp_path / "adapter"), rank=2)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = [each.text for each in model.answer(images)]
    assert [each.text for each in read.eval().answer(images)] == expected
    plain = VLMEstimator(tiny_qwen3_vl, "A0", size=64, prompt="semanticface", tune=False).eval()
    assert [each.text for each in plain.answer(images)] != expected  # the adapter matters
    # PEFT itself loads every weight.
    base = AutoModelForImageTextToText.from_pretrained(tiny_qwen3_vl.removeprefix("huggingface:"))
    theirs = PeftModel.from_pretrained(base, str(tmp_path / "adapter")).state_dict()
    ours = {name: each for name, each in model.model.state_dict().items() if "lora_" in name}
    assert ours
    for name, each in ours.items():
        torch.testing.assert_close(theirs[name], each)
    arguments = json.loads((tmp_path / "adapter" / "args.json").read_text())
    assert arguments["freeze_vit"]
    assert arguments["system"].startswith("You are a professional facial expression parameter generation expert")
    assert arguments["kfzoo"]["semantics"] == "A0"


def test_an_adapter_for_other_answers_is_reported_and_of_the_vision_tower_refused(
    tmp_path: Path, tiny_qwen3_vl: str
) -> None:
    model = tuned(tiny_qwen3_vl)
    VLMEstimator.save_adapter(tmp_path, model.hparams, model.stored())
    with pytest.warns(UserWarning, match=r"model\.semantics is A2, but the adapter was trained with A0"):
        VLMEstimator(tiny_qwen3_vl, "A2", size=64, prompt="semanticface", adapter=str(tmp_path), rank=2)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"target_modules": ["qkv", "q_proj"]}))
    with pytest.raises(InputError, match="adapts the vision tower, too"):
        VLMEstimator(tiny_qwen3_vl, "A0", size=64, adapter=str(tmp_path))


def test_training_lines_are_read_back(tmp_path: Path) -> None:
    face = np.full(len(CHANNELS), 0.3, dtype=np.float32)
    draw_face(face, 64).save(tmp_path / "face.png")
    (script, *_) = BuiltinScripts(1)
    keyframe = replace(script.keyframes[0], coefficients=face, image_path=str(tmp_path / "face.png"))
    sample = Sample(replace(script, keyframes=(keyframe,)), 0, "arkit")
    settings = {"prompt": "semanticface", "semantics": "A2", "decimals": 1, "annotator": "rule"}
    path = write_lines(tmp_path / "chat.jsonl", VLMEstimator.training_line(sample, settings))
    ((read,),) = [script.keyframes for script in ChatJsonl(path)]
    np.testing.assert_allclose(np.asarray(read.coefficients), face, atol=1e-6)
    assert read.analysis == analyse(face).text()
    assert read.image_path == str(tmp_path / "face.png")
    with pytest.raises(InputError, match="the request has no text; set it to semanticface"):
        VLMEstimator.training_line(sample, settings | {"prompt": "image"})


def test_a_whole_data_set_as_training_lines(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces = images.with_name("few.jsonl")
    source = {"class_path": "kfzoo.data.sources.jsonl.ScriptsJsonl", "init_args": {"path": str(faces)}}
    settings = {"semantics": "A1", "prompt": "semanticface"}
    values = {
        "model": {"class_path": "kfzoo.models.vlm_estimator.VLMEstimator", "init_args": settings},
        "data": {"class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule", "init_args": {"source": source}},
    }
    config = tmp_path / "vlm.yaml"
    config.write_text(json.dumps(values))
    assert run("export", "chat", "--run", config, "--part", "all", "--out", tmp_path / "chat.jsonl") == 0
    count = sum(len(script.keyframes) for script in ScriptsJsonl(faces))
    assert f"{count} requests and answers" in capsys.readouterr().out
    assert len(list(ChatJsonl(tmp_path / "chat.jsonl"))) == count
