from __future__ import annotations

import itertools
import re
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from random import Random
from statistics import median

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX, LOWER, UPPER
from kfzoo.arkit.wording import HELD_OUT
from kfzoo.data.script import ANNOTATIONS, Annotation, Script, fingerprint
from kfzoo.data.sources.builtin import intent, nouns, phrases, situations
from kfzoo.data.sources.builtin.actors import ACTORS
from kfzoo.data.sources.builtin.banks import Bank
from kfzoo.data.sources.builtin.emotions import EKMAN, number_of
from kfzoo.data.sources.builtin.performance import perform
from kfzoo.data.sources.builtin.scripts import BuiltinScripts
from kfzoo.data.sources.builtin.shades import SHADES
from kfzoo.data.sources.builtin.stories import draw_story
from kfzoo.data.sources.builtin.vocabulary import MORE_PHRASES, WIDE
from kfzoo.data.sources.builtin.ways import EXTRAS, MASKS, PARTNERS, WAYS, family_shares, keyframe_shares
from kfzoo.errors import InputError


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return list(BuiltinScripts(1260, seed=0))


@pytest.fixture(scope="module")
def faces(scripts: list[Script]) -> NDArray[np.float32]:
    found = [keyframe.coefficients for script in scripts for keyframe in script.keyframes]
    return np.stack([face for face in found if face is not None])


def test_a_script_depends_on_the_seed_and_its_number_alone(scripts: list[Script]) -> None:
    assert fingerprint(BuiltinScripts(60)) == fingerprint(scripts[:60])
    # Committed results hold the fingerprint of these data: no word of them may change.
    assert fingerprint(scripts[:60]) == "2bbb2db2f065a8c2feaa4ec2a2e302c581e0460d02f22a26394d16aaa0b99b85"
    assert fingerprint([BuiltinScripts(10_000_000).script(37)]) == fingerprint([scripts[37]])
    assert fingerprint(BuiltinScripts(5, seed=1)) != fingerprint(scripts[:5])


def test_iterating_twice_gives_the_same_scripts() -> None:
    source = BuiltinScripts(20, seed=4)
    assert fingerprint(source) == fingerprint(source)
    assert len(source) == len(list(source)) == 20
    for number in (-1, 20):
        with pytest.raises(IndexError):
            source.script(number)


def test_bad_arguments_name_their_key() -> None:
    with pytest.raises(InputError, match=r"^data\.source\.n: expected at least 1 script, found 0; ask for 1 or more$"):
        BuiltinScripts(0)
    with pytest.raises(InputError, match=r"^data\.source\.seed: expected 0 or more, found -1; choose a seed"):
        BuiltinScripts(3, seed=-1)


def test_coefficients_are_in_range_and_finite(faces: NDArray[np.float32]) -> None:
    assert faces.dtype == np.float32
    assert np.isfinite(faces).all()
    assert (faces >= LOWER).all()
    assert (faces <= UPPER).all()


def test_ids_are_unique_and_every_text_is_there(scripts: list[Script]) -> None:
    assert len({script.id for script in scripts}) == len(scripts)
    for text in _texts(scripts):
        assert text[0].isupper() or not text[0].isalpha()
        assert text.endswith((".", "!", "?")), text
        assert "  " not in text
        assert "{" not in text


def test_times_rise_on_frames_and_indices_count(scripts: list[Script]) -> None:
    for script in scripts:
        times = [keyframe.time for keyframe in script.keyframes]
        assert all(earlier < later for earlier, later in itertools.pairwise(times))
        assert times[0] >= 0.0
        assert times[-1] <= 21.3
        assert np.allclose(np.array(times) * 60, np.round(np.array(times) * 60), atol=1e-6)
        assert [keyframe.index for keyframe in script.keyframes] == list(range(len(times)))


