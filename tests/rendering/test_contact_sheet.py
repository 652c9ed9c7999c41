from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from kfzoo.errors import InputError
from kfzoo.rendering.contact_sheet import Row, contact_sheet, wrap
from kfzoo.rendering.drawing.draw import draw_face
from kfzoo.rendering.save_image import save_image

NEUTRAL = np.zeros(61)
SMILE = np.zeros(61)
SMILE[[23, 24]] = 0.9


def test_sheet_holds_every_face_unchanged() -> None:
    sheet = contact_sheet([Row("", [("target", SMILE), ("", NEUTRAL)]), Row("", [("", NEUTRAL)])], size=64)
    image = np.asarray(sheet)
    for face in (SMILE, NEUTRAL):
        drawn = np.asarray(draw_face(face, 64))
        windows = np.lib.stride_tricks.sliding_window_view(image, drawn.shape)[:, :, 0]
        assert (windows == drawn).all(axis=(2, 3, 4)).sum() == (1 if face is SMILE else 2)


def test_long_captions_and_labels_make_room_for_themselves() -> None:
    words = "the corners of the mouth rise, first faintly and then in earnest, while the brows stay calm " * 4
    short = contact_sheet([Row("calm", [("a", NEUTRAL)])], size=64)
    assert contact_sheet([Row(words, [("a", NEUTRAL)])], size=64).height > short.height
    assert contact_sheet([Row("calm", [(words, NEUTRAL)])], size=64).height > short.height
    titled = contact_sheet([Row("calm", [("a", NEUTRAL)])], size=64, title="Ground truth and prediction")
    assert (titled.width, titled.height > short.height) == (short.width, True)


def test_no_caption_takes_no_column() -> None:
    bare, spoken = (contact_sheet([Row(caption, [("a", NEUTRAL)])], size=64) for caption in ("", "words"))
    assert bare.width < spoken.width - 64


def test_caption_column_takes_the_width_asked_for() -> None:
    narrow, wide = (contact_sheet([Row("words", [("a", NEUTRAL)])], size=64, caption_width=width) for width in (50, 90))
    assert wide.width - narrow.width == 40


def test_text_is_drawn_without_matplotlib_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfzoo.rendering.contact_sheet.find_spec", lambda name: None)
    assert contact_sheet([Row("words", [("a", NEUTRAL)])], size=251).height > 251


def test_wrapped_lines_fit_and_keep_every_word() -> None:
    font = ImageFont.load_default(12)
    text = "a smile\nthat " + "grows" * 30 + " slowly"
    lines = wrap(text, font, 80)
    assert all(font.getlength(line) <= 80 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert lines[0] == "a smile"
    assert wrap("", font, 80) == []
    endless = 50_000 * "il"
    assert "".join(wrap(endless, font, 80)) == endless
    assert all(font.getlength(line) <= 80 < font.getlength(line + "il") for line in wrap(endless, font, 80)[:-1])
    assert wrap("abc", font, 1) == ["a", "b", "c"]


def test_bad_rows_are_named() -> None:
    with pytest.raises(InputError, match="contact sheet: got no rows; pass at least one row with one face"):
        contact_sheet([])
    with pytest.raises(InputError, match="contact sheet, row 2: has no face"):
        contact_sheet([Row("a", [("x", NEUTRAL)]), Row("b", [])])
    with pytest.raises(InputError, match=r"contact sheet, row 1, 'target': expected 61 numbers, got shape \(3,\)"):
        contact_sheet([Row("a", [("target", np.zeros(3))])])


def test_png_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    image = draw_face(SMILE, 32)
    save_image(image, tmp_path / "figures" / "face.png")
    with Image.open(tmp_path / "figures" / "face.png") as read:
        assert read.format == "PNG"
        assert (np.asarray(read) == np.asarray(image)).all()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_image(image, tmp_path / "file" / "face.png")
