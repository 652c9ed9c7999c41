"""GLB files: glTF's document and its binary part in one file, read, added to and written. (glTF 2.0, section 4)."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.errors import InputError
from kfzoo.files import replacing

FLOAT, SHORT, INT = 5126, 5123, 5125
"""glTF's numbers of component types."""

_MAGIC, _JSON, _BINARY = b"glTF", b"JSON", b"BIN\0"
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_REMEDY = "export the head as glTF binary (.glb) again"


@dataclass
class Glb:
    """A glTF document, with one buffer.

    Attributes:
        document: The JSON part.
        binary: The binary part.
    """

    document: dict[str, Any]
    binary: bytearray

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """Adds an entry to one of the document's lists and returns its place."""
        entries: list[Any] = self.document.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def add_view(self, values: NDArray[Any], target: int | None = None) -> int:
        """Adds numbers to the binary part and returns the place of their view.

        Args:
            values: Of a type that glTF has, little-endian.
            target: glTF's number of what the graphics card does with it.
        """
        self.binary += b"\0" * (-len(self.binary) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        self.binary += values.tobytes()
        return self.add("bufferViews", view | ({} if target is None else {"target": target}))

    def add_floats(self, values: NDArray[np.floating], target: int | None = None) -> int:
        """Adds an accessor of floats and returns its place.

        Args:
            values: (N,), (N, 3) or (N, 4).
            target: See `add_view`.
        """
        table = np.ascontiguousarray(values, dtype="<f4").reshape(len(values), -1)
        ends = {"min": table.min(axis=0).tolist(), "max": table.max(axis=0).tolist()}
        entry = {"componentType": FLOAT, "count": len(table), "type": _TYPES[table.shape[1]], **ends}
        return self.add("accessors", {"bufferView": self.add_view(table, target), **entry})

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, replaced as a whole."""
        self.binary += b"\0" * (-len(self.binary) % 4)
        buffers = self.document.setdefault("buffers", [{}])
        buffers[0]["byteLength"] = len(self.binary)
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(_MAGIC + struct.pack("<II", 2, 12 + 8 + len(text) + 8 + len(self.binary)))
            for kind, part in ((_JSON, text), (_BINARY, self.binary)):
                file.write(struct.pack("<I", len(part)) + kind)
                file.write(part)


def read_glb(path: str | os.PathLike[str]) -> Glb:
    """Reads a GLB file.

    Args:
        path: The file.

    Raises:
        InputError: For a file that is none, is cut off, or refers to other files.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "name a GLB file") from error
    if data[:4] != _MAGIC or len(data) < 12:
        raise InputError(path, "is no GLB file", "export the head as glTF binary (.glb)")
    version, length = struct.unpack("<II", data[4:12])
    if version != 2:
        raise InputError(path, f"is glTF {version}, expected 2", _REMEDY)
    if len(data) < length:
        raise InputError(path, f"is cut off: it holds {len(data):,} of {length:,} bytes", _REMEDY)
    parts = dict(_chunks(path, data[12:length]))
    try:
        document = json.loads(parts[_JSON])
    except (KeyError, ValueError, RecursionError):
        raise InputError(path, "holds no readable document", _REMEDY) from None
    with checking(path):
        first = document.get("buffers", [])[:1]
        if (first and "uri" in first[0]) or (first and _BINARY not in parts) or len(document.get("buffers", [])) > 1:
            raise InputError(path, "keeps its data elsewhere", "export the head as one glTF binary (.glb)")
    return Glb(document, bytearray(parts.get(_BINARY, b"")))


@contextmanager
def checking(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what a document that is no valid glTF causes into one line."""
    try:
        yield
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(path, f"is no valid glTF ({type(error).__name__}: {error})", _REMEDY) from None


def _chunks(path: str | os.PathLike[str], data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        (length,) = struct.unpack("<I", data[at : at + 4])
        if at + 8 + length > len(data):
            raise InputError(path, "is cut off within a chunk", _REMEDY)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 8 + length
