"""The figure of a source's emotions: its counts, its bars, and what it says of data without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kfzoo.data.emotion_figure import MOST, _bars, draw_emotions, emotion_counts
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script, emotion_of
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import write_scripts
from kfzoo.errors import InputError
from tests.commandline import run


def script(emotion: str, *scores: Mapping[str, float]) -> Script:
    keyframes = tuple(Keyframe(at, float(at), emotions=each) for at, each in enumerate(scores or ({},)))
    return Script(f"{emotion}{len(scores)}", "ann", "", emotion, keyframes)


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        ({}, "joy mixed with fear"),
        ({"Sadness": 0.8, "Anger": 0.3}, "Sadness"),
        ({"Sadness": 0.1}, "Sadness"),
        ({"Sadness": 0.09, "Anger": 0.0}, "neutral"),
        ({"Sadness": 0.5, "Anger": 0.5}, "Anger"),
    ],
)
def test_the_emotion_of_a_keyframe(emotions: dict[str, float], expected: str) -> None:
    one = script("joy mixed with fear", emotions)
    assert emotion_of(one, one.keyframes[0]) == expected


def test_counts_are_those_of_the_scores() -> None:
    scripts = list(BuiltinScripts(300))
    expected: Counter[str] = Counter()
    for one in scripts:
        for keyframe in one.keyframes:
            names = sorted(keyframe.emotions)
            values = np.array([keyframe.emotions[name] for name in names])
            expected[names[values.argmax()] if values.max() >= 0.1 else "Neutral"] += 1
    found = emotion_counts(scripts)
    assert found == dict(expected)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == sum(len(one.keyframes) for one in scripts)


def test_spellings_of_one_emotion_are_counted_together() -> None:
    wishes, neutral = [script("A wish to cry."), script("a  wish to cry")], {"neutral": 0.9}
    said = [*wishes, script("joy", neutral, {"Joy": 0.0}), script("")]
    assert emotion_counts(said) == {"A wish to cry": 2, "Neutral": 2, "Unspecified": 1}


def test_rare_emotions_share_a_bar() -> None:
    counts = {f"e{number:02}": 50 - number for number in range(MOST + 1)}
    assert _bars(counts) == counts
    more = counts | {"last": 3}
    assert list(_bars(more)) == [*list(counts)[:MOST], "2 others"]
    assert sum(_bars(more).values()) == sum(more.values())


def test_bars_are_as_long_as_there_are_keyframes(tmp_path: Path) -> None:
    scripts = [script("joy")] * 40 + [script("fear")] * 20 + [script(UNSPECIFIED)] * 10
    draw_emotions(scripts, tmp_path / "emotions.png")
    pixels = np.asarray(Image.open(tmp_path / "emotions.png").convert("RGB")).astype(int)
    blue, grey = (np.abs(pixels - colour).sum(-1) < 6 for colour in ((0, 0x72, 0xB2), (0xB4, 0xB4, 0xBA)))
    rows = blue.sum(1) + grey.sum(1)
    lengths = [int(np.median(part)) for part in np.split(rows, np.flatnonzero(np.diff(rows > 20)) + 1) if part[0] > 20]
    assert lengths[0] > 200
    assert lengths == pytest.approx([lengths[0], lengths[0] / 2, lengths[0] / 4], abs=3)
    assert not grey[blue.any(1)].sum(1).max() > 20  # grey is the last bar alone


def test_inspect_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--source", "kfzoo.data.sources.builtin.BuiltinScripts", "--source.n", 8]
    for kind in ("png", "pdf", "svg"):
        path = tmp_path / f"emotions.{kind}"
        assert run("data", "inspect", *source, "--figure", path) == 0
        assert str(path) in capsys.readouterr().out
        assert path.stat().st_size > 1000


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"names no emotion, of keyframes or of scripts; leave --figure out"):
        draw_emotions([script(UNSPECIFIED), script(" ")], tmp_path / "emotions.png")
    write_scripts(tmp_path / "a.jsonl", [script(UNSPECIFIED)])
    source = ["--source", "kfzoo.data.sources.jsonl.ScriptsJsonl", "--source.path", tmp_path / "a.jsonl"]
    assert run("data", "inspect", *source, "--figure", tmp_path / "emotions.png") == 2
    assert capsys.readouterr().err.count("kfzoo: --source: names no emotion") == 1
    assert run("data", "inspect", *source, "--figure", tmp_path / "emotions.gif") == 2
    assert "emotions.gif: is no name of a figure, expected one that ends in .png, .pdf, .svg" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
