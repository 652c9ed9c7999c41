"""`show`, driven as a user would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import BLENDSHAPES
from tests.animation.page.pages import Page
from tests.commandline import Capture, refusal, run

FACES = np.random.default_rng(0).random((2, 61))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A Live Link recording, keyframes, and MediaPipe's scores, which know neither the tongue nor angles."""
    table, record = export(FaceAnimation.of_keyframes([1, 2], FACES, texts=["a", "b"]), tmp_path / "face", "csv,json")
    names = [name[0].lower() + name[1:] for name in BLENDSHAPES if name != "TongueOut"]
    frames = [{"time": at / 30, "blendshapes": dict.fromkeys(names, at / 100)} for at in range(31)]
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({"frames": frames}))
    return [table, record, scores]


def test_takes_of_any_kind_are_shown_side_by_side(files: list[Path], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "new" / "page.html"
    assert run("show", *files, "--out", out, "--title", "Three", "--start", 0.5) == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(out)]
    assert "scores.json: 'time' is in seconds; 'TongueOut' and the 9 head and eye angles are 0" in said.err
    page = Page(out)
    assert page.named("h1")[0][1] == "Three"
    takes = page.description["takes"]
    assert [each["title"] for each in takes] == [f"{tmp_path.name}/face (1)", f"{tmp_path.name}/face (2)", "scores"]
    assert [each["frames"] for each in takes] == [73, 73, 16]
    assert takes[1]["marks"] == [[0.5, "a"], [1.5, "b"]]
    np.testing.assert_allclose(page.take(1).curves, page.take(0).curves, atol=3e-4)


def test_what_show_refuses(files: list[Path], tmp_path: Path, capsys: Capture) -> None:
    out = ("--out", tmp_path / "page.html")
    for arguments, message in (
        ((tmp_path / "none.csv", *out), "none.csv: there is no such file; check the path"),
        ((tmp_path, *out), "is a folder, expected a Live Link Face CSV file; name a file in it"),
        (
            (files[0], "--out", tmp_path / "page.csv"),
            "expected the path of a page, such as compare.html; end it in .html",
        ),
        ((files[0], *out, "--start", 9), "face: ends at 2.9 s, before --start (9 s)"),
        ((files[0], *out, "--start", 2, "--end", 1), "--start: is 2, expected 0 to --end"),
        ((files[0], *out, "--fps", 0), "--fps: is 0, expected 1 to 240 frames a second"),
        ((files[1], *out, "--hold", -1), "face.json: hold: expected 0 or more, got -1"),
        ([files[0]] * 13 + list(out), "13 takes were given, expected 1 to 12"),
        ((), "the following arguments are required: takes"),
    ):
        assert message in refusal(capsys, "show", *arguments)
    assert not (tmp_path / "page.html").exists()
