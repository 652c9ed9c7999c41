from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.clip import MAX_FRAMES, MIN_FRAMES, Clip, clips_fingerprint
from kfzoo.data.clip_augmentation import Variation, mirrored
from kfzoo.data.clip_batch import collate_clips
from kfzoo.data.clip_cutting import at_clip_rate, cut_at_rest
from kfzoo.errors import InputError


def moving(frames: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 1, (frames, len(CHANNELS))).astype(np.float32)


def clip(frames: int = 20, name: str = "a/000", captions: tuple[str, ...] = ("The left eye is closed.",)) -> Clip:
    return Clip(name, moving(frames, seed=len(name) + frames), captions, "S1", name.partition("/")[0], 1.5)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"motion": np.zeros((20, 60), np.float32)},
     "holds an array of shape (20, 60), expected (frames, 61), the channels in Live Link order"),
    ({"motion": np.zeros(61, np.float32)},
     "holds an array of shape (61,), expected (frames, 61), the channels in Live Link order"),
    ({"motion": np.zeros((20, 61))}, "its motion is float64, expected float32"),
    ({"motion": np.zeros((19, 61), np.float32)},
     "holds 19 frames, expected 20 to 196 at 20 a second; cut it to another length or leave it out"),
    ({"motion": np.zeros((197, 61), np.float32)},
     "holds 197 frames, expected 20 to 196 at 20 a second; cut it to another length or leave it out"),
    *(({"motion": np.where(np.arange(1220).reshape(20, 61) == 7 * 61 + INDEX["JawOpen"], value, np.float32(0))},
       "JawOpen of frame 7 is not a finite number; leave the clip out") for value in (np.nan, np.inf, -np.inf)),
    ({"captions": ()}, "has an empty caption; write what is seen in it, or leave it out"),
    ({"captions": ("A smile.", " \n")}, "has an empty caption; write what is seen in it, or leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), FAULTS)
def test_an_impossible_clip_is_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"motion": np.zeros((20, 61), np.float32), "captions": ("A smile.",)}
    Clip("x/003", subject="S", recording="x", **right)
    with pytest.raises(InputError) as caught:
        Clip("x\n003", subject="S", recording="x", **(right | wrong))
    assert str(caught.value) == f"clip 'x 003': {message}"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(MIN_FRAMES, MAX_FRAMES), min_size=1, max_size=5))
def test_a_batch_pads_with_zeros_and_marks_what_is_held(lengths: list[int]) -> None:
    clips = [clip(length, f"{place}/000") for place, length in enumerate(lengths)]
    batch = collate_clips(clips)
    assert batch.motion.shape == (len(lengths), max(lengths), 61)
    assert batch.motion.dtype == torch.float32
    assert batch.mask.dtype == torch.bool
    assert batch.lengths.tolist() == lengths
    assert len(batch) == len(lengths)
    assert batch.ids == [each.id for each in clips]
    for row, each in enumerate(clips):
        frames = batch.motion[row]
        np.testing.assert_array_equal(frames[: len(each)], each.motion)
        assert not frames[len(each) :].any()
        assert batch.mask[row].tolist() == [True] * len(each) + [False] * (max(lengths) - len(each))


def test_a_batch_has_the_first_caption_and_moves_as_a_whole() -> None:
    batch = collate_clips([clip(captions=("one", "two")), clip(captions=("three",))])
    assert batch.captions == ("one", "three")
    moved = batch.to("meta")
    assert moved.motion.is_meta
    assert moved.mask.is_meta
    assert moved.clips == batch.clips


TEXT = st.lists(st.sampled_from(["left", "Right", "right-hand", "LEFT", "brow", "upright", "leftover", "eye"]))


@settings(deadline=None, max_examples=50)
@given(TEXT, st.integers(MIN_FRAMES, 40))
def test_mirrored_twice_is_the_clip_itself(words: list[str], frames: int) -> None:
    once = clip(frames, captions=("The " + " ".join(words), "A smile."))
    twice = mirrored(mirrored(once))
    np.testing.assert_array_equal(twice.motion, once.motion)
    assert twice.captions == once.captions
    assert clips_fingerprint([twice]) == clips_fingerprint([once])


def test_channels_and_words_change_sides_together() -> None:
    motion = np.zeros((20, 61), np.float32)
    motion[:, INDEX["EyeBlinkLeft"]] = 0.9
    motion[:, INDEX["MouthRight"]] = 0.4
    motion[:, INDEX["HeadYaw"]] = 0.3
    motion[:, INDEX["LeftEyePitch"]] = 0.2
    found = mirrored(Clip("x", motion, ("Left eye shut, mouth to the right.",), "S", "x"))
    values = {CHANNELS[channel]: round(float(found.motion[0, channel]), 6) for channel in found.motion[0].nonzero()[0]}
    assert values == {"EyeBlinkRight": 0.9, "MouthLeft": 0.4, "HeadYaw": -0.3, "RightEyePitch": 0.2}
    assert found.captions == ("Right eye shut, mouth to the left.",)
    assert found.motion.dtype == np.float32


