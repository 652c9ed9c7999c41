from __future__ import annotations

import random
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kfzoo.data import image_formats
from kfzoo.data.images import image_conversions, read_image, read_pixels
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


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        image_conversions(path)
    with pytest.raises(InputError, match=r"."):
        read_image(path, 8)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("ending", ["png", "jpg", "jfif", "webp", "bmp", "tiff", "gif", "heic", "avif"])
def test_whole_images_of_every_format_keep_their_size(ending: str, tmp_path: Path, gradient: Image.Image) -> None:
    image_formats.heif_is_read()
    path = tmp_path / f"a.{ending}"
    gradient.crop((0, 0, 64, 32)).save(path, **({"format": "JPEG"} if ending == "jfif" else {}))
    pixels = read_pixels(path)
    assert pixels.shape == (32, 64, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[16, :, 0], np.arange(64) * 4, atol=25)
    assert image_conversions(path) == []
    path.rename(tmp_path / "b.JPG")  # what a file is called does not matter, and is said
    np.testing.assert_array_equal(read_pixels(tmp_path / "b.JPG"), pixels)
    assert image_conversions(tmp_path / "b.JPG") == (
        []
        if ending in ("jpg", "jfif")
        else [f"is {'HEIF' if ending == 'heic' else ending.upper()} by its content, and read as that"]
    )


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tiff"])
def test_of_an_animation_the_first_frame_is_read_and_that_is_said(ending: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (250, 130, 10)]
    frames[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:])
    assert (read_pixels(tmp_path / f"a.{ending}")[..., 0] > 200).all()
    assert image_conversions(tmp_path / f"a.{ending}") == ["has several frames or pages, of which the first is read"]


def test_prints_colours_are_converted_and_that_is_said(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = read_pixels(tmp_path / "a.jpg")[4, 4].tolist()
    assert (red, green, blue) == pytest.approx((255, 0, 0), abs=3)
    assert [words[:28] for words in image_conversions(tmp_path / "a.jpg")] == ["has the colours of print (CM"]


def test_heic_without_its_reader_names_the_extra(
    tmp_path: Path, gradient: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_formats.heif_is_read()
    gradient.save(tmp_path / "a.heic")
    (tmp_path / "a.heic").rename(tmp_path / "a.jpg")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    image_formats.heif_is_read.cache_clear()
    expected = 'is a HEIC image, which needs the package pillow-heif; run: pip install "kfzoo[images]"'
    assert refused(tmp_path / "a.jpg") == expected
    image_formats.heif_is_read.cache_clear()


def test_a_video_is_told_with_the_command_that_cuts_it(tmp_path: Path) -> None:
    path = tmp_path / "my talk.mp4"
    for head in (b"\0\0\0\x1cftypisom\0\0\2\0isomiso2mp41", b"\x1aE\xdf\xa3....webm", b"RIFF....AVI LIST"):
        path.write_bytes(head + bytes(99))
        assert refused(path) == (
            "is a video, and videos are not read yet; cut it into images: "
            f"mkdir frames && ffmpeg -i '{path}' -vf fps=2 frames/%06d.png"
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript file (EPS)"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, without the content"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"#define im_width 1\n#define im_height 1\n", "of no format that is known"),  # XBM
    ],
)
def test_other_files_are_told_by_their_content(
    content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*arguments: object, **options: object) -> None:
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr("subprocess.Popen", start)  # Pillow's reader of EPS starts Ghostscript
    (tmp_path / "a.png").write_bytes(content)
    assert words in refused(tmp_path / "a.png")


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of some hundred bytes that claims a size."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(9)))]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    assert refused(bomb(tmp_path / "a.png", 60000, 60000)).startswith("has too many pixels (Image size (3600000000")
    assert refused(bomb(tmp_path / "b.png", 0, 9)).startswith("cannot be read as an image")


def test_values_of_an_unknown_scale_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32)).save(tmp_path / "a.tiff")
    assert refused(tmp_path / "a.tiff").startswith("has floating-point values, whose scale is not known; save it with")
    Image.fromarray(np.full((8, 8), 70000, dtype=np.int32)).save(tmp_path / "b.tiff")
    assert refused(tmp_path / "b.tiff").startswith("has values from 70000 to 70000, expected 0 to 65535")


def damaged(data: bytes, generator: random.Random) -> bytes:
    """Bytes with some changed, left out, repeated or cut off."""
    found = bytearray(data)
    for _ in range(generator.choice((1, 3, 20))):
        place = generator.randrange(len(found))
        kind = generator.randrange(4)
        if kind == 0:
            found[place] = generator.randrange(256)
        elif kind == 1 and len(found) > 40:
            del found[place : place + generator.randrange(1, 20)]
        elif kind == 2:
            found[place:place] = found[place : place + generator.randrange(1, 20)]
        elif generator.random() < 0.2:
            del found[max(place, 1) :]
    return bytes(found)


def check_damaged(count: int, seed: int, folder: Path, gradient: Image.Image) -> None:
    generator = random.Random(seed)
    image_formats.heif_is_read()
    kinds = ("png", "jpeg", "webp", "bmp", "tiff", "gif", "heif", "avif")
    whole = []
    for kind in kinds:
        gradient.save(folder / f"whole.{kind}")
        whole.append((folder / f"whole.{kind}").read_bytes())
    for number in range(count):
        path = folder / f"damaged.{generator.choice(kinds)}"
        path.write_bytes(damaged(whole[number % len(kinds)], generator))
        problem, pixels = "", np.zeros(1, dtype=np.float32)
        try:
            image_conversions(path)
            pixels = read_image(path, 16)
        except InputError as error:
            problem = str(error)
        assert "\n" not in problem
        assert ((pixels >= 0) & (pixels <= 1)).all()


def test_damaged_images_are_read_or_refused_in_one_line(tmp_path: Path, gradient: Image.Image) -> None:
    check_damaged(60, 0, tmp_path, gradient)


@pytest.mark.slow
def test_a_thousand_damaged_images_are_read_or_refused_in_one_line(tmp_path: Path, gradient: Image.Image) -> None:
    check_damaged(1000, 1, tmp_path, gradient)
