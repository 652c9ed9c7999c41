"""Reading a page without a browser: its own decoder, and Pillow as the canvas."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

GRID, SUPERSAMPLING = 2048, 4
Polygon = tuple[list[tuple[int, int]], tuple[int, int, int]]


class Page(HTMLParser):
    """The elements of a page, by name, with their attributes and the text directly within them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self._open = False
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = True
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.elements[-1][2].append(data)

    def named(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(text)) for name, attributes, text in self.elements if name == tag]

    def text(self, name: str) -> str:
        (found,) = ("".join(text) for _, attributes, text in self.elements if attributes.get("id") == name)
        return found

    @property
    def description(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text("description"))
        return found

    def take(self, number: int = 0) -> Unpacked:
        return Unpacked(self.description["takes"][number], b64decode(self.text(f"take-{number}")))


class Unpacked:
    """A take, decoded one number after the other as `packing` documents it, in plain integers."""

    def __init__(self, description: dict[str, Any], data: bytes) -> None:
        planes = gzip.decompress(data)
        half = len(planes) // 2
        folded = [low + 256 * high for low, high in zip(planes[:half], planes[half:], strict=True)]
        self._numbers = iter([(value >> 1) ^ -(value & 1) for value in folded])
        self._shapes = description["shapes"]
        self.frames = description["frames"]
        self.shown = self._summed(self.frames)
        shape_of = self._summed(description["pictures"])
        self.curves: NDArray[np.float64] = np.array([self._summed(self.frames) for _ in range(61)]).T / 8192
        last: dict[int, list[int]] = {}
        self.pictures = [self._picture(shape, last) for shape in shape_of]
        assert next(self._numbers, None) is None

    def _summed(self, count: int) -> list[int]:
        total, found = 0, []
        for _ in range(count):
            total = (total + next(self._numbers) + 0x8000) % 0x10000 - 0x8000
            found.append(total)
        return found

    def _picture(self, shape: int, last: dict[int, list[int]]) -> list[Polygon]:
        sizes = self._shapes[shape]
        colours = [next(self._numbers) for _ in range(3 * len(sizes))]
        numbers = [*colours, *self._summed(sum(sizes)), *self._summed(sum(sizes))]
        if shape in last:
            numbers = [number + before for number, before in zip(numbers, last[shape], strict=True)]
        last[shape] = numbers
        points = list(zip(numbers[len(colours) : -sum(sizes)], numbers[-sum(sizes) :], strict=True))
        polygons: list[Polygon] = []
        for at, size in enumerate(sizes):
            red, green, blue = numbers[3 * at : 3 * at + 3]
            polygons.append((points[:size], (red, green, blue)))
            points = points[size:]
        return polygons

    def drawn(self, frame: int) -> NDArray[np.uint8]:
        """The frame at 512 pixels, as Pillow draws its polygons."""
        image = Image.new("RGB", (GRID, GRID), (255, 255, 255))
        pencil = ImageDraw.Draw(image)
        for points, colour in self.pictures[self.shown[frame]]:
            pencil.polygon(points, fill=colour)
        return np.asarray(image.reduce(SUPERSAMPLING))
