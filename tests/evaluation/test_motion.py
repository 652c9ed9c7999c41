from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from kfzoo.arkit.channels import INDEX
from kfzoo.evaluation.motion import acceleration, compare_motion, speed
from kfzoo.evaluation.motion_callback import print_report
from kfzoo.evaluation.motion_figure import Pair, draw_motion, liveliest

Motion = NDArray[np.float32]


def ramp(frames: int, a_second: float) -> Motion:
    """All channels rise at one rate."""
    return np.repeat((np.arange(frames) / 20 * a_second)[:, None], 61, axis=1).astype(np.float32)


def walk(seed: int, frames: int = 60, step: float = 0.02) -> Motion:
    steps = np.random.default_rng(seed).normal(0, step, (frames, 61))
    return (0.5 + steps.cumsum(axis=0)).astype(np.float32)


def test_speed_is_a_rate_whatever_the_length_and_direction() -> None:
    for frames in (20, 100):
        assert speed(ramp(frames, 0.3)) == pytest.approx(0.3, abs=1e-5)
        assert speed(-ramp(frames, 0.3)) == pytest.approx(0.3, abs=1e-5)
    one = np.zeros((21, 61), np.float32)
    one[:, 4] = np.arange(21) / 20
    assert speed(one) == pytest.approx(1 / 61, abs=1e-6)


def test_trembling_has_speed_but_more_acceleration() -> None:
    assert acceleration(ramp(40, 0.3)) == pytest.approx(0, abs=1e-3)
    tremble = np.repeat((np.arange(40) % 2 * 0.015)[:, None], 61, axis=1).astype(np.float32)
    assert speed(tremble) == pytest.approx(0.3, abs=1e-5)
    assert acceleration(tremble) == pytest.approx(0.03 * 400, abs=1e-3)


def test_the_truth_itself() -> None:
    clips = [walk(seed) for seed in range(6)]
    report = compare_motion(clips, clips, np.concatenate(clips))
    assert report.generated == report.targets
    assert report.speed_ratio == 1
    assert report.targets.fid == pytest.approx(0, abs=1e-6)
    assert report.targets.static == 0
    assert (report.count, report.frames) == (6, 360)


def test_still_clips_are_counted_and_slow_the_mean() -> None:
    target = [walk(seed) for seed in range(4)]
    still = np.full((60, 61), 0.5, np.float32)
    report = compare_motion([*target[:3], still], target, np.concatenate(target))
    assert report.generated.static == 0.25
    assert report.generated.speed == pytest.approx(sum(map(speed, target[:3])) / 4)
    assert report.speed_ratio == pytest.approx(report.generated.speed / report.targets.speed)
    assert report.generated.fid > report.targets.fid


def test_clips_weigh_alike_whatever_their_length() -> None:
    report = compare_motion([ramp(20, 0.1), ramp(180, 0.3)], [ramp(20, 0.2), ramp(20, 0.2)], walk(0))
    assert report.generated.speed == pytest.approx(0.2, abs=1e-5)


def test_a_truth_that_stands_still_has_no_ratio() -> None:
    still = [np.zeros((20, 61), np.float32)] * 2
    report = compare_motion(still, still, walk(0))
    assert report.speed_ratio is None
    assert report.targets.static == report.generated.static == 1


def test_fid_is_the_distance_of_the_means_where_only_they_differ() -> None:
    target = [walk(seed) for seed in range(3)]
    report = compare_motion([clip + np.float32(0.1) for clip in target], target, np.concatenate(target))
    assert report.generated.fid == pytest.approx(61 * 0.01, rel=1e-3)


def test_the_table_shows_both(capsys: pytest.CaptureFixture[str]) -> None:
    clips = [walk(seed) for seed in range(3)]
    print_report(compare_motion(clips, clips, np.concatenate(clips)), Console(width=100))
    said = capsys.readouterr().out
    assert "3 clips" in said
    assert [line.split()[:2] for line in said.splitlines()[-3:-1]] == [["target", "1.00"], ["generated", "1.00"]]


def test_the_liveliest_channels_one_of_each_pair() -> None:
    motion = np.zeros((40, 61), np.float32)
    wave = np.sin(np.arange(40) / 5)
    for place, name in enumerate(("MouthSmileLeft", "MouthSmileRight", "JawOpen", "HeadYaw", "BrowInnerUp")):
        motion[:, INDEX[name]] = wave / (place + 1)
    expected = [INDEX[name] for name in ("MouthSmileLeft", "JawOpen", "HeadYaw")]
    assert liveliest([motion], 3) == expected


def test_a_image_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "motion.png"
    long = "First the brows are visibly lowered. " * 12
    draw_motion([Pair(long, walk(1, 196), walk(2, 150)), Pair("A smile.", walk(3, 20), walk(4, 20))], path)
    with Image.open(path) as image:
        assert image.width > 1200
        assert len(set(image.convert("L").tobytes())) > 20
