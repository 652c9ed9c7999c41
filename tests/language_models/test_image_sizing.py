from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kfzoo.data.images import read_image
from kfzoo.errors import InputError
from kfzoo.language_models.image_sizing import fitted_size, read_fitted, read_letterboxed

SIDE = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("width", "height", "tokens", "expected"),
    [(848, 480, 390, (832, 480)), (896, 504, 448, (896, 512)), (180, 240, 48, (192, 256)), (4000, 3000, 972, None)],
)
def test_released_images_have_their_tokens(
    width: int, height: int, tokens: int, expected: tuple[int, int] | None
) -> None:
    found = fitted_size(height, width, 32, 1024)
    assert found[0] * found[1] == tokens * 32**2
    assert expected is None or found == expected[::-1]


@given(SIDE, SIDE, st.sampled_from([64, 1024]))
def test_sizes_are_those_of_transformers(height: int, width: int, most: int) -> None:
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    if max(height, width) > 200 * min(height, width):
        with pytest.raises(InputError, match="expected an aspect of at most 200"):
            fitted_size(height, width, 32, most)
        return
    expected = smart_resize(height, width, factor=32, min_pixels=4 * 32**2, max_pixels=most * 32**2)
    assert fitted_size(height, width, 32, most) == tuple(expected)


def gradient(path: Path, width: int, height: int) -> Path:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    Image.fromarray(np.stack([across, down, 0 * down], axis=-1).astype(np.uint8)).save(path)
    return path


def test_the_whole_image_is_read_with_its_aspect(tmp_path: Path) -> None:
    found = read_fitted(gradient(tmp_path / "a.png", 180, 100), 32, 1024)
    assert found.shape == (3, 96, 192)
    assert found[0, 48, 0] < 0.02
    assert found[0, 48, -1] > 0.98
    assert found[1, -1, 90] > 0.98
    gradient(tmp_path / "thin.png", 900, 4)
    with pytest.raises(InputError, match=r"thin\.png: has 900×4 pixels, expected an aspect of at most 200; cut it"):
        read_fitted(tmp_path / "thin.png", 32, 1024)


def test_a_fixed_size_gets_grey_bars(tmp_path: Path) -> None:
    found = read_letterboxed(gradient(tmp_path / "a.png", 128, 64), 64)
    assert found.shape == (3, 64, 64)
    np.testing.assert_allclose(found[:, [0, 15, 48, 63]], 128 / 255, atol=1e-6)
    assert found[0, 32, 0] < 0.03
    assert found[0, 32, -1] > 0.97  # nothing is cut off


@pytest.mark.parametrize("side", [64, 100])
def test_squares_are_read_as_before(side: int, tmp_path: Path) -> None:
    path = gradient(tmp_path / "a.png", side, side)
    np.testing.assert_array_equal(read_letterboxed(path, 64), read_image(path, 64))
