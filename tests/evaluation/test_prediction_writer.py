"""`predict --formats`: files of each script or clip, by the exporters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfzoo.recordings.read import read_take
from tests.commandline import ROOT, run, shrink


def test_each_script_gets_its_files(tmp_path: Path) -> None:
    small = shrink(ROOT / "configs" / "mean_face" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", small) == 0
    assert run("predict", "--config", small, "--formats", "csv,json") == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()]
    scripts = {row["script"]: [each for each in rows if each["script"] == row["script"]] for row in rows}
    folder = tmp_path / "run" / "predictions"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == {
        f"{script}.{ending}" for script in scripts for ending in ("csv", "json")
    }
    for script, keyframes in scripts.items():
        written = json.loads((folder / f"{script}.json").read_text())["keyframes"]
        assert [each["coefficients"] for each in written] == [each["coefficients"] for each in keyframes]
        assert [each["time"] for each in written] == pytest.approx([each["time"] for each in keyframes], abs=1e-4)
        assert read_take(folder / f"{script}.csv").seconds[-1] >= keyframes[-1]["time"]


@pytest.mark.parametrize("name", ["mean_face/builtin", "mdm/clips"])
def test_an_unknown_format_is_refused_before_anything_is_generated(
    name: str, tmp_path: Path, takes_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = shrink(ROOT / "configs" / f"{name}.yaml", tmp_path, takes=takes_folder, clip="")
    assert run("predict", "--config", small, "--formats", "csv,fbx") == 2
    assert "--formats: 'fbx' is not known; known: csv, json, png, html, " in capsys.readouterr().err
