"""Decoders of the live protocols, written from their descriptions alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

# The order of Unreal's enumeration EARFaceBlendShape.
UNREAL = [
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawLeft", "JawRight", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthLeft", "MouthRight", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut", "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
]  # fmt: skip


def live_link(packet: bytes) -> dict[str, Any]:
    """Fields of a packet of Live Link Face, version 6."""
    assert packet[0] == 6
    at, texts = 1, []
    for _ in range(2):
        (length,) = struct.unpack_from(">i", packet, at)
        texts.append(packet[at + 4 : at + 4 + length].decode())
        at += 4 + length
    frame, part, numerator, denominator, count = struct.unpack_from(">ifiiB", packet, at)
    values = struct.unpack_from(f">{count}f", packet, at + 17)
    assert len(packet) == at + 17 + 4 * count
    rate = numerator / denominator
    faces = dict(zip(UNREAL, values, strict=True))
    return {"device": texts[0], "subject": texts[1], "frame": frame, "part": part, "rate": rate, "values": faces}


def osc(packet: bytes) -> Iterator[tuple[str, list[Any]]]:
    """Messages of a bundle or a message of Open Sound Control 1.0."""
    if packet.startswith(b"#bundle\0"):
        at = 16
        while at < len(packet):
            (length,) = struct.unpack_from(">i", packet, at)
            assert length % 4 == 0
            yield from osc(packet[at + 4 : at + 4 + length])
            at += 4 + length
        assert at == len(packet)
        return
    address, at = _text(packet, 0)
    types, at = _text(packet, at)
    assert types[0] == ","
    values: list[Any] = []
    for kind in types[1:]:
        if kind == "s":
            text, at = _text(packet, at)
            values.append(text)
        else:
            values.append(struct.unpack_from(">" + kind, packet, at)[0])
            at += 4
    assert at == len(packet)
    yield address, values


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode("ascii"), at + (end - at) // 4 * 4 + 4
