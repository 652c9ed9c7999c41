from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kfzoo.data.script import PARTS, Keyframe, Script
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
