"""Every configuration goes through `fit` and `test`, and every model keeps the contract and has its papers in order."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch

import kfzoo.models
from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.configs import read_config
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.rendered_faces import RenderedFaces
from kfzoo.evaluation.evaluator import load_evaluator
from kfzoo.models.base import KeyframeModule
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.training.checkpoint import load_module
from kfzoo.training.module import ZooModule
from tests.commandline import CLIPS, CONFIGS, EVALUATORS, ROOT, names, results, run, shrink
from tests.encoders.landmark_faces import need_landmarker

MODELS = [
    found
    for name in kfzoo.models.__all__
    if isinstance(found := getattr(kfzoo.models, name), type)
    and issubclass(found, ZooModule)
    and not inspect.isabstract(found)
]


@pytest.mark.parametrize("config", CONFIGS, ids=names(CONFIGS))
def test_fits_tests_loads_and_generates(
    config: Path,
    tmp_path: Path,
    takes_folder: Path,
    tiny_clip: str,
    tiny_qwen3: str,
    tiny_qwen3_vl: str,
    images: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "landmarker" in read_config(config)["model"].get("init_args", {}):
        need_landmarker(monkeypatch)
    few = images.with_name("few.jsonl")
    small = shrink(
        config, tmp_path, takes=takes_folder, images=few, clip=tiny_clip, language=tiny_qwen3, seeing=tiny_qwen3_vl
    )
    assert run("fit", "--config", small, "--trainer.fast_dev_run", "true") == 0
    assert run("fit", "--config", small, "--trainer.max_epochs", 1) == 0
    folder = tmp_path / "run"
    said = capsys.readouterr().out
    for name in ("best.ckpt", "results.json", "faces.png"):
        assert str(folder / name) in said
        assert (folder / name).stat().st_size > 0
    fitted = results(folder)
    assert fitted["status"] == "complete"
    assert fitted["invalid"] == 0

    assert run("test", "--config", small) == 0
    tested = results(folder)
    assert tested["scores"] == fitted["scores"]
    assert tested["checkpoint"] == fitted["checkpoint"]

    model = load_module(folder / "best.ckpt", KeyframeModule)
    script = next(iter(RenderedFaces(BuiltinScripts(1), DrawnFaces(64))))
    samples = [Sample(script, 0, "arkit")] * 3
    batch = model.collate(samples)
    with torch.inference_mode():
        answer = model.generate(batch)
        told = model.generate(KeyframeBatch(tuple(samples), pixels=batch.pixels))  # without ground truth
    assert answer.coefficients.shape == (3, 61)
    assert answer.coefficients.dtype == torch.float32
    assert answer.valid.shape == (3,)
    assert ((answer.coefficients >= torch.tensor(LOWER)) & (answer.coefficients <= torch.tensor(UPPER))).all()
    assert torch.equal(told.coefficients, answer.coefficients)


@pytest.mark.parametrize("config", CLIPS, ids=names(CLIPS))
def test_a_model_of_motion_fits_tests_and_loads(
    config: Path,
    tmp_path: Path,
    takes_folder: Path,
    express4d_folder: Path,
    tiny_clip: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    takes = express4d_folder if config.stem == "express4d" else takes_folder
    small = shrink(config, tmp_path, takes=takes, clip=tiny_clip)
    assert run("fit", "--config", small, "--trainer.fast_dev_run", "true") == 0
    assert not (tmp_path / "run").exists()
    epoch = ["--trainer.max_epochs", 1, "--trainer.check_val_every_n_epoch", 1]
    assert run("fit", "--config", small, *epoch) == 0
    folder = tmp_path / "run"
    said = capsys.readouterr().out
    for name in ("best.ckpt", "results.json", "motion.png"):
        assert str(folder / name) in said
        assert (folder / name).stat().st_size > 0
    fitted = json.loads((folder / "results.json").read_text())
    assert fitted["status"] == "complete"
    assert fitted["data"]["split"] == json.loads((folder / "split.json").read_text())["digest"]

    assert run("test", "--config", small) == 0
    tested = json.loads((folder / "results.json").read_text())
    assert tested["scores"] == fitted["scores"]
    assert tested["checkpoint"] == fitted["checkpoint"]

    model = load_module(folder / "best.ckpt", kfzoo.models.ClipMDM)
    with torch.inference_mode():
        motion = model.sample(["A smile.", "The jaw is open."], [20, 30], [1, 2])
    assert motion.shape == (2, 30, 61)
    assert ((motion >= torch.tensor(LOWER)) & (motion <= torch.tensor(UPPER))).all()
    assert not motion[0, 20:].any()


@pytest.mark.parametrize("config", EVALUATORS, ids=names(EVALUATORS))
def test_an_evaluator_fits_tests_and_loads(
    config: Path,
    tmp_path: Path,
    takes_folder: Path,
    tiny_clip: str,
    tiny_vision: str,
    images: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = shrink(config, tmp_path, takes=takes_folder, clip=tiny_clip, vision=tiny_vision, images=images, n=150)
    assert run("fit", "--config", small, "--trainer.fast_dev_run", "true") == 0
    assert run("fit", "--config", small, "--trainer.max_epochs", 1) == 0
    folder = tmp_path / "run"
    said = capsys.readouterr().out
    fitted = json.loads((folder / "evaluator.json").read_text())
    assert fitted["digest"] in said
    assert {"ground_truth", "chance", "mean_face", "zero_face"} == fitted["references"].keys()
    for face in ("mean_face", "zero_face"):
        for k in (1, 2, 3):
            assert fitted["references"][face][f"r_precision_{k}"]["value"] == pytest.approx(k / 32, abs=1e-12)
    assert run("test", "--config", small) == 0
    tested = json.loads((folder / "evaluator.json").read_text())
    assert tested["digest"] == fitted["digest"] == load_evaluator(folder).digest
    assert tested["references"] == fitted["references"]


@pytest.mark.parametrize("config", EVALUATORS, ids=names(EVALUATORS))
def test_an_evaluators_config_names_its_run(config: Path) -> None:
    values = read_config(config)
    assert values["run_dir"] == f"runs/evaluator-{config.stem}"
    kind = {"text": "TextMotionEvaluator", "image": "ImageMotionEvaluator"}[config.stem.partition("_")[0]]
    assert values["model"]["class_path"] == kind
    assert values["seed_everything"] == 42
    (stop,) = values["trainer"]["callbacks"]
    assert stop["init_args"] == {"monitor": "val/r_precision_1", "mode": "max", "patience": 10}
    assert kind in (ROOT / "model_cards" / "evaluator.md").read_text()


@pytest.mark.parametrize("config", [*CONFIGS, *CLIPS], ids=names([*CONFIGS, *CLIPS]))
def test_a_config_names_its_method_and_run(config: Path) -> None:
    values = read_config(config)
    method = config.parent.name
    module = inspect.getmodule(getattr(kfzoo.models, values["model"]["class_path"]))
    assert module is not None
    assert method in module.__name__.split(".")
    assert values["run_dir"] == f"runs/{method}-{config.stem}"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_has_its_four_files(model: type[ZooModule]) -> None:
    place = model.__module__.removeprefix("kfzoo.models.").split(".")[0]
    assert (ROOT / "configs" / place / "builtin.yaml").is_file()
    card = (ROOT / "model_cards" / f"{place}.md").read_text()
    assert model.__name__ in card
    assert f"configs/{place}/builtin.yaml" in card


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_arguments_of_a_model_are_plain_values(model: type[ZooModule]) -> None:
    plain = (int, float, str, bool, list, tuple, type(None))
    arguments = inspect.signature(model).parameters.values()
    assert all(isinstance(argument.default, plain) for argument in arguments)  # none is without a default


def test_there_are_models_and_configs() -> None:
    assert len(MODELS) >= 4
    assert {config.parent.name for config in CONFIGS} == {m.__module__.split(".")[2] for m in MODELS}
