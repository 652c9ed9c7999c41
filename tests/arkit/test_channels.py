from __future__ import annotations

import pytest

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, MEDIAPIPE, canonical
from kfzoo.errors import InputError


def spellings(name: str) -> set[str]:
    """A channel's name in Apple's, MediaPipe's, VRM's and meshes' spellings."""
    camel = name[0].lower() + name[1:]
    found = {name, camel, name.upper(), f"blendShapes.{name}", f"Head_Mesh.{camel}"}
    for side in ("Left", "Right"):
        if name.endswith(side):
            stem = camel.removesuffix(side)
            found |= {f"{stem}_{side[0]}", f"{stem}{side[0]}", f"{stem}.{side[0]}", f"blendShape2.{stem}_{side[0]}"}
    return found


def test_every_spelling_is_one_channel() -> None:
    for name in CHANNELS:
        assert {canonical(spelling) for spelling in spellings(name)} == {name}
    everything = [spelling for name in CHANNELS for spelling in spellings(name)]
    assert len(everything) == len(set(everything))
    assert {canonical(name) for name in MEDIAPIPE[1:]} == set(BLENDSHAPES) - {"TongueOut"}


@pytest.mark.parametrize("name", ["_neutral", "", "_L", "L", ".", "browInnerUp_L", "cheekPuffR", "JawOpen.x", "Left"])
def test_other_names_are_no_channels(name: str) -> None:
    with pytest.raises(InputError, match="is none of the 61 ARKit channels"):
        canonical(name)
