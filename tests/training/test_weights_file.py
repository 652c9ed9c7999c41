from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kfzoo.errors import InputError
from kfzoo.models import MeanFace
from kfzoo.training.checkpoint import load_module
from kfzoo.training.weights_file import DEFAULT_PATH, read_weights, weights_path, write_weights
from tests.commandline import of_builtin, run


def checkpoint() -> dict[str, Any]:
    torch.manual_seed(0)
    weights = {"head.weight": torch.randn(4, 3), "count": torch.tensor(7)}
    said = {"class_path": "kfzoo.models.zero_face.ZeroFace", "channels": ["JawOpen"], "data": "abc"}
    return {"state_dict": weights, "hyper_parameters": {"rank": 4}, "kfzoo": said, "optimizer_states": [1]}


def test_weights_come_back_in_half_precision(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    given = checkpoint()
    write_weights(file, given, "python -m kfzoo fit")
    found = read_weights(file)
    assert found.keys() == {"state_dict", "hyper_parameters", "kfzoo"}
    assert found["hyper_parameters"] == {"rank": 4}
    assert found["kfzoo"] == {**given["kfzoo"], "command": "python -m kfzoo fit"}
    torch.testing.assert_close(
        found["state_dict"]["head.weight"], given["state_dict"]["head.weight"], atol=2e-3, rtol=0
    )
    assert found["state_dict"]["head.weight"].dtype == torch.float32
    assert found["state_dict"]["count"] == 7
    first = file.read_bytes()
    write_weights(file, given, "python -m kfzoo fit")
    assert file.read_bytes() == first


def test_what_is_no_such_file_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="no such file"):
        read_weights(file)
    write_weights(file, checkpoint(), "")
    good = file.read_bytes()
    for bad in (b"", good[:60], good[:-9] + b"\xff" * 9, b"\xff" * 64):
        file.write_bytes(bad)
        with pytest.raises(InputError, match=r"damaged|nothing in this zoo") as caught:
            read_weights(file)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="ending"):
        write_weights(tmp_path / "weights.ckpt", checkpoint(), "")


def test_the_name_default_means_the_packages_file() -> None:
    assert weights_path("default") == DEFAULT_PATH
    assert weights_path("runs/x/best.ckpt") == Path("runs/x/best.ckpt")


def test_every_checkpoint_can_be_such_a_file(tmp_path: Path) -> None:
    config = of_builtin(tmp_path, "MeanFace", {}, n=42, batch_size=16, max_epochs=1)
    assert run("fit", "--config", config) == 0
    file = tmp_path / "mean.safetensors"
    assert run("export", "weights", "--checkpoint", tmp_path / "run" / "best.ckpt", "--out", file) == 0
    whole, half = (load_module(path, MeanFace) for path in (tmp_path / "run" / "best.ckpt", file))
    torch.testing.assert_close(half.train_mean, whole.train_mean, atol=1e-3, rtol=0)
    assert half.provenance == whole.provenance
