from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kfzoo.data.images import read_image
from kfzoo.errors import InputError


@pytest.fixture
def gradient() -> Image.Image:
    """Red rises to the right, green downwards."""
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    return Image.fromarray(np.stack([4 * across, 4 * down, 0 * down], axis=-1).astype(np.uint8))


def test_colours_and_places(tmp_path: Path, gradient: Image.Image) -> None:
    gradient.save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png", 64)
    assert found.shape == (3, 64, 64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 10], np.arange(64) * 4 / 255, atol=1e-6)
    np.testing.assert_allclose(found[1, :, 10], np.arange(64) * 4 / 255, atol=1e-6)


def test_the_middle_square_is_kept(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 20)[:, :, 2:-2] == 1).all()


def test_the_cameras_rotation_is_applied(tmp_path: Path, gradient: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    gradient.save(tmp_path / "a.png", exif=exif)
    found = read_image(tmp_path / "a.png", 64)
    np.testing.assert_allclose(found[0, :, 10], np.arange(64) * 4 / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
def test_any_mode_becomes_rgb(mode: str, tmp_path: Path, gradient: Image.Image) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    if mode == "I;16":
        Image.fromarray(np.full((8, 8), 40000, dtype=np.uint16)).save(path)
    else:
        gradient.convert(mode).save(path)
    found = read_image(path, 32)
    assert found.shape == (3, 32, 32)
    assert ((found >= 0) & (found <= 1)).all()


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 32768, dtype=np.uint16)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif", 8), 0.5, atol=0.01)


def test_files_that_are_no_images(tmp_path: Path, gradient: Image.Image) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_image(tmp_path / "a.png", 8)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    gradient.save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:100])
    for name in ("empty.png", "text.png", "cut.png"):
        with pytest.raises(InputError, match=r"cannot be read as an image|is empty") as caught:
            read_image(tmp_path / name, 8)
        assert "\n" not in str(caught.value)
