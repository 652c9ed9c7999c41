from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kfzoo.arkit.channels import INDEX
from kfzoo.evaluation.motion import motion_references, motion_scores
from kfzoo.evaluation.motion_figure import Pair, draw_motion, most_varied
from kfzoo.evaluation.scores import METRICS, MOTION_METRICS, REFERENCES

Motion = NDArray[np.float32]


def ramp(frames: int, a_second: float) -> Motion:
    """All channels rise at one rate."""
    return np.repeat((np.arange(frames) / 20 * a_second)[:, None], 61, axis=1).astype(np.float32)


def walk(seed: int, frames: int = 60, step: float = 0.02) -> Motion:
    steps = np.random.default_rng(seed).normal(0, step, (frames, 61))
    return (0.5 + steps.cumsum(axis=0)).astype(np.float32)


def speed_of(clip: Motion) -> float:
    return float(np.abs(np.diff(clip.astype(np.float64), axis=0)).mean() * 20)


TARGETS = [walk(seed) for seed in range(4)]
TRAINING = np.concatenate(TARGETS)


def values(
    clips: Sequence[Motion], targets: Sequence[Motion] = TARGETS, training: Motion = TRAINING
) -> dict[str, float]:
    return {name: score.value for name, score in motion_scores(clips, targets, training).items()}


def test_the_ground_truth_itself() -> None:
    found = values(TARGETS)
    assert found.keys() == MOTION_METRICS.keys()
    assert found["fid_frames"] == pytest.approx(0, abs=1e-6)
    assert (found["speed_ratio"], found["jerk_ratio"], found["static_share"]) == (1, 1, 0)
    assert found["speed"] == pytest.approx(np.mean([speed_of(clip) for clip in TARGETS]))


def test_no_metric_of_clips_has_the_name_of_one_of_keyframes() -> None:
    assert not MOTION_METRICS.keys() & METRICS.keys()


def test_static_clips_are_counted_and_slow_the_mean() -> None:
    found = values([*TARGETS[:3], np.full((60, 61), 0.5, np.float32)])
    assert found["static_share"] == 0.25
    assert found["speed"] == pytest.approx(sum(map(speed_of, TARGETS[:3])) / 4)
    assert found["speed_ratio"] == pytest.approx(found["speed"] / values(TARGETS)["speed"])
    assert found["fid_frames"] > values(TARGETS)["fid_frames"]


def test_the_bound_of_a_static_clip_is_a_tenth_of_the_targets_speed() -> None:
    targets = [ramp(20, 0.2), ramp(20, 0.4)]
    assert values([ramp(20, 0.0299), ramp(20, 0.0301)], targets)["static_share"] == 0.5


def test_trembling_has_the_speed_of_the_targets_and_more_jerk() -> None:
    tremble = np.repeat((np.arange(40) % 2 * 0.015)[:, None], 61, axis=1).astype(np.float32)
    found = values([tremble], [ramp(40, 0.3) + walk(0, 40, 1e-4)])
    assert found["speed_ratio"] == pytest.approx(1, abs=0.02)
    assert found["jerk_ratio"] > 10


def test_clips_weigh_alike_whatever_their_length() -> None:
    found = values([ramp(20, 0.1), ramp(180, 0.3)], [ramp(20, 0.2), ramp(20, 0.2)])
    assert found["speed_ratio"] == pytest.approx(1, abs=1e-5)


def test_targets_that_do_not_move_give_no_ratio() -> None:
    still = [np.zeros((20, 61), np.float32)] * 2
    found = values(still, still)
    assert MOTION_METRICS.keys() - found.keys() == {"speed_ratio", "jerk_ratio"}
    assert found["static_share"] == 1


def test_fid_is_the_distance_of_the_means_where_only_they_differ() -> None:
    assert values([clip + np.float32(0.1) for clip in TARGETS])["fid_frames"] == pytest.approx(61 * 0.01, rel=1e-3)


def test_references_are_the_ground_truth_and_a_still_mean_face() -> None:
    found = motion_references(TARGETS, TRAINING)
    assert set(found) == {"ground_truth", "mean_face"} < set(REFERENCES)
    assert found["ground_truth"] == motion_scores(TARGETS, TARGETS, TRAINING)
    mean_face = {name: score.value for name, score in found["mean_face"].items()}
    assert mean_face["static_share"] == 1
    assert mean_face["speed_ratio"] == mean_face["jerk_ratio"] == mean_face["speed"] == 0
    # A point at the mean: the distance that is left is the training part's variance.
    assert mean_face["fid_frames"] == pytest.approx(TRAINING.astype(np.float64).var(axis=0).sum(), rel=1e-6)


def test_the_channels_that_vary_most_one_of_each_mirrored_pair() -> None:
    motion = np.zeros((40, 61), np.float32)
    wave = np.sin(np.arange(40) / 5)
    for place, name in enumerate(("MouthSmileLeft", "MouthSmileRight", "JawOpen", "HeadYaw", "BrowInnerUp")):
        motion[:, INDEX[name]] = wave / (place + 1)
    expected = [INDEX[name] for name in ("MouthSmileLeft", "JawOpen", "HeadYaw")]
    assert most_varied([motion], 3) == expected


def test_a_figure_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "motion.png"
    long = "First the brows are visibly lowered. " * 12
    draw_motion([Pair(long, walk(1, 196), walk(2, 150)), Pair("A smile.", walk(3, 20), walk(4, 20))], path)
    with Image.open(path) as image:
        assert image.width > 1200
        assert len(set(image.convert("L").tobytes())) > 20
