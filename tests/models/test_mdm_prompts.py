from __future__ import annotations

import logging

import pytest

from kfzoo.data.batch import Sample
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.encoders.text import build_text_encoder
from kfzoo.errors import InputError
from kfzoo.models.mdm.prompts import Prompt, collisions, prompt_of, warn_of_collisions

KF_PROMPT = """Keyframe Description Sequence:
- Keyframe One: She smiles.
- Keyframe Two: She frowns.
Task Instruction: Based on the above descriptions, please generate the facial expression parameters for Keyframe Two."""


def script(*descriptions: str, emotion: str = "Joy") -> Script:
    keyframes = tuple(
        Keyframe(index=number, time=float(number), original="never read", arkit=words)
        for number, words in enumerate(descriptions)
    )
    return Script(id="s", subject="p", background="At home.", emotion=emotion, keyframes=keyframes)


def test_the_published_prompt_names_the_target_last() -> None:
    assert prompt_of(Sample(script("She smiles.", " She frowns. "), 1, "arkit"), "kf_prompt") == KF_PROMPT


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (script("She smiles.", "She frowns."), "She frowns. (Keyframe Two of Two; emotion: Joy)"),
        (script("She smiles.", emotion=UNSPECIFIED), "She smiles."),
    ],
)
def test_our_prompt_begins_with_the_target_and_leaves_out_what_is_not_known(asked: Script, expected: str) -> None:
    assert prompt_of(Sample(asked, len(asked.keyframes) - 1, "arkit"), "target_first") == expected


@pytest.mark.parametrize("prompt", ["target_first", "kf_prompt"])
def test_a_keyframe_without_a_description_is_refused(prompt: Prompt) -> None:
    with pytest.raises(InputError, match=r"^keyframe 's#1': has no 'arkit' description"):
        prompt_of(Sample(script("She smiles.", " "), 1, "arkit"), prompt)


def test_an_unknown_prompt_is_refused() -> None:
    with pytest.raises(InputError, match="choose one of target_first, kf_prompt"):
        prompt_of(Sample(script("She smiles."), 0, "arkit"), "both")  # type: ignore[arg-type]


def samples(count: int) -> list[Sample]:
    scripts = [each for each in BuiltinScripts(60) if len(each.keyframes) > 1][:count]
    return [Sample(each, place, "arkit") for each in scripts for place in range(len(each.keyframes))]


def test_clip_cannot_tell_the_published_prompts_of_a_script_apart(tiny_clip: str) -> None:
    """PROTOCOLS: the instruction comes after token 75, so that the keyframes of a script collide."""
    encoder = build_text_encoder(tiny_clip)
    asked = samples(5)
    found = collisions(encoder, [prompt_of(each, "kf_prompt") for each in asked])
    assert found == (len(asked), len(asked))
    ours = collisions(encoder, [prompt_of(each, "target_first") for each in asked])
    assert ours.alike == 0


def test_collisions_are_counted_prompt_by_prompt(tiny_clip: str) -> None:
    encoder = build_text_encoder(tiny_clip)
    long = "smile " * 90
    prompts = ["short", "short", "Short", f"{long}one", f"{long}two", f"{long}two", "frown " * 90]
    assert collisions(encoder, prompts) == (4, 3)  # texts that CLIP reads alike without a cut do not count
    assert collisions(encoder, prompts[:3]) == (0, 0)
    assert collisions(encoder, []) == (0, 0)


def test_padding_and_order_do_not_count(tiny_sentence_encoder: str) -> None:
    encoder = build_text_encoder(tiny_sentence_encoder)
    long = "a b c d e f g h " * 20
    prompts = [f"{long}{number}" for number in range(3)] + [f"{number} {long}" for number in "abc"] + ["a", "a b"]
    assert collisions(encoder, prompts) == (6, 3)


def test_one_line_reports_both_counts(tiny_clip: str, caplog: pytest.LogCaptureFixture) -> None:
    encoder = build_text_encoder(tiny_clip)
    with caplog.at_level(logging.WARNING):
        warn_of_collisions(encoder, ["smile " * 90 + "one", "smile " * 90 + "two", "frown " * 90, "short"])
        warn_of_collisions(encoder, ["short"])
    assert [record.getMessage() for record in caplog.records] == [
        "3 of 4 texts are longer than the encoder's 77 tokens, and their ends are not read; 2 of them differ from "
        "another one only there, so that the model cannot distinguish them."
    ]


def test_all_annotations_are_read() -> None:
    sample = samples(1)[0]
    for annotation in ("original", "arkit", "image"):
        prompt = prompt_of(sample._replace(annotation=annotation), "target_first")
        assert prompt.startswith(sample.keyframe.description(annotation))
