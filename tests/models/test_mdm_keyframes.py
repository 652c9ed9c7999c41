"""`KeyframeMDM` through the command line: resumed, on two processes, from and to checkpoints in MDM's form."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch import Callback, Trainer

from kfzoo.configs import read_config
from kfzoo.data.batch import Sample, collate
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.models.mdm import KeyframeMDM
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.published_checkpoint import Released, arguments_of, read_released, write_released
from kfzoo.training.checkpoint import load_module, read_checkpoint
from tests.commandline import ROOT, results, run
from tests.processes import elsewhere


class StopAt(Callback):
    """Stops the process's run after one optimizer step, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise KeyboardInterrupt


def config(folder: Path, encoder: str, **settings: Any) -> Path:
    small = {"text_encoder": encoder, "width": 16, "layers": 1, "feedforward": 16, "steps": 5, "ema": 0.9}
    values = {
        "seed_everything": 7,
        "run_dir": str(folder / "run"),
        "checkpoint_every_n_steps": 3,
        "model": {
            "class_path": "kfzoo.models.KeyframeMDM",
            "init_args": small | {"learning_rate": 0.003, "cosine": True} | settings,
        },
        "data": {
            "class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule",
            "init_args": {
                "source": {"class_path": "kfzoo.data.sources.builtin.BuiltinScripts", "init_args": {"n": 63}},
                "batch_size": 13,
            },
        },
        "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False, "logger": False},
    }
    folder.mkdir(exist_ok=True)
    path = folder / "mdm.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    folder = tmp_path_factory.mktemp("mdm")
    assert run("fit", "--config", config(folder, tiny_sentence_encoder)) == 0
    return folder / "run"


def load(path: Path) -> KeyframeMDM:
    loaded: KeyframeMDM = load_module(path, KeyframeMDM)
    return loaded


def faces(model: KeyframeMDM) -> torch.Tensor:
    script = next(iter(BuiltinScripts(1)))
    return model.generate(
        collate([Sample(script, place, "arkit") for place in range(len(script.keyframes))])
    ).coefficients


def test_a_resumed_run_ends_with_the_same_weights_and_the_same_average(
    trained: Path, tmp_path: Path, tiny_sentence_encoder: str
) -> None:
    file = config(tmp_path, tiny_sentence_encoder)
    stop = ["--trainer.callbacks+", "tests.models.test_mdm_keyframes.StopAt", "--trainer.callbacks.step", 10]
    assert run("fit", "--config", file, *stop) == 130
    assert read_checkpoint(tmp_path / "run" / "last.ckpt")["global_step"] == 9
    assert run("fit", "--config", file) == 0
    whole, resumed = (read_checkpoint(folder / "last.ckpt") for folder in (trained, tmp_path / "run"))
    assert whole["global_step"] == resumed["global_step"] > 12
    assert whole["state_dict"].keys() == resumed["state_dict"].keys()
    assert all(torch.equal(resumed["state_dict"][name], values) for name, values in whole["state_dict"].items())
    moved = [name for name in whole["state_dict"] if name.startswith("averaged.") and name.endswith("weight")]
    assert moved
    assert not any(
        torch.equal(whole["state_dict"][name], whole["state_dict"][name.replace("averaged", "denoiser", 1)])
        for name in moved
    )
    assert results(trained)["scores"] == results(tmp_path / "run")["scores"]


def test_two_processes_train_and_report_as_one_does(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    file = config(tmp_path, tiny_sentence_encoder, guidance=2.5)
    elsewhere("fit", "--config", file, processes=2)
    on_two = results(tmp_path / "run")
    assert run("test", "--config", file, "--data.init_args.evaluation_batch_size", 50) == 0
    on_one = results(tmp_path / "run")
    assert on_one["checkpoint"] == on_two["checkpoint"]
    assert on_one["count"] == on_two["count"]
    for name, score in on_one["scores"].items():
        assert score["value"] == pytest.approx(on_two["scores"][name]["value"], abs=1e-5), name


def test_other_sizes_do_not_load(trained: Path, tmp_path: Path, tiny_sentence_encoder: str, capsys: Any) -> None:
    file = config(tmp_path, tiny_sentence_encoder, width=32)
    assert run("test", "--config", file, "--ckpt_path", trained / "best.ckpt") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "expected (" in line]
    assert "give the configuration that it was trained with" in line


# In MDM's form ----------------------------------------------------------------------------------------------------


