"""Every configuration goes through `fit` and `test`, and every model keeps the contract and has its papers in order."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

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
from tests.commandline import CLIPS, CONFIGS, EVALUATORS, ROOT, Capture, names, results, run, shrink
from tests.encoders.landmark_faces import need_landmarker

MODELS = [
    found
    for name in kfzoo.models.__all__
    if isinstance(found := getattr(kfzoo.models, name), type)
    and issubclass(found, ZooModule)
    and not inspect.isabstract(found)
]


def fit_and_test(config: Path, capsys: Capture, record: str, *files: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fits and tests a small configuration; returns what both recorded."""
    folder = config.parent / "run"
    assert run("fit", "--config", config, "--trainer.fast_dev_run", "true") == 0
    assert not folder.exists()
    capsys.readouterr()
    assert run("fit", "--config", config, "--trainer.max_epochs", 1) == 0
    said = capsys.readouterr().out
    for name in (record, "best.ckpt", *files):
        assert str(folder / name) in said
        assert (folder / name).stat().st_size > 0
    fitted = results(folder, record)
    assert run("test", "--config", config) == 0
    return fitted, results(folder, record)


def in_range(coefficients: torch.Tensor) -> bool:
    return bool(((coefficients >= torch.tensor(LOWER)) & (coefficients <= torch.tensor(UPPER))).all())


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
    capsys: Capture,
) -> None:
    if "landmarker" in read_config(config)["model"].get("init_args", {}):
        need_landmarker(monkeypatch)
    few = images.with_name("few.jsonl")
    small = shrink(
        config, tmp_path, takes=takes_folder, images=few, clip=tiny_clip, language=tiny_qwen3, seeing=tiny_qwen3_vl
    )
    fitted, tested = fit_and_test(small, capsys, "results.json", "faces.png")
    assert (fitted["status"], fitted["invalid"]) == ("complete", 0)
    assert tested["scores"] == fitted["scores"]
    assert tested["checkpoint"] == fitted["checkpoint"]

    model = load_module(tmp_path / "run" / "best.ckpt", KeyframeModule)
    script = next(iter(RenderedFaces(BuiltinScripts(1), DrawnFaces(64))))
    samples = [Sample(script, 0, "arkit")] * 3
    batch = model.collate(samples)
    with torch.inference_mode():
        answer = model.generate(batch)
        without_targets = model.generate(KeyframeBatch(tuple(samples), pixels=batch.pixels))
    assert (answer.coefficients.shape, answer.valid.shape) == ((3, 61), (3,))
    assert answer.coefficients.dtype == torch.float32
    assert in_range(answer.coefficients)
    assert torch.equal(without_targets.coefficients, answer.coefficients)


@pytest.mark.parametrize("config", CLIPS, ids=names(CLIPS))
def test_a_model_of_motion_fits_tests_and_loads(
    config: Path, tmp_path: Path, takes_folder: Path, express4d_folder: Path, tiny_clip: str, capsys: Capture
) -> None:
    takes = express4d_folder if config.stem == "express4d" else takes_folder
    small = shrink(config, tmp_path, takes=takes, clip=tiny_clip)
    folder = tmp_path / "run"
    fitted, tested = fit_and_test(small, capsys, "results.json", "motion.png")
    assert fitted["status"] == "complete"
    assert fitted["data"]["split"] == results(folder, "split.json")["digest"]
    assert tested["scores"] == fitted["scores"]
    assert tested["checkpoint"] == fitted["checkpoint"]

    model = load_module(folder / "best.ckpt", kfzoo.models.ClipMDM)
    with torch.inference_mode():
        motion = model.sample(["A smile.", "The jaw is open."], [20, 30], [1, 2])
    assert motion.shape == (2, 30, 61)
    assert in_range(motion)
    assert not motion[0, 20:].any()


@pytest.mark.parametrize("config", EVALUATORS, ids=names(EVALUATORS))
def test_an_evaluator_fits_tests_and_loads(
    config: Path, tmp_path: Path, takes_folder: Path, tiny_clip: str, tiny_vision: str, images: Path, capsys: Capture
) -> None:
    small = shrink(config, tmp_path, takes=takes_folder, clip=tiny_clip, vision=tiny_vision, images=images, n=150)
    fitted, tested = fit_and_test(small, capsys, "evaluator.json")
    assert fitted["digest"] in capsys.readouterr().out
    assert {"ground_truth", "chance", "mean_face", "zero_face"} == fitted["references"].keys()
    for face in ("mean_face", "zero_face"):
        for k in (1, 2, 3):
            assert fitted["references"][face][f"r_precision_{k}"]["value"] == pytest.approx(k / 32, abs=1e-12)
    assert tested["digest"] == fitted["digest"] == load_evaluator(tmp_path / "run").digest
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
    card = (ROOT / "model_cards" / f"{place}.md").read_text()
    assert model.__name__ in card
    # The data of the board that the model is on: the built-in scripts, or plain English.
    boards = [f"configs/{place}/{name}.yaml" for name in ("builtin", "everyday")]
    named = [config for config in boards if (ROOT / config).is_file()]
    assert named
    assert all(config in card for config in named)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_arguments_of_a_model_are_plain_values(model: type[ZooModule]) -> None:
    plain = (int, float, str, bool, list, tuple, type(None))
    arguments = inspect.signature(model).parameters.values()
    assert all(isinstance(argument.default, plain) for argument in arguments)  # none is without a default


def test_there_are_models_and_configs() -> None:
    assert len(MODELS) >= 4
    assert {config.parent.name for config in CONFIGS} == {m.__module__.split(".")[2] for m in MODELS}
