from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.exporters import export_json
from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError


def test_written_keyframes_read_back(tmp_path: Path) -> None:
    keyframes = np.random.default_rng(0).random((3, 61))
    path = tmp_path / "new" / "clip.json"
    export_json(path, [0, 0.5, 2.25], keyframes, fps=30, text="a smile – späť", descriptions=["a", "b", "c"])
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["format"], document["fps"], document["text"]) == ("kfzoo-keyframes-1", 30, "a smile – späť")
    assert document["channels"] == list(CHANNELS)
    assert [(k["time"], k["frame"], k["text"]) for k in document["keyframes"]] == [
        (0, 0, "a"),
        (0.5, 15, "b"),
        (2.25, 68, "c"),
    ]
    for keyframe, target in zip(document["keyframes"], keyframes, strict=True):
        assert list(keyframe["coefficients"]) == list(CHANNELS)
        np.testing.assert_allclose(list(keyframe["coefficients"].values()), target, atol=5.1e-5)
    assert "späť" in path.read_text(encoding="utf-8")


def test_negative_zero_is_written_as_zero(tmp_path: Path) -> None:
    keyframe = np.zeros(61)
    keyframe[INDEX["HeadYaw"]] = -1e-9
    export_json(tmp_path / "a.json", [0], [keyframe])
    assert "-0.0" not in (tmp_path / "a.json").read_text()


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.json"
    path.write_text("old")
    with pytest.raises(InputError, match="keyframe 0: EyeBlinkLeft is nan"):
        export_json(path, [0], np.full((1, 61), np.nan))
    with pytest.raises(InputError, match=r"descriptions: got 2 for 1 keyframes; pass one for each keyframe, or none"):
        export_json(path, [0], np.zeros((1, 61)), descriptions=["a", "b"])
    with pytest.raises(InputError, match="fps: expected above 0, got -1"):
        export_json(path, [0], np.zeros((1, 61)), fps=-1)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.json"]
