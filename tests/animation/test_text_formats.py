from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.animation.exporters import EXPORTERS, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.options import ExportOptions
from kfzoo.arkit.channels import BLENDSHAPES, INDEX, canonical
from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from tests.animation.animations import of_curves, sided, spoken

ZERO = ReadingOptions(head="zero")
COUNT = len(BLENDSHAPES)


def read_usda(path: Path) -> tuple[float, NDArray[np.float64]]:
    """Rate, and coefficients at each frame, of a layer's text; samples between which time runs linearly."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#usda 1.0\n")
    (end,) = re.findall(r"endTimeCode = (\d+)", text)
    (rate,) = re.findall(r"timeCodesPerSecond = (\S+)", text)
    found = np.zeros((int(end) + 1, 61))
    for names, values in (("blendShapes", "blendShapeWeights"), ("kfzoo:angleNames", "kfzoo:angles")):
        (listed,) = re.findall(rf"token\[\] {names} = \[(.*)\]", text)
        (body,) = re.findall(rf"float\[\] {values}\.timeSamples = {{\n(.*?)\n    }}", text, re.DOTALL)
        samples = [re.fullmatch(r" +(\d+): \[(.*)\],", line) for line in body.split("\n")]
        frames = [int(sample[1]) for sample in samples if sample]
        table = np.array([[float(cell) for cell in sample[2].split(",")] for sample in samples if sample])
        for column, name in enumerate(re.findall(r'"(\w+)"', listed)):
            found[:, INDEX[canonical(name)]] = np.interp(np.arange(len(found)), frames, table[:, column])
    return float(rate), found


@pytest.mark.parametrize("animation", [sided(60), spoken(), spoken(2)], ids=["posed", "restless", "two frames"])
@pytest.mark.parametrize("bake", [False, True])
def test_usd_holds_the_curves(animation: FaceAnimation, bake: bool, tmp_path: Path) -> None:
    (path,) = export(animation, tmp_path / "face", "usda", ExportOptions(bake=bake))
    rate, found = read_usda(path)
    assert rate == animation.fps
    np.testing.assert_allclose(found, animation.curves, atol=1e-3)
    samples = len(re.findall(r"^        \d+:", path.read_text(), re.MULTILINE))
    assert samples == 2 * len(animation.curves) if bake else samples <= 2 * len(animation.curves)


def test_audio2face_holds_the_blendshapes(tmp_path: Path) -> None:
    animation = spoken(20, 25)
    (path,) = export(animation, tmp_path / "face", "a2f.json")
    take = read_take(path, ZERO)
    np.testing.assert_allclose(take.coefficients[:, :COUNT], animation.curves[:, :COUNT], atol=1e-6)
    np.testing.assert_allclose(take.seconds, np.arange(20) / 25)


def test_face_cap_holds_all_but_the_roll_of_the_eyes(tmp_path: Path) -> None:
    animation = spoken(100, 60)
    (path,) = export(animation, tmp_path / "face", "txt")
    take = read_take(path, ZERO)
    expected = animation.curves.copy()
    expected[:, [INDEX["LeftEyeRoll"], INDEX["RightEyeRoll"]]] = 0
    np.testing.assert_allclose(take.coefficients, expected, atol=1e-5)
    np.testing.assert_allclose(take.seconds, np.arange(100) / 60, atol=5.1e-4)


@pytest.mark.parametrize("ending", ["usda", "a2f.json", "txt"])
def test_one_frame_is_no_animation(ending: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds 1 frame, at least 2"):
        export(of_curves(np.zeros((1, 61))), tmp_path / "face", ending)
    assert not list(tmp_path.iterdir())


def test_options_that_no_format_reads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--bake: is not read by the formats csv, json; it is for usda"):
        export(sided(), tmp_path / "face", "csv,json", ExportOptions(bake=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, -2, 63, 513, 5000])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(InputError, match=rf"--size: is {size}, expected an even number of pixels from 64 to 4096"):
        ExportOptions(size=size)


def test_every_option_is_read_by_a_format() -> None:
    assert {name for each in EXPORTERS.values() for name in each.reads} <= set(ExportOptions.__dataclass_fields__)


@pytest.mark.skipif(find_spec("pxr") is None, reason="needs USD: pip install usd-core")
def test_usd_itself_reads_the_curves(tmp_path: Path) -> None:
    usd, skeletons = importlib.import_module("pxr.Usd"), importlib.import_module("pxr.UsdSkel")
    animation = sided(60)
    (path,) = export(animation, tmp_path / "face", "usda")
    stage = usd.Stage.Open(str(path))
    found = skeletons.Animation(stage.GetDefaultPrim())
    assert [canonical(name) for name in found.GetBlendShapesAttr().Get()] == list(BLENDSHAPES)
    assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (60, len(animation.curves) - 1)
    angles = found.GetPrim().GetAttribute("kfzoo:angles")
    for frame, face in enumerate(animation.curves):
        np.testing.assert_allclose(found.GetBlendShapeWeightsAttr().Get(frame), face[:COUNT], atol=1e-3)
        np.testing.assert_allclose(angles.Get(frame), face[COUNT:], atol=1e-3)
