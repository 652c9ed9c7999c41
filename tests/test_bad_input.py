"""Bad input: one clear line, exit code 2, no traceback, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kfzoo.errors import InputError
from kfzoo.models import MeanFace, ZeroFace
from kfzoo.models.base import KeyframeModule
from kfzoo.training.checkpoint import load_module, read_checkpoint
from tests.commandline import ROOT, Capture, refusal, run, shrink

MEAN = ROOT / "configs" / "mean_face" / "builtin.yaml"
FIT = ["fit", "--config", MEAN]
DATA, SOURCE = "--data.init_args", "--data.init_args.source"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fti"], "command 'fti': is not known; did you mean 'fit'?"),
        (["fit", "--config", "nowhere.yaml"], "config: File does not exist: "),
        ([*FIT, "--trainer.max_epoch", 3], "did you mean 'trainer.max_epochs'?"),
        ([*FIT, "--run_dirr", "x"], "did you mean 'run_dir'?"),
        ([*FIT, "--model", "MeanFac"], "model: there is no class 'MeanFac'; did you mean 'MeanFace'?"),
        ([*FIT, f"{DATA}.batchsize", 3], "data: Option 'batchsize' is not accepted; did you mean 'batch_size'?"),
        ([*FIT, f"{DATA}.batch_size", "many"], "data.batch_size: Expected a int. Got value: many"),
        ([*FIT, f"{DATA}.batch_size", 0], "data.batch_size: expected at least 1, found 0"),
        ([*FIT, f"{SOURCE}.init_args.nn", 4], "data.source: Option 'nn' is not accepted; did you mean 'n'?"),
        ([*FIT, f"{SOURCE}.init_args.n", 0], "data.source.n: expected at least 1 script, found 0"),
        (
            [*FIT, f"{DATA}.split.by", "luck"],
            "data.split.by: Expected a Literal['source', 'subject', 'recording']. Got value: luck",
        ),
        ([*FIT, f"{SOURCE}.class_path", "kfzoo.data.sources.builtin.BuiltinScript"], "did you mean 'BuiltinScripts'?"),
        (
            [*FIT, "--data.source", "BuiltinScript"],
            "data.source: there is no class 'BuiltinScript'; did you mean 'BuiltinScripts'?",
        ),
        (
            ["test", *FIT[1:], "--ckpt_path", "nowhere.ckpt"],
            "nowhere.ckpt: no such file; give the path of a checkpoint",
        ),
        (["estimate", "a.png"], "--checkpoint: is missing"),
        (["generate", " | ", "--checkpoint", "x"], "text: is empty"),
        (["generate", "A smile.", "--checkpoint", "x", "--fps", 0], "--fps: expected more than 0, found 0.0"),
        (["generate", "A smile.", "--checkpoint", "nowhere.ckpt"], "nowhere.ckpt: no such file"),
        (["leaderboard", "--results", "nowhere"], "nowhere: no such folder"),
        (["leaderboard", "--reslts", "x"], "did you mean 'results'?"),
        (["data", "inspect", "--source", "LiveLinkTakes", "--source.folder", "nowhere"], "nowhere: is not a folder"),
        (
            ["data", "inspect", "--source", "Elsewhere"],
            "source: there is no class 'Elsewhere'; give the full class path of one outside the package",
        ),
        (["plot", "tsne", "--run", "nowhere"], "nowhere: holds no checkpoint; run `fit`"),
    ],
)
def test_wrong_arguments(arguments: list[object], message: str, capsys: Capture) -> None:
    assert message in refusal(capsys, *arguments)


def test_a_typo_in_a_file_is_named_with_the_file(tmp_path: Path, capsys: Capture) -> None:
    config = shrink(MEAN, tmp_path, takes=tmp_path, clip="")
    config.write_text(config.read_text().replace("max_epochs", "max_epoch"))
    said = refusal(capsys, "fit", "--config", config)
    assert "trainer.max_epoch" in said
    assert "did you mean 'trainer.max_epochs'?" in said
    config.write_text("trainer: {max_epochs: 1\nrun_dir: x")
    assert f"{config}: " in refusal(capsys, "fit", "--config", config)


def test_test_before_fit(tmp_path: Path, capsys: Capture) -> None:
    config = shrink(MEAN, tmp_path, takes=tmp_path, clip="")
    assert "holds no checkpoint; run `fit` with this configuration, or give --ckpt_path" in refusal(
        capsys, "test", "--config", config
    )
    assert not (tmp_path / "run").exists()


TRAINER = "--trainer"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"{TRAINER}.max_epochs", -5], "trainer: `max_epochs` must be a non-negative integer or -1. You passed in -5"),
        ([f"{TRAINER}.max_epochs", "nan"], "trainer.max_epochs: Expected a int"),
        ([f"{TRAINER}.devices", 0], "trainer: `Trainer(devices='0')` value is not a valid input using cpu accelerator"),
        ([f"{TRAINER}.devices", "x"], "trainer: `devices` selected with `CPUAccelerator` should be an int > 0"),
        ([f"{TRAINER}.accelerator", "x"], "trainer: You selected an invalid accelerator name"),
        ([f"{TRAINER}.strategy", "x"], "trainer: You selected an invalid strategy name"),
        ([f"{TRAINER}.max_time", "x"], "trainer: `Timer(duration='x')` is not a valid duration"),
        ([f"{TRAINER}.limit_train_batches", -1], "trainer: You have passed invalid value -1"),
        (["--seed_everything", -1], "seed_everything: is -1, expected 0 to 4294967295; choose another seed"),
        (["--seed_everything", 2**70], "seed_everything: is 1180591620717411303424, expected 0 to"),
        (["--run_dir", ""], "run_dir: is empty; name a folder for the run's files"),
        (["--run_dir", 2500 * "a/"], ": refused (File name too long); give a shorter name"),
        (["--run_dir", "pyproject.toml"], "pyproject.toml: cannot be written ("),
        (["--run_dir", "/proc/x"], "/proc/x: cannot be written ("),
        (["--run_dir", 260 * "x"], ": refused (File name too long); give a shorter name"),
    ],
)
def test_settings_that_no_training_can_have(arguments: list[object], message: str, capsys: Capture) -> None:
    assert message in refusal(capsys, *FIT, "--run_dir", "runs/never", f"{SOURCE}.init_args.n", 30, *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml: holds no mapping of keys to values"),
        ("- 1", "a.yaml: holds no mapping of keys to values"),
        ("base: a.yaml", "a.yaml: key 'base' names 'a.yaml', which is built on this file; remove one of the two"),
        ("base: .", "a.yaml: key 'base' names '.', which is no file"),
        ("a: &a [*a]", "a.yaml: cannot be read (a value holds itself); give a YAML file"),
        ("\0", "a.yaml: cannot be read (unacceptable character"),
        (5000 * "[", "a.yaml: cannot be read ("),
        ("!!python/object/apply:os.system [exit]", "a.yaml: cannot be read (could not determine a constructor"),
        (
            "base: MEAN\nrun_dir: ${nothing}",
            "run_dir: Interpolation key '.nothing' not found (resolved to",
        ),
        ("base: MEAN\nrun_dir: ${", "run_dir: no viable alternative at input '${'; correct the ${reference}"),
        ("base: MEAN\nrun_dir: 3", "a.yaml: run_dir: Expected a str. Got value: 3"),
        ("base: MEAN\nmodel: 3", "a.yaml: model: Not a valid subclass of ZooModule"),
        (
            "base: MEAN\nmodel: {class_path: os.system}",
            "model: Import path os.system does not correspond",
        ),
        ("base: MEAN\ntrainer: 3", "trainer: is 3; expected its settings by name"),
        ("base: MEAN\n3: 4", "a.yaml: holds no mapping of keys to values"),
    ],
)
def test_configurations_of_no_use(text: str, message: str, tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(text.replace("MEAN", str(MEAN)))
    assert message in refusal(capsys, "fit", "--config", config)
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("TongueOut", "Tongue0ut", 1), "a_take.csv:1"),
        (lambda text: "\n".join(text.splitlines()[:2]) + "\n", "a_take.csv"),
        (lambda text: text[: len(text) * 2 // 3], "a_take.csv:"),
        (lambda text: text.replace(",0.1", ",nan", 1), "a_take.csv:"),
        (lambda text: text.replace(",0.1", ",x.1", 1), "a_take.csv:"),
        (lambda _: "", "a_take.csv"),
    ],
    ids=["missing column", "one frame", "cut off", "NaN", "text", "empty"],
)
def test_a_bad_take_is_refused_and_leaves_nothing(
    damage: Callable[[str], str], message: str, takes_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    for path in takes_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "a_take.csv").write_text(damage(sorted(takes_folder.iterdir())[0].read_text()))
    config = shrink(ROOT / "configs" / "nearest_neighbour" / "takes.yaml", tmp_path, takes=folder, clip="")
    assert message in refusal(capsys, "fit", "--config", config)
    assert not (tmp_path / "run" / "results.json").exists()
    assert not (tmp_path / "run" / "best.ckpt").exists()


def test_a_checkpoint_of_another_model(tmp_path: Path, capsys: Capture) -> None:
    config = shrink(MEAN, tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", config) == 0
    other = ["--model.class_path", "kfzoo.models.ZeroFace", "--ckpt_path", tmp_path / "run" / "best.ckpt"]
    before = (tmp_path / "run" / "results.json").read_bytes()
    assert "checkpoint: is of kfzoo.models.mean_face.MeanFace, expected kfzoo.models.zero_face.ZeroFace" in refusal(
        capsys, "test", "--config", config, *other
    )
    assert (tmp_path / "run" / "results.json").read_bytes() == before
    messages = refusal(capsys, "plot", "path", "--run", tmp_path / "run")
    assert "holds kfzoo.models.mean_face.MeanFace, which is no AlignedAutoencoder" in messages


class _Trap:
    """What a stranger's pickle could hold: code that runs when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("code from a checkpoint was run",))


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_no_code_from_a_checkpoint_is_run(command: str, tmp_path: Path, capsys: Capture) -> None:
    config = shrink(MEAN, tmp_path, takes=tmp_path, clip="")
    trap = tmp_path / "trap.ckpt"
    torch.save({"state_dict": {}, "trap": _Trap()}, trap)
    assert "trap.ckpt: is damaged or no checkpoint (Weights only load failed" in refusal(
        capsys, command, "--config", config, "--ckpt_path", trap
    )


