from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS
from kfzoo.data.sources.everyday.faces import OTHER, channels_of, mirrored, rests_of
from kfzoo.data.sources.everyday.lexicon import Entry, lexicon, read_lexicon
from kfzoo.data.sources.everyday.lexicon_checks import faults, plain
from kfzoo.errors import InputError

WINK = {"name": "wink", "face": {"EyeBlink": 1.0}, "one_sided": True, "act": ["{wink}"], "test_act": ["{ogle}"]}


def led_by(entry: Entry) -> set[str]:
    """Channels that an entry moves most, on either side, with the eyes' angles that follow."""
    found = set()
    for side in OTHER:
        face = channels_of(entry.faces[0], side, entry.one_sided)
        strongest = max((abs(value) for name, value in face.items() if name in BLENDSHAPES), default=0.0)
        found |= {name for name, value in face.items() if name not in BLENDSHAPES or value >= 0.6 * strongest}
    for side in ("Left", "Right"):
        for way, angle in (("In", "Yaw"), ("Out", "Yaw"), ("Up", "Pitch"), ("Down", "Pitch")):
            if f"EyeLook{way}{side}" in found:
                found.add(f"{side}Eye{angle}")
        if "HeadRoll" in found:  # the eyes roll back when the head tilts
            found.add(f"{side}EyeRoll")
    return found


def test_the_lexicon_has_no_faults() -> None:
    assert faults(lexicon()) == []


def test_every_channel_has_many_wordings() -> None:
    counts: Counter[str] = Counter()
    for entry in lexicon().entries:
        if entry.kind in ("movement", "gaze"):
            for channel in led_by(entry):
                counts[channel] += len(entry.train) + len(entry.test)
    assert {channel: counts[channel] for channel in CHANNELS if counts[channel] < 25} == {}


def test_there_are_visemes_and_neutral_faces_enough() -> None:
    tables = lexicon().by_kind
    assert sum(len(entry.train) for entry in tables["viseme"]) >= 60
    assert sum(len(entry.train) for entry in tables["neutral"]) >= 40
    assert all(not any(entry.faces) for entry in tables["neutral"])


def test_a_tenth_to_a_fifth_of_the_movements_wordings_are_held_out() -> None:
    entries = [entry for kind in ("movement", "gaze", "viseme") for entry in lexicon().by_kind[kind]]
    held_out = sum(len(entry.test) for entry in entries)
    assert 0.10 < held_out / (held_out + sum(len(entry.train) for entry in entries)) < 0.20
    assert all(entry.train and entry.test for entry in entries)


def test_train_and_test_share_no_wording() -> None:
    train = {plain(wording) for entry in lexicon().entries for wording in entry.train}
    test = {plain(wording) for entry in lexicon().entries for wording in entry.test}
    assert not train & test
    for still in lexicon().stills:
        assert not set(still.train) & set(still.test)


def test_intensities_are_many_strictly_ordered_and_narrow() -> None:
    steps = lexicon().steps
    assert len(steps) >= 10
    degrees = [degree for step in steps for degree in step.degree]
    assert degrees == sorted(set(degrees))
    assert all(step.degree[1] - step.degree[0] <= 0.07 for step in steps)
    for step in steps:
        assert set(step.words) == {"before", "after", "adjective", "degree_word"}
        assert all(step.words.values())
        # A clause has no person to speak of: some words must do without.
        assert any("{" not in word for word in step.words["after"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faec": {}}, "lexicon/eyes.toml: entry 'wink' has the unknown key 'faec'; known are act, "),
        ({"face": {"EyeBlinked": 1.0}}, "lexicon/eyes.toml: entry 'wink' names the unknown channel 'EyeBlinked'; see "),
        ({"rest": ["Mouth"]}, "lexicon/eyes.toml: entry 'wink' names the unknown channel 'Mouth'; see "),
        ({"face": {"EyeBlink": 1.2}}, "lexicon/eyes.toml: entry 'wink' has a value outside (0, 1]; write "),
    ],
)
def test_a_bad_entry_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read_lexicon({"eyes": {"entry": [WINK | change]}})
    text = str(error.value).replace("':", "'")
    assert text.startswith(message)
    assert "\n" not in text


def test_names_are_unique_and_held_out_wordings_belong_to_one() -> None:
    with pytest.raises(InputError, match="occurs twice"):
        read_lexicon({"eyes": {"entry": [WINK, WINK]}})
    with pytest.raises(InputError, match="names no entry"):
        read_lexicon({"eyes": {"entry": [WINK]}, "held_out": {"blink": {"act": ["{blink}"]}}})
    with pytest.raises(InputError, match="unknown key 'acts'"):
        read_lexicon({"eyes": {"entry": [WINK]}, "held_out": {"wink": {"acts": ["{blink}"]}}})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"act": ["wink"]}, "an act begins with its verb"),
        ({"clause": ["{close} {poss} eyes"]}, "a clause has a subject"),
        ({"noun": ["a {wink}"]}, "a noun has no verb"),
        ({"one_sided": False, "act": ["{close} the {side} eye"]}, "the entry has no side"),
        ({"act": ["{wink} {at} {poss, friend"]}, "braces hold one word each"),
        ({"act": ["{wink}", "{wink}"]}, "occurs twice in train"),
        ({"test_act": ["{wink}"]}, "is in train and in test"),
        ({"act": [], "test_act": []}, "no wordings"),
    ],
)
def test_faults_between_wordings_are_found(change: dict[str, Any], fault: str) -> None:
    assert faults(read_lexicon({"eyes": {"entry": [WINK]}})) == []
    assert any(fault in each for each in faults(read_lexicon({"eyes": {"entry": [WINK | change]}})))


def test_one_wording_means_one_thing_and_steps_keep_apart() -> None:
    two = read_lexicon({"eyes": {"entry": [WINK, WINK | {"name": "blink", "test_act": []}]}})
    assert any("means two things: blink, wink" in each for each in faults(two))
    steps = [{"degree": [0.1, 0.3], "after": ["a bit"]}, {"degree": [0.2, 0.4], "after": ["a bit"]}]
    found = faults(read_lexicon({"intensities": {"step": steps}}))
    assert len(found) == 2


def test_faces_follow_the_named_side() -> None:
    assert channels_of({"GazeSide": 0.5}, "left", False) == {"EyeLookOutLeft": 0.5, "EyeLookInRight": 0.5}
    assert channels_of({"GazeSide": 0.5}, "right", False) == {"EyeLookInLeft": 0.5, "EyeLookOutRight": 0.5}
    assert (
        channels_of({"HeadTurn": 1.0}, "right", False)["HeadYaw"]
        > 0
        > channels_of({"HeadTurn": 1.0}, "left", False)["HeadYaw"]
    )
    assert channels_of({"HeadTilt": 1.0}, "left", False)["HeadRoll"] > 0
    assert channels_of({"HeadDown": 1.0}, "left", False)["HeadPitch"] > 0
    assert channels_of({"MouthSide": 1.0}, "left", False) == {"MouthLeft": 1.0}
    assert channels_of({"MouthSmile": 1.0, "JawOpen": 0.2}, "left", True) == {"MouthSmileLeft": 1.0, "JawOpen": 0.2}
    assert set(rests_of(("BrowDown",))) == {"BrowDownLeft", "BrowDownRight"}
    assert (mirrored("JawLeft"), mirrored("JawOpen")) == ("JawRight", "JawOpen")
