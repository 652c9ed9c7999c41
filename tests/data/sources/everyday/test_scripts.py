from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter, defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.action_units import YAW_PER_LOOK
from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, LOWER, UPPER
from kfzoo.data.script import ANNOTATIONS, Script, fingerprint
from kfzoo.data.sources.everyday import EverydayDescriptions
from kfzoo.data.sources.everyday.instruction import KINDS, Instruction
from kfzoo.data.sources.everyday.leading import leading
from kfzoo.data.sources.everyday.lexicon import lexicon
from kfzoo.data.sources.everyday.performers import RESTING
from kfzoo.errors import InputError

N = 4200
Pairs = list[tuple[Instruction, NDArray[np.float32]]]


@pytest.fixture(scope="module")
def source() -> EverydayDescriptions:
    return EverydayDescriptions(N)


@pytest.fixture(scope="module")
def scripts(source: EverydayDescriptions) -> list[Script]:
    return list(source)


@pytest.fixture(scope="module")
def pairs(source: EverydayDescriptions, scripts: list[Script]) -> Pairs:
    return [(source.instruction(number), face_of(script)) for number, script in enumerate(scripts)]


def face_of(script: Script) -> NDArray[np.float32]:
    face = script.keyframes[0].coefficients
    assert face is not None
    return face


def test_a_script_depends_on_the_seed_and_its_number_alone(scripts: list[Script]) -> None:
    assert fingerprint(EverydayDescriptions(50)) == fingerprint(scripts[:50])
    assert fingerprint([EverydayDescriptions(10**7).script(37)]) == fingerprint([scripts[37]])
    assert fingerprint(EverydayDescriptions(5, seed=1)) != fingerprint(scripts[:5])


def test_bad_arguments_name_their_key() -> None:
    with pytest.raises(InputError, match=r"^data\.source\.n: expected at least 1 script, found 0; ask for 1 or more$"):
        EverydayDescriptions(0)
    with pytest.raises(InputError, match=r"^data\.source\.seed: expected 0 or more, found -1; choose a seed"):
        EverydayDescriptions(3, seed=-1)
    with pytest.raises(InputError, match=r"^data\.source\.kinds: expected some of movement, .*, found 'winks'$"):
        EverydayDescriptions(3, kinds=["winks"])
    with pytest.raises(InputError, match="found none"):
        EverydayDescriptions(3, kinds=[])
    for number in (-1, 3):
        with pytest.raises(IndexError):
            EverydayDescriptions(3).script(number)


def test_texts_are_whole_and_faces_are_in_range(scripts: list[Script]) -> None:
    faces = np.stack([face_of(script) for script in scripts])
    assert faces.dtype == np.float32
    assert np.isfinite(faces).all()
    assert (faces >= LOWER).all()
    assert (faces <= UPPER).all()
    assert len({script.id for script in scripts}) == N
    for script in scripts:
        for annotation in ANNOTATIONS:
            text = script.keyframes[0].description(annotation)
            assert text
            assert text == text.strip()
            assert not any(mark in text for mark in ("  ", "{", "}", "[", "]", " ,", "..")), text


def test_parts_follow_actors_and_test_sentences_are_new(scripts: list[Script]) -> None:
    parts: dict[str, set[str | None]] = defaultdict(set)
    entries: dict[str | None, set[str]] = defaultdict(set)
    for script in scripts:
        parts[script.subject].add(script.part)
        entries[script.part].add(script.keyframes[0].original)
    assert all(len(found) == 1 for found in parts.values())
    assert Counter(script.part for script in scripts)["test"] / N == pytest.approx(3 / 21)
    assert len(entries["test"] & (entries["train"] | entries["val"])) <= 0.002 * len(entries["test"])


def test_kinds_can_be_chosen(pairs: Pairs) -> None:
    assert {asked.kind for asked, _ in pairs} >= set(KINDS) - {"idiom", "emotion"}
    chosen = EverydayDescriptions(60, kinds=["asymmetry", "neutral"])
    assert {chosen.instruction(number).kind for number in range(60)} == {"asymmetry", "neutral"}