@settings(deadline=None, max_examples=50)
@given(st.integers(MIN_FRAMES, 60), st.integers(0, 30), st.integers(0, 10_000))
def test_a_version_keeps_the_least_length_and_one_caption(frames: int, latest: int, seed: int) -> None:
    whole = clip(frames, captions=("one", "two"))
    version = Variation(mirror=0, latest_start=latest)(whole, random.Random(seed))
    cut = frames - len(version)
    assert 0 <= cut <= latest
    assert len(version) >= MIN_FRAMES
    np.testing.assert_array_equal(version.motion, whole.motion[cut:])
    assert version.start == whole.start + cut / 20
    assert version.captions in (("one",), ("two",))


def test_how_often_a_version_is_mirrored() -> None:
    whole = clip()
    for chance, least, most in ((0.0, 0, 0), (0.5, 80, 120), (1.0, 200, 200)):
        versions = [Variation(mirror=chance)(whole, random.Random(seed)) for seed in range(200)]
        assert least <= sum(version.captions[0].startswith("The right") for version in versions) <= most
        for version in versions:
            is_mirrored = bool((version.motion != whole.motion).any())
            assert is_mirrored == version.captions[0].startswith("The right")


def test_the_fingerprint_follows_the_content() -> None:
    one = clip()
    prints = {
        clips_fingerprint(clips)
        for clips in (
            [one],
            [one, one],
            [mirrored(one)],
            [clip(captions=("The left eye is open.",))],
            [Clip(one.id, one.motion, one.captions, "S2", one.recording, one.start)],
            [Clip(one.id, one.motion + np.float32(0.001), one.captions, one.subject, one.recording, one.start)],
        )
    }
    assert len(prints) == 6
    assert clips_fingerprint([clip()]) == clips_fingerprint([one])


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_a_steady_recording_keeps_whole_frames(stride: int) -> None:
    values = moving(200)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, 200)
    seconds = (np.arange(200) + noise - noise[0]) / (20 * stride) * 1.0015  # Real takes run that much slow.
    [piece] = at_clip_rate(seconds, values)
    np.testing.assert_array_equal(piece.motion, values[::stride])
    np.testing.assert_array_equal(piece.seconds, seconds[::stride])


def test_another_rate_is_interpolated_in_time() -> None:
    values = moving(61)
    [piece] = at_clip_rate(np.arange(61) / 30, values)
    np.testing.assert_allclose(piece.motion[::2], values[::3], atol=1e-6)
    between = (values[1::3][:20] + values[2::3][:20]) / 2
    np.testing.assert_allclose(piece.motion[1::2], between, atol=1e-6)
    assert piece.motion.dtype == np.float32
    np.testing.assert_allclose(np.diff(piece.seconds), 0.05)


def test_one_lost_frame_is_bridged_and_a_gap_is_not() -> None:
    seconds, values = np.arange(240) / 60, moving(240)
    [piece] = at_clip_rate(np.delete(seconds, 100), np.delete(values, 100, axis=0))
    assert len(piece.motion) == 80
    np.testing.assert_allclose(piece.motion, values[::3], atol=1e-6)
    lost = np.r_[100:106]
    first, second = at_clip_rate(np.delete(seconds, lost), np.delete(values, lost, axis=0))
    np.testing.assert_array_equal(first.motion, values[:100:3])
    np.testing.assert_array_equal(second.motion, values[106::3])
    assert second.seconds[0] == 106 / 60


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=150))
@example([2.2e-311])
def test_any_recording_becomes_finite_pieces_in_order(steps: list[float]) -> None:
    seconds = np.cumsum([0.0, *steps])
    values = moving(len(seconds))
    pieces = at_clip_rate(seconds, values)
    assert len(pieces) == 1 + sum(step > 0.1 + 1e-6 for step in np.diff(seconds))
    for piece in pieces:
        assert piece.motion.shape == (len(piece.seconds), 61)
        assert np.isfinite(piece.motion).all()
        assert piece.motion.min() >= values.min() - 1e-6
        assert piece.motion.max() <= values.max() + 1e-6
    times = np.concatenate([piece.seconds for piece in pieces])
    assert (np.diff(times) > 0).all()
    assert times[-1] <= seconds[-1] + 1e-6


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 700), st.integers(20, 98), st.integers(0, 98), st.integers(0, 99))
def test_cuts_leave_every_frame_in_one_clip_of_a_right_length(frames: int, shortest: int, more: int, seed: int) -> None:
    longest = min(2 * shortest + more, 196)
    spans = cut_at_rest(np.random.default_rng(seed).uniform(size=frames), shortest, longest)
    if frames < shortest:
        assert spans == []
        return
    assert spans[0][0] == 0
    assert spans[-1][1] == frames
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert all(shortest <= end - start <= longest for start, end in spans)


def test_cuts_are_at_rest() -> None:
    times = np.arange(400) / 20
    # Expressions at 2, 7, 12 and 17 s, each a second and more wide: the face rests in the middle between them.
    strength = sum(np.exp(-0.5 * ((times - at) / 0.8) ** 2) for at in (2, 7, 12, 17))
    cuts = [start / 20 for start, _ in cut_at_rest(np.asarray(strength), 40, 120)[1:]]
    np.testing.assert_allclose(cuts, [4.5, 9.5, 14.5], atol=0.15)
