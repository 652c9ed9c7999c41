"""Open Sound Control 1.0: messages and bundles."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

_BUNDLE = b"#bundle\0" + struct.pack(">q", 1)  # time tag 1: at once


def message(address: str, *arguments: int | float | str) -> bytes:
    """Returns one message; whole numbers are int32, others float32."""
    types, body = ",", b""
    for each in arguments:
        if isinstance(each, str):
            types, body = types + "s", body + _padded(each)
        elif isinstance(each, int):
            types, body = types + "i", body + struct.pack(">i", each)
        else:
            types, body = types + "f", body + struct.pack(">f", each)
    return _padded(address) + _padded(types) + body


def bundles(messages: Sequence[bytes], longest: int) -> Iterator[bytes]:
    """Packs messages into bundles, in order.

    Args:
        messages: As from `message`, each well below `longest`.
        longest: Bytes of a bundle at the most.
    """
    packed = _BUNDLE
    for each in messages:
        entry = struct.pack(">i", len(each)) + each
        if len(packed) + len(entry) > longest:
            yield packed
            packed = _BUNDLE
        packed += entry
    if len(packed) > len(_BUNDLE):
        yield packed


def _padded(text: str) -> bytes:
    """Returns a text with one to four zeros, to a multiple of four bytes."""
    data = text.encode("ascii")
    return data + b"\0" * (4 - len(data) % 4)
