from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.batch import Sample
from kfzoo.data.sources.everyday import EverydayDescriptions
from kfzoo.data.sources.everyday.instruction import Instruction
from kfzoo.data.sources.everyday.leading import leading
from kfzoo.evaluation.plain_words import PlainWords, channel_recall, leading_counts


@pytest.fixture(scope="module")
def board() -> PlainWords:
    return PlainWords(150)


def face(**values: float) -> np.ndarray:
    found = np.zeros(len(CHANNELS), dtype=np.float32)
    for name, value in values.items():
        found[INDEX[name]] = value
    return found


def test_the_sentences_are_the_first_of_the_test_part(board: PlainWords) -> None:
    scripts = [script for script in EverydayDescriptions(1500) if script.part == "test"]
    assert [script.id for script in board.scripts] == [script.id for script in scripts[:150]]
    assert [each.text for each in board.asked] == [script.keyframes[0].original for script in board.scripts]
    assert sum(board.kinds.values()) == 150
    assert PlainWords(150, seed=1).digest != board.digest == PlainWords(150).digest


def test_a_model_reads_the_sentence_alone_and_its_weaker_variant_by_the_same_name(board: PlainWords) -> None:
    samples, weaker = board.samples(), board.weaker_samples()
    for sample, asked in zip(samples, board.asked, strict=True):
        assert sample.description == asked.text
        assert (sample.script.background, sample.script.emotion) == ("", "")
        assert sample.keyframe.coefficients is None
    assert board.graded
    for place, sample in zip(board.graded, weaker, strict=True):
        assert sample.description == board.asked[place].weaker
        assert sample.id == samples[place].id


def test_true_faces_follow_all_sentences_and_reach_every_channel(board: PlainWords) -> None:
    report = board.truth()
    assert {score.value for name, score in report.scores.items() if name != "mse"} == {1.0}
    assert report.scores["mse"].value == 0.0
    assert set(report.recall.values()) <= {1.0, None}
    assert {name for name, value in report.recall.items() if value is None} == {
        name for name, count in board.channels.items() if not count
    }


def test_a_face_at_rest_follows_only_what_asks_for_no_movement(board: PlainWords) -> None:
    report = board.score(torch.zeros(150, 61), torch.zeros(len(board.graded), 61))
    still = sum(not each.up for each in board.asked)
    assert 0 < still < 15
    accuracy = report.scores["instruction_accuracy"]
    assert accuracy.value == pytest.approx(still / 150)
    assert accuracy.interval is not None
    assert accuracy.interval[0] < accuracy.value < accuracy.interval[1]
    assert report.scores["mse"].value == pytest.approx(board.targets.double().square().mean().item())
    assert set(report.recall.values()) <= {0.0, None}


def test_a_strong_face_is_not_stronger_than_itself(board: PlainWords) -> None:
    report = board.score(board.targets, board.targets[board.graded])
    assert report.scores["instruction_accuracy"].value == pytest.approx(1 - len(board.graded) / 150)


def test_a_sentence_without_a_valid_answer_is_not_followed(board: PlainWords) -> None:
    valid = torch.ones(150, dtype=torch.bool)
    valid[:30] = False
    report = board.score(board.targets, torch.zeros(len(board.graded), 61), valid)
    assert report.invalid == 30
    assert report.scores["instruction_accuracy"].value == pytest.approx(120 / 150)
    assert min(value for value in report.recall.values() if value is not None) < 1.0


def test_recall_by_channel_by_hand() -> None:
    plain, open_side = Instruction("movement", "x"), replace(Instruction("movement", "x"), dominant="either")
    targets = [
        face(JawOpen=0.8, TongueOut=0.7, CheekPuff=0.5),  # the jaw and, at 0.7 / 0.8, the tongue lead
        face(JawOpen=0.6),
        face(HeadYaw=-0.4),  # 0.67 of its full movement
        face(EyeBlinkLeft=0.9),  # left out: the side is open
        face(MouthPucker=0.1),  # at rest
    ]
    answers = [
        face(JawOpen=0.41, TongueOut=0.3),
        face(JawOpen=0.29),
        face(HeadYaw=0.4),  # the other way
        face(EyeBlinkLeft=0.9),
        face(MouthPucker=0.1),
    ]
    found = channel_recall(answers, targets, [plain, plain, plain, open_side, plain])
    assert {name: value for name, value in found.items() if value is not None} == {
        "JawOpen": 0.5,
        "TongueOut": 0.0,
        "HeadYaw": 0.0,
    }
    answers[2] = face(HeadYaw=-0.2)
    assert channel_recall(answers, targets, [plain] * 5)["HeadYaw"] == 1.0
    led = [{CHANNELS[place] for place in np.flatnonzero(row)} for row in leading(targets)]
    assert led == [{"JawOpen", "TongueOut"}, {"JawOpen"}, {"HeadYaw"}, {"EyeBlinkLeft"}, set()]


def test_leading_channels_are_counted(board: PlainWords) -> None:
    counts = leading_counts([Sample(script, 0, "original") for script in board.scripts])
    assert counts.keys() == set(CHANNELS)
    assert all(counts[name] >= count for name, count in board.channels.items())
    assert sum(counts.values()) > sum(board.channels.values())