def test_a_run_whose_checkpoint_was_cut_off(tmp_path: Path, capsys: Capture) -> None:
    config = shrink(MEAN, tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", config) == 0
    for name in ("best.ckpt", "last.ckpt"):
        path = tmp_path / "run" / name
        path.write_bytes(path.read_bytes()[:300])
    for command, name in (("test", "best.ckpt"), ("predict", "best.ckpt"), ("fit", "last.ckpt")):
        assert f"{name}: is damaged or no checkpoint" in refusal(capsys, command, "--config", config)


def test_checkpoints_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    for content in (b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is damaged or no checkpoint"):
            read_checkpoint(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(InputError, match="is no checkpoint of this zoo"):
        load_module(path, KeyframeModule)


def test_a_checkpoint_of_other_channels_or_sizes() -> None:
    checkpoint: dict[str, object] = {}
    model = MeanFace()
    model.on_save_checkpoint(checkpoint)
    checkpoint["state_dict"] = {"train_mean": torch.zeros(60), "train_std": torch.zeros(61)}
    with pytest.raises(InputError, match=r"checkpoint: train_mean is \(60,\), expected \(61,\)"):
        model.on_load_checkpoint(checkpoint)
    with pytest.raises(InputError, match=r"is of kfzoo\.models\.mean_face\.MeanFace"):
        ZeroFace().on_load_checkpoint(checkpoint)
    whole = {"train_mean": torch.zeros(61), "train_std": torch.zeros(61)}
    model.on_load_checkpoint(checkpoint | {"state_dict": whole})
    larger = whole | {"layer.weight": torch.zeros(3)}
    with pytest.raises(InputError, match=r"holds layer\.weight \(1 such\), which this MeanFace has no place for"):
        model.on_load_checkpoint(checkpoint | {"state_dict": larger})
    checkpoint["kfzoo"]["channels"].reverse()  # type: ignore[index]
    with pytest.raises(InputError, match="has another order of channels"):
        model.on_load_checkpoint(checkpoint)


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFZOO_DEBUG", "1")
    with pytest.raises(InputError, match="is not known"):
        run("fti")
