"""`LiveLinkPackets`: frames as the app Live Link Face sends them to Unreal, version 6 of its packets.

All numbers are big-endian: version (1 byte), device id and subject (each a length of 4 bytes, then characters), frame
number (int32), part of a frame (float32), frames a second as a fraction (2 × int32), the count 61 (1 byte) and 61
float32 values. Their order is Unreal's, not that of the app's CSV: the jaw's and mouth's left come before their right.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError

VERSION = 6
LONGEST_SUBJECT = 64

_LEFT_FIRST = {"JawRight": "JawLeft", "JawLeft": "JawRight", "MouthRight": "MouthLeft", "MouthLeft": "MouthRight"}

ORDER: tuple[str, ...] = tuple(_LEFT_FIRST.get(name, name) for name in CHANNELS)
"""The channels in the order of the packets."""

_PLACES = np.array([INDEX[name] for name in ORDER])


class LiveLinkPackets:
    """Frames for Unreal's Live Link: one packet each.

    Args:
        fps: Frames a second.
        subject: Name of the subject in Unreal.

    Raises:
        InputError: For a subject that is empty, too long, or not ASCII.
    """

    port = 11111

    def __init__(self, fps: float, subject: str = "kfzoo") -> None:
        if not (subject.isascii() and subject.isprintable() and 0 < len(subject) <= LONGEST_SUBJECT):
            problem = f"is '{subject[:LONGEST_SUBJECT]}', expected 1 to {LONGEST_SUBJECT} ASCII characters"
            raise InputError("--subject", problem, "choose another name")
        rate = Fraction(fps).limit_denominator(1001)
        self._start = bytes([VERSION]) + _text(str(uuid5(NAMESPACE_URL, f"kfzoo/{subject}")).upper()) + _text(subject)
        self._rate = (rate.numerator, rate.denominator)

    def packets(self, face: NDArray[np.floating], frame: int) -> Sequence[bytes]:
        """Returns one packet.

        Args:
            face: (61,) in Live Link order of the CSV.
            frame: Its number.
        """
        time = struct.pack(">ifii", frame & 0x7FFFFFFF, 0.0, *self._rate)
        return [self._start + time + struct.pack(f">B{len(ORDER)}f", len(ORDER), *face[_PLACES].tolist())]


def _text(text: str) -> bytes:
    return struct.pack(">i", len(text)) + text.encode("ascii")
