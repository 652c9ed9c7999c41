"""What the environment gives to a configuration is used, and written nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kfzoo.configs import read_config
from kfzoo.environment_references import with_environment
from kfzoo.errors import InputError
from kfzoo.models import ZeroFace
from kfzoo.models.base import KeyframeModule
from kfzoo.runs import read_data
from kfzoo.training.checkpoint import load_module, read_checkpoint
from tests.commandline import ROOT, Capture, refusal, results, run, shrink

SECRET = "k3y-of-mine"


def test_values_of_the_environment_are_in_no_file_of_a_run(
    tiny_sentence_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shrink(ROOT / "configs" / "nearest_neighbour" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    values = read_config(config)
    values["model"]["init_args"]["text_encoder"] = "${oc.env:KFZOO_TEST_ENCODER}"
    values["data"]["init_args"]["batch_size"] = "${oc.env:KFZOO_TEST_SIZE,8}"
    values["trainer"]["default_root_dir"] = "${run_dir}/${oc.env:KFZOO_TEST_SECRET}"
    config.write_text(yaml.safe_dump(values))
    monkeypatch.setenv("KFZOO_TEST_ENCODER", tiny_sentence_encoder)
    monkeypatch.setenv("KFZOO_TEST_SECRET", SECRET)
    assert run("fit", "--config", config) == 0
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    for value in (SECRET, tiny_sentence_encoder):
        assert not [path.name for path in files if value.encode() in path.read_bytes()]
    saved = results(tmp_path / "run")["config"]
    assert saved["model"]["init_args"]["text_encoder"] == "${oc.env:KFZOO_TEST_ENCODER}"
    assert saved["data"]["init_args"]["batch_size"] == "${oc.env:KFZOO_TEST_SIZE,8}"
    assert saved["trainer"]["default_root_dir"].endswith("run/${oc.env:KFZOO_TEST_SECRET}")
    best = tmp_path / "run" / "best.ckpt"
    assert read_checkpoint(best)["hyper_parameters"]["text_encoder"] == "${oc.env:KFZOO_TEST_ENCODER}"
    assert load_module(best, KeyframeModule).hparams["text_encoder"] == tiny_sentence_encoder
    assert read_data(tmp_path / "run" / "config.yaml").batch_size == 8
    assert run("test", "--config", config) == 0


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(f"base: {ROOT}/configs/mean_face/builtin.yaml\nrun_dir: ${{oc.env:KFZOO_TEST_NOTHING}}\n")
    assert "KFZOO_TEST_NOTHING" in refusal(capsys, "fit", "--config", config)
    with pytest.raises(InputError, match="x: names the environment variable KFZOO_TEST_NOTHING, which is not set"):
        with_environment("x", {"a": ["${oc.env:KFZOO_TEST_NOTHING}"]})
    assert with_environment("x", [1, "${oc.env:KFZOO_TEST_NOTHING,b}c ${other}"]) == [1, "bc ${other}"]


def test_a_model_made_outside_the_command_line_keeps_its_settings() -> None:
    checkpoint: dict[str, object] = {"hyper_parameters": {}}
    ZeroFace().on_save_checkpoint(checkpoint)
    assert checkpoint["hyper_parameters"] == {}
