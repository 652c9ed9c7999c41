"""Checkpoints of earlier versions are read, or refused in one line."""

from __future__ import annotations

import socket
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from kfzoo.downloads import downloads_forbidden
from kfzoo.errors import InputError
from kfzoo.models import AlignedAutoencoder, MeanFace, NearestNeighbour
from kfzoo.models.base import KeyframeModule
from kfzoo.runs import RunFolder
from kfzoo.training.checkpoint import load_module, read_checkpoint
from kfzoo.training.resume import CheckpointFiles


def written(path: Path, model: KeyframeModule, **changes: Any) -> Path:
    checkpoint: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(checkpoint)
    checkpoint["hyper_parameters"] |= changes.pop("hyper_parameters", {})
    checkpoint["kfzoo"] |= changes
    torch.save(checkpoint, path)
    return path


def test_a_checkpoint_is_read(tmp_path: Path) -> None:
    model = MeanFace()
    model.train_mean.fill_(0.25)
    loaded = load_module(written(tmp_path / "a.ckpt", model), KeyframeModule)
    assert torch.equal(loaded.train_mean, model.train_mean)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"version": "0.0.9", "hyper_parameters": {"lockstep": 8}},
            "was written by kfzoo 0.0.9, and this version has no setting 'lockstep' of MeanFace; "
            "train it again, or use the version that wrote it",
        ),
        (
            {"class_path": "kfzoo.models.gone.Model"},
            "holds a kfzoo.models.gone.Model, which cannot be imported; "
            "train it again, or use the version that wrote it",
        ),
        (
            {"class_path": "mine.Model"},
            "holds a mine.Model, which is no class of this zoo: importing it would run its code; "
            "if you trust it, put it on PYTHONPATH and set KFZOO_CLASSES=mine",
        ),
    ],
)
def test_what_an_earlier_version_wrote_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    path = written(tmp_path / "a.ckpt", MeanFace(), **changes)
    with pytest.raises(InputError) as caught:
        load_module(path, KeyframeModule)
    assert str(caught.value) == f"{path}: {problem}"


def resaved(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    checkpoint = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, path)
    return path


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda found: found["kfzoo"].pop("class_path"), "'kfzoo.class_path' is no text"),
        (lambda found: found.update(kfzoo=[]), "is no checkpoint of this zoo"),
        (lambda found: found.pop("state_dict"), "'state_dict' is missing"),
        (lambda found: found.update(state_dict=[1]), "'state_dict' is a list, expected a dict"),
        (lambda found: found["state_dict"].update(train_mean=3), "'state_dict.train_mean' is no dense tensor"),
        (lambda found: found["state_dict"].update({7: torch.zeros(1)}), "'state_dict' has keys that are no text"),
        (
            lambda found: found["state_dict"].update(train_mean=torch.zeros(1).expand(10**12)),
            "'state_dict.train_mean' is larger than what is stored",
        ),
        (lambda found: found.update(hyper_parameters=3), "'hyper_parameters' is a int, expected a dict"),
        (lambda found: found.update(epoch="x"), "'epoch' is a str, expected a int"),
        (
            lambda found: found.update(loops={"fit_loop": {"epoch_progress": {"current": {"ready": "x"}}}}),
            "'loops.fit_loop.epoch_progress.current.ready' is no whole number",
        ),
        (
            lambda found: found["state_dict"]["train_mean"].fill_(0.5),
            "is damaged: its weights are not those that were written",
        ),
        (lambda found: found["kfzoo"].update(class_path="os.path;x"), "names the class 'os.path;x'"),
        (lambda found: found["kfzoo"].update(class_path="json.dumps"), "holds json.dumps, which is no KeyframeModule"),
        (lambda found: found["kfzoo"].update(class_path="kfzoo.models.nope.X"), "holds a kfzoo.models.nope.X, which"),
        (lambda found: found["kfzoo"].pop("channels"), "checkpoint: has another order of channels"),
    ],
)
def test_what_fit_does_not_write_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    path = resaved(written(tmp_path / "a.ckpt", MeanFace()), change)
    with pytest.raises(InputError) as caught:
        load_module(path, KeyframeModule)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_checkpoint_without_a_digest_is_read(tmp_path: Path) -> None:
    path = resaved(written(tmp_path / "a.ckpt", MeanFace()), lambda found: found["kfzoo"].pop("weights"))
    load_module(path, KeyframeModule)


def test_a_changed_byte_of_any_part_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ckpt", MeanFace())
    with zipfile.ZipFile(path) as archive:
        parts = [each for each in archive.infolist() if each.file_size]
    whole = path.read_bytes()
    for part in parts:
        changed = bytearray(whole)
        content = whole.index(archive_content(path, part.filename), part.header_offset)
        place = content + part.file_size // 2
        changed[place] ^= 16
        (tmp_path / "b.ckpt").write_bytes(changed)
        with pytest.raises(InputError, match=r"b\.ckpt: is damaged or no checkpoint"):
            read_checkpoint(tmp_path / "b.ckpt")


def archive_content(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def test_settings_that_its_class_cannot_use(tmp_path: Path) -> None:
    model = AlignedAutoencoder(text_encoder="minilm", width=16, latent=8, layers=1, heads=2)
    path = written(tmp_path / "a.ckpt", model, hyper_parameters={"width": "wide"})
    with pytest.raises(InputError, match=r"holds settings or weights of AlignedAutoencoder that cannot be used \("):
        load_module(path, KeyframeModule)


def test_a_class_is_checked_before_its_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('ran').touch()\nfrom kfzoo.models import MeanFace\n"
        "class Model(MeanFace): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = written(tmp_path / "a.ckpt", MeanFace(), class_path="stranger.Model")
    with pytest.raises(InputError, match=r"holds a stranger\.Model, which is no class of this zoo"):
        load_module(path, KeyframeModule)
    assert not (tmp_path / "ran").exists()
    monkeypatch.setenv("KFZOO_CLASSES", "other, stranger")
    assert type(load_module(path, KeyframeModule)).__name__ == "Model"
    assert (tmp_path / "ran").exists()
    monkeypatch.delenv("KFZOO_CLASSES")
    load_module(path, KeyframeModule)  # the program has imported it


def test_the_classes_in_a_runs_configuration_are_checked(tmp_path: Path) -> None:
    source = {"class_path": "elsewhere.Source", "init_args": {}}
    config = {"data": {"class_path": "KeyframeDataModule", "init_args": {"source": source}}}
    folder = RunFolder(tmp_path)
    folder.config.write_text(yaml.safe_dump(config))
    with pytest.raises(InputError, match=r"config\.yaml: holds a elsewhere\.Source, which is no class of this zoo"):
        folder.data()


@pytest.mark.parametrize("specification", ["sentence-transformers:nobody/nothing", "open_clip:ViT-B-32@openai"])
def test_a_checkpoint_downloads_nothing(tmp_path: Path, specification: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    path = written(tmp_path / "a.ckpt", NearestNeighbour(), hyper_parameters={"text_encoder": specification})
    loaded = load_module(path, NearestNeighbour)
    with pytest.raises(InputError, match=r"text encoder '.*'.*KFZOO_DOWNLOAD=1"):
        loaded.encoder.remember(["a"])
    assert not downloads_forbidden()


def test_a_full_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        CheckpointFiles().save_checkpoint({}, tmp_path / "file" / "a.ckpt")


def test_checkpoints_do_not_pass_through_the_folder_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    CheckpointFiles().save_checkpoint({"a": 1}, tmp_path / "a.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]
