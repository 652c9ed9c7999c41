from __future__ import annotations

import sys

import numpy as np
import pytest

from kfzoo.animation.pictures import pictures
from kfzoo.rendering.drawing.draw import draw_face
from tests.animation.animations import sided


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_draw_the_frames_in_order(processes: int) -> None:
    curves = sided(20).curves
    drawn = list(pictures(curves, 64, processes=processes))
    assert len(drawn) == len(curves)
    for picture, face in zip(drawn, curves, strict=True):
        np.testing.assert_array_equal(picture, np.asarray(draw_face(face, 64)))


def test_a_process_that_ends_loses_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    curves = sided(10).curves
    for picture, face in zip(pictures(curves, 64, processes=2), curves, strict=True):
        np.testing.assert_array_equal(picture, np.asarray(draw_face(face, 64)))