def test_keyframe_counts_follow_the_paper() -> None:
    # KeyframeFace, appendix D.2, read as "at least": 495, 1020, 574, 10 and 1 of 2,100.
    assert np.allclose(np.array(keyframe_shares()) * 2100, [495, 1020, 574, 10, 1])


def test_counts_and_emotions_come_out_in_proportion(scripts: list[Script]) -> None:
    counts = Counter(len(script.keyframes) for script in scripts)
    assert counts[1] / len(scripts) == pytest.approx(495 / 2100, abs=0.04)
    assert counts[2] / len(scripts) == pytest.approx(1020 / 2100, abs=0.05)
    keyframes = [keyframe for script in scripts for keyframe in script.keyframes]
    assert all(tuple(keyframe.emotions) == EKMAN for keyframe in keyframes)
    assert all(0.0 <= score <= 1.0 for keyframe in keyframes for score in keyframe.emotions.values())
    dominant = Counter(max(k.emotions, key=lambda name: k.emotions[name]) for k in keyframes)
    assert {name for name, _ in dominant.most_common(2)} == {"Sadness", "Happiness"}
    assert all(dominant[name] / len(keyframes) > 0.03 for name in EKMAN)


def test_durations_follow_the_paper() -> None:
    # The paper's median is 8.3 s; the last of k keyframes lies at (k - 0.5) / k of the clip on average.
    clips = [script for script in BuiltinScripts(2000, seed=7) if len(script.keyframes) == 2]
    assert median(script.keyframes[1].time / 0.75 for script in clips) == pytest.approx(8.3, rel=0.06)


def test_the_split_is_by_actor(scripts: list[Script]) -> None:
    parts: dict[str, set[str | None]] = {}
    for script in scripts:
        parts.setdefault(script.subject, set()).add(script.part)
    assert sorted(parts) == [f"A{number:02d}" for number in range(1, 22)]
    assert all(len(found) == 1 for found in parts.values())
    assert Counter(part for found in parts.values() for part in found) == {"train": 15, "val": 3, "test": 3}
    assert {script.part for script in scripts[:7]} == {"train", "val", "test"}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _grams(texts: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for words in map(_words, texts) for at in range(len(words) - size + 1)}


def _texts(scripts: list[Script], test: bool | None = None, words: tuple[Annotation, ...] = ANNOTATIONS) -> list[str]:
    chosen = [script for script in scripts if test in (None, script.part == "test")]
    descriptions = [k.description(each) for script in chosen for k in script.keyframes for each in words]
    return [text for script in chosen for text in (script.background, script.emotion)] + descriptions


def test_test_scripts_share_no_wording_with_the_others(scripts: list[Script]) -> None:
    # The muscles' own words come from `describe`, whose banks share the names of parts of the face: tested there.
    assert not set(_texts(scripts, True)) & set(_texts(scripts, False))
    own = [_grams(_texts(scripts, test, ("original",)), 4) for test in (True, False)]
    assert not own[0] & own[1]


def _banks() -> list[Bank]:
    found: list[Bank] = []

    def collect(value: object) -> None:
        if isinstance(value, Bank):
            found.append(value)
        elif isinstance(value, Mapping):
            collect(tuple(value.values()))
        elif isinstance(value, tuple):
            for part in value:
                collect(part)

    for module in (intent, nouns, phrases, situations):
        for name, value in vars(module).items():
            if name.isupper():
                collect(value)
    return found


def test_no_phrase_is_in_both_banks() -> None:
    banks = _banks()
    assert len(banks) > 100
    for bank in banks:
        phrases_of_both = set(bank.train) & set(bank.held_out)
        assert phrases_of_both <= {"", "{0}", "{degree} {felt}"}  # an empty slot says nothing