def published(folder: Path, *, dropped: float = 0.1, text: int = 16, average: bool = False) -> Path:
    """A checkpoint that somebody else trained: it says nothing of this project."""
    torch.manual_seed(3)
    denoiser, other = (Denoiser(text=text, width=24, layers=2, feedforward=20) for _ in range(2))
    arguments = arguments_of(denoiser, dropped=dropped, prediction="sample", averaged=average)
    del arguments["kfzoo"]
    statistics = Statistics(mean=torch.rand(61), std=torch.rand(61))
    averaged = other.state_dict() if average else None
    released = Released(denoiser.state_dict(), averaged, arguments, statistics, 600_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return write_released(folder, released)


def test_training_begins_at_a_released_checkpoint(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    path = published(tmp_path / "theirs")
    found = read_released(path)
    model = KeyframeMDM(tiny_sentence_encoder, width=512, text_norm=7.0, released=str(path))
    sizes = {name: model.hparams[name] for name in ("width", "layers", "heads", "feedforward")}
    assert sizes == {"width": 24, "layers": 2, "heads": 4, "feedforward": 20}
    assert model.hparams["text_norm"] == 0  # CLIP's vectors as they are
    assert model.hparams["released"] == ""  # a checkpoint needs the file no more
    weights = model.denoiser.state_dict()
    assert all(torch.equal(weights[name], values) for name, values in found.weights.items())
    model.set_statistics(Statistics(torch.zeros(61), torch.ones(61)))
    assert torch.equal(model.motion_mean, found.statistics.mean)
    assert torch.equal(model.motion_std, found.statistics.std)
    by_data = KeyframeMDM(tiny_sentence_encoder, released=str(path), released_mean="data", released_std="data")
    by_data.set_statistics(Statistics(torch.zeros(61), torch.ones(61)))
    assert torch.equal(by_data.motion_std, torch.ones(61))


def test_a_released_average_goes_on_or_is_trained(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    path = published(tmp_path / "theirs", average=True)
    found = read_released(path)
    assert found.averaged is not None
    name = "embed_text.weight"
    plain = KeyframeMDM(tiny_sentence_encoder, released=str(path))
    assert torch.equal(plain.denoiser.state_dict()[name], found.averaged[name])
    model = KeyframeMDM(tiny_sentence_encoder, released=str(path), ema=0.5)
    assert model.averaged is not None
    assert torch.equal(model.denoiser.state_dict()[name], found.weights[name])
    assert torch.equal(model.averaged.state_dict()[name], found.averaged[name])
    model.follow(0)  # at once with the whole decay: its average is worth remembering
    torch.testing.assert_close(model.averaged.state_dict()[name], (found.weights[name] + found.averaged[name]) / 2)


def test_guidance_needs_a_checkpoint_that_left_texts_out(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    path = published(tmp_path / "theirs", dropped=0.0)
    with pytest.raises(InputError, match=r"^guidance: is 2\.5, but no text was ever left out in training"):
        KeyframeMDM(tiny_sentence_encoder, released=str(path))
    assert KeyframeMDM(tiny_sentence_encoder, released=str(path), guidance=1.0).hparams["text_dropout"] == 0


def test_a_checkpoint_of_another_text_encoder_is_refused(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    path = published(tmp_path / "theirs", text=512)
    line = r"gives vectors of 16, the released checkpoint reads 512; give the encoder that it was trained with$"
    with pytest.raises(InputError, match=line):
        KeyframeMDM(tiny_sentence_encoder, released=str(path))


def test_missing_statistics_are_asked_for(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    path = published(tmp_path / "theirs")
    mean = tmp_path / "elsewhere.npy"
    (path.parent / "mean.npy").rename(mean)
    with pytest.raises(InputError, match=r"does not hold the mean of its motions, and there is no .*mean\.npy"):
        KeyframeMDM(tiny_sentence_encoder, released=str(path))
    model = KeyframeMDM(tiny_sentence_encoder, released=str(path), released_mean=str(mean))
    assert torch.equal(model.motion_mean, torch.from_numpy(np.load(mean)))
    with pytest.raises(InputError, match="only one of them is `data`"):
        KeyframeMDM(tiny_sentence_encoder, released=str(path), released_mean="data", released_std=str(mean))


def test_what_is_exported_answers_as_the_checkpoint_does(
    trained: Path, tmp_path: Path, tiny_sentence_encoder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(UserWarning, match="the published code builds other sizes"):
        assert run("export", "mdm", "--checkpoint", trained / "best.ckpt", "--out", tmp_path / "ours") == 0
    path = Path(capsys.readouterr().out.strip())
    step = read_checkpoint(trained / "best.ckpt")["global_step"]
    assert path == tmp_path / "ours" / f"model{step:09d}.pt"
    assert {each.name for each in path.parent.iterdir()} == {path.name, "args.json", "mean.npy", "std.npy"}
    assert json.loads((path.parent / "args.json").read_text())["cond_mask_prob"] == 0.1
    again = KeyframeMDM(tiny_sentence_encoder, released=str(path), ema=0.9, steps=5).eval()
    before = load(trained / "best.ckpt")
    assert again.hparams["text_norm"] == before.hparams["text_norm"]
    assert torch.equal(faces(again), faces(before))


def test_nothing_else_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "zero.ckpt"
    torch.save({"state_dict": {}, "kfzoo": {"class_path": "kfzoo.models.zero_face.ZeroFace"}}, path)
    assert run("export", "mdm", "--checkpoint", path, "--out", tmp_path / "ours") == 2
    assert "holds a kfzoo.models.zero_face.ZeroFace, which is no diffusion model" in capsys.readouterr().err
    assert not (tmp_path / "ours").exists()


# Configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "setting"), [("builtin_kf_prompt", "prompt"), ("builtin_epsilon", "prediction")])
def test_a_variant_differs_in_one_setting(name: str, setting: str) -> None:
    base, other = (read_config(ROOT / "configs" / "mdm" / f"{each}.yaml") for each in ("builtin", name))
    assert base.pop("run_dir") != other.pop("run_dir")
    assert base["model"]["init_args"].pop(setting) != other["model"]["init_args"].pop(setting)
    assert base == other


def test_the_papers_configuration_has_the_published_size() -> None:
    settings = read_config(ROOT / "configs" / "mdm" / "paper.yaml")["model"]["init_args"]
    with torch.device("meta"):
        built = Denoiser(**{name: settings[name] for name in ("width", "layers", "heads", "feedforward")})
    assert sum(values.numel() for values in built.parameters()) == 17_673_277
    assert settings["text_encoder"] == "open_clip:ViT-B-32-quickgelu@openai"
