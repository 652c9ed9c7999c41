"""Checkpoints of earlier versions are read, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kfzoo.errors import InputError
from kfzoo.models import MeanFace
from kfzoo.models.base import KeyframeModule
from kfzoo.training.checkpoint import load_module


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