def test_the_wider_training_vocabulary_keeps_clear_of_the_held_out_one() -> None:
    assert set(MORE_PHRASES) == set(WIDE.phrases) == set(HELD_OUT.phrases)
    for movement, wide in WIDE.phrases.items():
        held_out = HELD_OUT.phrases[movement]
        assert not {(p.both, p.predicate) for p in wide} & {(p.both, p.predicate) for p in held_out}
        assert not {p.predicate for p in wide} & {p.predicate for p in held_out}
    levels = {word for words in (*WIDE.intensities, *WIDE.coarse) for word in words}
    assert not levels & {word for words in (*HELD_OUT.intensities, *HELD_OUT.coarse) for word in words}
    assert not {frame.opening for frame in WIDE.frames} - {""} & {frame.opening for frame in HELD_OUT.frames}
    assert len({word for words in WIDE.intensities for word in words}) == sum(map(len, WIDE.intensities))


def test_every_table_knows_every_name() -> None:
    shades, masks = set(SHADES), set(MASKS)
    assert set(nouns.NOUNS) == shades | masks
    assert set(situations.EVENTS) == shades
    assert set(situations.TAILS) == set(phrases.PATTERNS) == set(WAYS)
    assert {name for names in PARTNERS.values() for name in names} <= shades | masks
    units = {number_of(code) for shade in (*SHADES.values(), *MASKS.values()) for face in shade.faces for code in face}
    assert units | {number_of(code) for code, _, _ in EXTRAS} <= set(map(int, intent.MOVES))
    assert sum(way.share for way in WAYS.values()) == pytest.approx(1.0)
    assert sum(family_shares().values()) == pytest.approx(1.0)


def test_the_vocabulary_is_wide(scripts: list[Script]) -> None:
    assert len({word for text in _texts(scripts, False) for word in _words(text)}) > 700
    assert len({word for text in _texts(scripts, True) for word in _words(text)}) > 500
    assert len({script.background for script in scripts}) > 0.95 * len(scripts)


def test_eyes_look_where_their_angles_point(faces: NDArray[np.float32]) -> None:
    yaw = 0.5 * (faces[:, INDEX["LeftEyeYaw"]] + faces[:, INDEX["RightEyeYaw"]])
    pitch = faces[:, INDEX["LeftEyePitch"]]
    # Positive yaw looks to the subject's right: left eye in, right eye out. Positive pitch looks down.
    right = faces[:, INDEX["EyeLookInLeft"]] - faces[:, INDEX["EyeLookOutLeft"]]
    down = faces[:, INDEX["EyeLookDownLeft"]] - faces[:, INDEX["EyeLookUpLeft"]]
    assert np.corrcoef(right, yaw)[0, 1] > 0.95
    assert np.corrcoef(down, pitch)[0, 1] > 0.95
    strong = np.abs(down) > 0.2
    assert (np.sign(down[strong]) == np.sign(pitch[strong])).all()
    assert (faces[strong][:, INDEX["EyeLookDownLeft"]] * faces[strong][:, INDEX["EyeLookUpLeft"]] == 0).all()


def test_both_sides_move_together_but_not_alike(faces: NDArray[np.float32]) -> None:
    for name, least in (("MouthSmile", 0.85), ("BrowDown", 0.98), ("MouthFrown", 0.9), ("NoseSneer", 0.9)):
        left, right = faces[:, INDEX[f"{name}Left"]], faces[:, INDEX[f"{name}Right"]]
        assert least < np.corrcoef(left, right)[0, 1] < 0.9999


def test_actors_differ_in_how_they_perform() -> None:
    means = []
    for actor in (ACTORS[0], ACTORS[7]):
        rng = Random(0)
        stories = [draw_story(rng) for _ in range(300)]
        means.append(np.concatenate([perform(story.moments, actor, Random(1)) for story in stories]).mean(axis=0))
    assert np.abs(means[0] - means[1]).max() > 0.02


def test_memory_stays_flat_while_streaming() -> None:
    stream = iter(BuiltinScripts(1_000_000))
    for _ in itertools.islice(stream, 200):
        pass
    tracemalloc.start()
    for _ in itertools.islice(stream, 300):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