def test_the_true_faces_follow_their_instructions(pairs: Pairs) -> None:
    for asked, face in pairs:
        assert asked.moves(face), asked
        assert asked.dominates(face), asked
        for name in asked.rest:
            limit = RESTING + 1e-6 if name in BLENDSHAPES else 0.06
            assert abs(face[INDEX[name]]) <= limit, (asked, name)


def test_named_sides_dominate(pairs: Pairs) -> None:
    sided = [(asked, face) for asked, face in pairs if asked.kind == "asymmetry"]
    assert len(sided) > 300
    assert {asked.dominant for asked, _ in sided} == {"left", "right"}
    for asked, face in sided:
        assert asked.dominant in asked.text.lower()
        assert asked.pairs
        for strong, weak in asked.pairs:
            assert strong.endswith(asked.dominant.capitalize())
            assert face[INDEX[strong]] > 3 * face[INDEX[weak]]


def test_what_is_denied_rests(pairs: Pairs) -> None:
    negations = [(asked, face) for asked, face in pairs if asked.kind == "negation"]
    assert len(negations) > 100
    assert all(asked.rest for asked, _ in negations)
    alone = [face for asked, face in negations if not asked.up]
    assert max(float(np.abs(face).max()) for face in alone) < 0.1


def test_neutral_faces_rest(pairs: Pairs) -> None:
    assert all(np.abs(face).max() < 0.1 for asked, face in pairs if asked.kind == "neutral")


def test_stronger_words_give_stronger_faces() -> None:
    source = EverydayDescriptions(10**6, kinds=["intensity"])
    words = {
        word: place
        for place, step in enumerate(lexicon().steps)
        for each in step.words.values()
        for word in each
        if "{" not in word
    }
    strengths: dict[int, list[float]] = defaultdict(list)
    graded = 0
    for number in range(1500):
        asked = source.instruction(number)
        graded += bool(asked.weaker)
        assert asked.weaker != asked.text
        said = [word for word in words if f" {word} " in f" {asked.text.lower().rstrip('.!?')} "]
        if said:
            strengths[words[max(said, key=len)]].append(asked.strength(face_of(source.script(number))))
    means = [float(np.mean(strengths[place])) for place in range(len(lexicon().steps))]
    assert all(weaker < stronger for weaker, stronger in itertools.pairwise(means)), means
    assert graded > 900


def test_closed_eyes_are_not_wide_and_eyes_turn_with_their_looks(scripts: list[Script]) -> None:
    faces = np.stack([face_of(script) for script in scripts])
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        shut = faces[:, INDEX[f"EyeBlink{side}"]] > 0.85
        assert faces[shut, INDEX[f"EyeWide{side}"]].max() < 0.1
        inward = faces[:, INDEX[f"EyeLookIn{side}"]] - faces[:, INDEX[f"EyeLookOut{side}"]]
        assert np.abs(faces[:, INDEX[f"{side}EyeYaw"]] - sign * YAW_PER_LOOK * inward).max() < 0.05


def test_every_channel_leads_often_enough(scripts: list[Script]) -> None:
    """At the default n of 30,000 every channel leads in 500 training sentences; here in proportion, less chance."""
    train = np.stack([face_of(script) for script in scripts if script.part == "train"])
    leads = leading(train).sum(axis=0)
    wanted = 500 * N / 30000
    assert {
        name: int(count) for name, count in zip(CHANNELS, leads, strict=True) if count < wanted - 3 * wanted**0.5
    } == {}


def test_nothing_is_kept_in_memory() -> None:
    source = EverydayDescriptions(10**6)
    list(itertools.islice(source, 50))
    tracemalloc.start()
    for _ in itertools.islice(source, 400):
        pass
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 400_000
