"""Contact sheets: rows of drawn faces with their words, to look at a script or at truth next to prediction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont, ImageOps

from kfzoo.arkit.checks import check_face
from kfzoo.errors import InputError
from kfzoo.rendering.drawing.draw import PORTRAIT, Style, draw_face

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK = (38, 38, 42)
FAINT = (110, 110, 118)
RULE = (222, 222, 226)
LEADING = 1.3
"""Height of a line of text in font sizes."""

MOST_CHARACTERS = 2000
"""Of a caption or label; the rest of a longer one is not drawn."""


@dataclass(frozen=True)
class Row:
    """One row of a contact sheet.

    Attributes:
        caption: Words next to the faces, wrapped as needed; may be empty.
        faces: (label, coefficients (61,)) of each face, from left to right; an image is shown as it is.
    """

    caption: str
    faces: Sequence[tuple[str, ArrayLike | Image.Image]]


def contact_sheet(
    rows: Sequence[Row], *, size: int = 160, caption_width: int | None = None, title: str = "", style: Style = PORTRAIT
) -> Image.Image:
    """Lays out faces in labelled rows, captions at the left.

    Args:
        rows: The rows; their numbers of faces may differ.
        size: Side of a face in pixels; text grows with it.
        caption_width: Width of the captions' column in pixels; by default 1.6 faces, or 0 when no row has one.
        title: A line above everything.
        style: Colours of the faces.

    Returns:
        An RGB image on the style's background.

    Raises:
        InputError: When there is no row, a row has no face, or a face is wrong (the message names row and label).
    """
    if not rows:
        raise InputError("contact sheet", "got no rows", "pass at least one row with one face")
    for number, row in enumerate(rows, start=1):
        if not row.faces:
            raise InputError(f"contact sheet, row {number}", "has no face", "pass at least one (label, coefficients)")
        for label, face in row.faces:
            if not isinstance(face, Image.Image):
                check_face(face, f"contact sheet, row {number}, '{label}'")
    if caption_width is None:
        caption_width = round(1.6 * size) if any(row.caption for row in rows) else 0
    margin, text_size = max(8, size // 12), max(10, round(size * 0.085))
    font, heading = load_font(text_size), load_font(round(1.25 * text_size))
    left = margin + caption_width + (margin if caption_width else 0)
    width = left + max(len(row.faces) for row in rows) * (size + margin)
    bands = [_Band(row, font, text_size, size, caption_width) for row in rows]
    titles = wrap(title, heading, width - 2 * margin) if title else []
    top = margin + (round(len(titles) * 1.25 * text_size * LEADING) + margin if titles else 0)
    image = Image.new("RGB", (width, top + sum(band.height + margin for band in bands)), style.background)
    pencil = ImageDraw.Draw(image)
    _write(pencil, (margin, margin), titles, heading, round(1.25 * text_size), INK)
    for number, band in enumerate(bands):
        if number:
            pencil.line([(margin, top - margin // 2), (width - margin, top - margin // 2)], fill=RULE)
        band.draw(image, pencil, (margin, left), top, style)
        top += band.height + margin
    return image


def wrap(text: str, font: Font, width: float) -> list[str]:
    """Breaks text into lines that fit a width; a word longer than a line is cut.

    Args:
        text: Any text; its own line breaks are kept.
        font: What it is written in.
        width: Pixels.

    Returns:
        The lines; none for an empty text.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            while (fits := _fitting(word, font, width)) < len(word):
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
    return lines


def _fitting(word: str, font: Font, width: float) -> int:
    """Returns how many of a word's characters, at least one, fit a width; it measures no more than twice as many."""
    most = 16
    while most < len(word) and font.getlength(word[:most]) <= width:
        most *= 2
    return max(1, bisect_right(range(1, min(most, len(word)) + 1), width, key=lambda n: font.getlength(word[:n])))


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


class _Band:
    """A row with its text already wrapped, so that its height is known."""

    def __init__(self, row: Row, font: Font, text_size: int, size: int, caption_width: int) -> None:
        self.row, self.font, self.text_size, self.size = row, font, text_size, size
        self.gap = max(8, size // 12)
        self.caption = wrap(_shortened(row.caption), font, caption_width) if caption_width else []
        self.labels = [wrap(_shortened(label), font, size) for label, _ in row.faces]
        leading = text_size * LEADING
        labels = max(len(lines) for lines in self.labels)
        self.height = round(max(size + labels * leading + (4 if labels else 0), len(self.caption) * leading))

    def draw(self, image: Image.Image, pencil: ImageDraw.ImageDraw, x: tuple[int, int], top: int, style: Style) -> None:
        """Draws the captions at x[0] and the faces from x[1] on."""
        rest = max(0, self.size - len(self.caption) * self.text_size * LEADING)
        _write(pencil, (x[0], top + round(rest / 2)), self.caption, self.font, self.text_size, INK)
        for column, ((_, face), lines) in enumerate(zip(self.row.faces, self.labels, strict=True)):
            at = x[1] + column * (self.size + self.gap)
            if isinstance(face, Image.Image):
                drawn = ImageOps.fit(face, (self.size, self.size))
            else:
                drawn = draw_face(face, self.size, style)
            image.paste(drawn, (at, top))
            for line_number, line in enumerate(lines):
                indent = (self.size - self.font.getlength(line)) / 2
                down = top + self.size + 4 + round(line_number * self.text_size * LEADING)
                pencil.text((at + indent, down), line, font=self.font, fill=FAINT)


def _write(
    pencil: ImageDraw.ImageDraw, at: tuple[int, int], lines: list[str], font: Font, size: int, ink: tuple[int, int, int]
) -> None:
    for number, line in enumerate(lines):
        pencil.text((at[0], at[1] + round(number * size * LEADING)), line, font=font, fill=ink)


@cache
def load_font(size: int) -> Font:
    """Returns DejaVu Sans as matplotlib ships it, without importing matplotlib, or Pillow's own where it is missing.

    Args:
        size: In pixels.
    """
    spec = find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.exists():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)
