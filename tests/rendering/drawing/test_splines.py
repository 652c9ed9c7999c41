from __future__ import annotations

import numpy as np
import pytest

from kfzoo.rendering.drawing.splines import between, ellipse, ribbon, spline


@pytest.mark.parametrize(("count", "steps"), [(2, 1), (3, 4), (7, 9)])
def test_open_spline_passes_through_its_points_and_keeps_straight_lines(count: int, steps: int) -> None:
    points = np.random.default_rng(0).random((count, 3))
    np.testing.assert_allclose((spline(count, steps) @ points)[::steps], points, atol=1e-12)
    line = np.linspace(0, 1, count)[:, None] * (1.0, 2.0, 3.0)
    np.testing.assert_allclose(
        spline(count, steps) @ line, np.linspace(0, 1, (count - 1) * steps + 1)[:, None] * (1, 2, 3)
    )


def test_closed_spline_passes_through_its_points_and_does_not_care_where_it_starts() -> None:
    points = np.random.default_rng(1).random((6, 3))
    curve = spline(6, 5, closed=True) @ points
    np.testing.assert_allclose(curve[::5], points, atol=1e-12)
    np.testing.assert_allclose(spline(6, 5, closed=True) @ np.roll(points, 2, axis=0), np.roll(curve, 10, axis=0))


def test_ribbon_of_a_straight_line_is_a_rectangle() -> None:
    line = np.array([(0.0, 0, 1), (1, 0, 1), (2, 0, 1)])
    outline = ribbon(line, 0.5)
    np.testing.assert_allclose(outline[:3], np.add(line, (0, 0.25, 0)))
    np.testing.assert_allclose(outline[3:], np.subtract(line, (0, 0.25, 0))[::-1])


def test_between_cuts_to_the_opening() -> None:
    upper = np.array([(-1.0, -0.2, 0), (1, -0.2, 0)])
    lower = np.array([(-1.0, 0.3, 0), (1, 0.3, 0)])
    cut = between(ellipse(np.zeros(3), 0.5, 0.5), upper, lower)
    assert cut[:, 1].min() == pytest.approx(-0.2)
    assert cut[:, 1].max() == pytest.approx(0.3)
    shut = between(ellipse(np.zeros(3), 0.5, 0.5), upper, upper)
    np.testing.assert_allclose(shut[:, 1], -0.2)
