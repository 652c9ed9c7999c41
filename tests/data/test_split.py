from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kfzoo.data.script import PARTS, Keyframe, Part, Script
from kfzoo.data.split import Split, digest
from kfzoo.errors import InputError


def scripts(groups: int, each: int = 2) -> list[Script]:
    keyframe = Keyframe(0, 0.0, arkit="A smile.", coefficients=np.zeros(61, np.float32))
    return [
        Script(f"clip{group}/{number}", f"S{group}", "", "joy" if group % 2 else "grief", (keyframe,))
        for group in range(groups)
        for number in range(each)
    ]


SHARES = st.floats(0.05, 0.4)


@example(groups=4, val=0.375, test=0.375, seed=0, by="subject")  # 1.5 and 1.5 of 4 must leave one for training
@given(st.integers(3, 30), SHARES, SHARES, st.integers(0, 99), st.sampled_from(["subject", "recording"]))
def test_parts_are_disjoint_whole_groups_and_depend_on_the_seed_alone(
    groups: int, val: float, test: float, seed: int, by: Any
) -> None:
    found = scripts(groups)
    split = Split(by=by, val=val, test=test, seed=seed)
    parts = split.assign(found)
    by_group: dict[str, set[str]] = {}
    for script, part in zip(found, parts, strict=True):
        by_group.setdefault(script.recording, set()).add(part)
    assert all(len(seen) == 1 for seen in by_group.values())
    assert set(parts) == set(PARTS)
    assert parts == split.assign(found)
    assert digest(found, parts) == digest(found[::-1], parts[::-1])


def test_named_groups_go_where_they_are_named() -> None:
    found = scripts(5)
    parts = Split(by="recording", val=["clip3"], test=["clip0", "clip1"]).assign(found)
    assert parts == ["test"] * 4 + ["train"] * 2 + ["val"] * 2 + ["train"] * 2


def test_a_stratified_split_shows_every_emotion_in_every_part() -> None:
    found = scripts(40)
    parts = Split(by="recording", val=0.1, test=0.2, stratify=True).assign(found)
    for part, share in (("val", 0.1), ("test", 0.2)):
        chosen = [script.emotion for script, its in zip(found, parts, strict=True) if its == part]
        assert chosen.count("joy") == chosen.count("grief") == 40 * share


def performed(recording: str, seed: int, same_as: tuple[str, ...] = (), subject: str = "S") -> list[Script]:
    """Two scripts of a recording with faces of their own."""
    faces = np.random.default_rng(seed).uniform(0, 1, (2, 61)).astype(np.float32)
    return [
        Script(f"{recording}/{number}", subject, "", "joy", (Keyframe(0, 0.0, coefficients=face),), None, same_as)
        for number, face in enumerate(faces)
    ]


@given(st.integers(0, 99), st.sampled_from(["recording", "subject"]))
def test_recordings_of_one_performance_stay_in_one_part(seed: int, by: Any) -> None:
    found = [each for number in range(8) for each in performed(f"take{number}", number, subject=f"S{number}")]
    found += performed("copy of 0", 0, subject="S8")  # the same faces
    found += performed("raw of 1", 9, ("take1", "not in this data"), subject="S9")  # as the source says
    found += performed("copy of raw of 1", 9, subject="S10")
    split = Split(by=by, val=0.2, test=0.3, seed=seed)
    parts = dict(zip((script.recording for script in found), split.assign(found), strict=True))
    assert parts["take0"] == parts["copy of 0"]
    assert parts["take1"] == parts["raw of 1"] == parts["copy of raw of 1"]
    assert set(parts.values()) == set(PARTS)
    # 8 groups, of which .2 and .3 are 2 each.
    assert sum(part != "train" for name, part in parts.items() if name.startswith("take")) == 4


def test_naming_copies_for_two_parts_is_refused() -> None:
    found = [each for number in range(4) for each in performed(f"take{number}", number)]
    found += performed("zcopy", 0)
    parts = Split(by="recording", val=["take1"], test=["zcopy", "take0"]).assign(found)
    assert parts == ["test"] * 2 + ["val"] * 2 + ["train"] * 4 + ["test"] * 2
    with pytest.raises(InputError) as error:
        Split(by="recording", val=["take0"], test=["zcopy"]).assign(found)
    assert str(error.value).startswith("data.split.val: 'take0' is named in two parts")


def test_a_source_that_tears_copies_apart_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assigned: tuple[tuple[str, int, Part], ...]
    assigned = (("a", 0, "train"), ("b", 1, "val"), ("c", 0, "test"), ("d", 1, "val"))
    found = [replace(script, part=part) for recording, seed, part in assigned for script in performed(recording, seed)]
    assert Split().assign(found) == ["train"] * 2 + ["val"] * 2 + ["test"] * 2 + ["val"] * 2
    assert caplog.messages == [
        "The source has 1 recordings in another part than one of the same faces, such as 'c' and 'a'."
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test": ["clip9"]}, ".test: 'clip9' is no recording of this data; known: clip0, clip1, clip2"),
        ({"val": ["clip1"], "test": ["clip1"]}, ".val: 'clip1' is named in two parts"),
        ({"val": 1.5}, ".val: expected a share between 0 and 1 or names, found 1.5"),
        ({"by": "source"}, ".by: 'source' needs parts that the source assigns, and script 'clip0/0' has none"),
        ({"val": ["clip0"], "test": ["clip1", "clip2"]},
         ": the train part is empty (6 scripts in 3 groups by recording)"),
    ],
)  # fmt: skip
def test_an_impossible_split_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Split(**({"by": "recording"} | arguments)).assign(scripts(3))
    assert str(caught.value).startswith(f"data.split{message}")
