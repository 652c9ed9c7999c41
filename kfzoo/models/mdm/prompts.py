"""The prompt of a diffusion model for a keyframe, and how much of it the text encoder can read."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.data.chat_requests import number_word
from kfzoo.data.script import UNSPECIFIED
from kfzoo.encoders.text import TextEncoder
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

Prompt = Literal["target_first", "kf_prompt"]
"""Form of the prompt: the keyframe's own description first, or as in KeyframeFace's comparison."""

_CHUNK = 256


class Collisions(NamedTuple):
    """What is lost where prompts are longer than a text encoder reads.

    Attributes:
        cut: How many prompts are cut.
        alike: How many prompts differ from another one only in what is not read.
    """

    cut: int
    alike: int


def prompt_of(sample: Sample, prompt: Prompt) -> str:
    """Writes the prompt for a keyframe.

    `target_first` is its own description, then its place in the script and the script's emotion: a text that is cut
    loses the least. `kf_prompt` is what KeyframeFace trains Express4D-MDM with (appendix A.2): the descriptions of all
    keyframes, then which of them is meant, in words that are equal but for the last one.

    Args:
        sample: The keyframe, its script and the annotation to be read.
        prompt: Which of the two.

    Raises:
        InputError: When the keyframe has no description in that annotation, and for an unknown prompt.
    """
    if prompt not in get_args(Prompt):
        raise InputError("prompt", f"is {prompt!r}", f"choose one of {', '.join(get_args(Prompt))}")
    if not sample.description.strip():
        problem = f"has no '{sample.annotation}' description"
        raise InputError(f"keyframe '{sample.id}'", problem, "choose another annotation")
    return _target_first(sample) if prompt == "target_first" else _as_published(sample)


def _target_first(sample: Sample) -> str:
    # The background is left out: a sentence encoder that reads it, too, represents less of the face.
    script = sample.script
    emotion, count = script.emotion.strip(), len(script.keyframes)
    around = [f"Keyframe {number_word(sample.position + 1)} of {number_word(count)}"] if count > 1 else []
    around += [f"emotion: {emotion}"] if emotion and emotion != UNSPECIFIED else []
    return " ".join([sample.description.strip(), *([f"({'; '.join(around)})"] if around else [])])


def _as_published(sample: Sample) -> str:
    described = (
        f"- Keyframe {number_word(number)}: {keyframe.description(sample.annotation).strip()}"
        for number, keyframe in enumerate(sample.script.keyframes, start=1)
    )
    asked = (
        "Task Instruction: Based on the above descriptions, please generate the facial expression parameters for "
        f"Keyframe {number_word(sample.position + 1)}."
    )
    return "\n".join(("Keyframe Description Sequence:", *described, asked))


def collisions(encoder: TextEncoder, prompts: Sequence[str]) -> Collisions:
    """Counts what a text encoder cannot read of prompts.

    Args:
        encoder: Whose tokens count.
        prompts: One a sample.
    """
    distinct = sorted(set(prompts), key=len)
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    cut: set[str] = set()
    for start in range(0, len(distinct), _CHUNK):
        chosen = distinct[start : start + _CHUNK]
        if encoder.count_cut(chosen):
            cut |= {text for text in chosen if encoder.count_cut([text])}
        for text, read in zip(chosen, _read(encoder.tokenize(chosen)), strict=True):
            alike[read].append(text)
    lost = {text for texts in alike.values() if len(texts) > 1 and not cut.isdisjoint(texts) for text in texts}
    return Collisions(sum(text in cut for text in prompts), sum(text in lost for text in prompts))


def warn_of_collisions(encoder: TextEncoder, prompts: Sequence[str]) -> None:
    """Logs one line with both counts of `collisions`, where there are any."""
    found = collisions(encoder, prompts)
    if found.cut:
        _log.warning(
            "%d of %d texts are longer than the encoder's %d tokens, and their ends are not read; %d of them differ "
            "from another one only there, so that the model cannot distinguish them.",
            found.cut,
            len(prompts),
            encoder.max_tokens,
            found.alike,
        )


def _read(tokens: dict[str, Tensor]) -> list[tuple[int, ...]]:
    """Returns what is read of each text, its tokens without padding."""
    numbers = tokens["input_ids"] if "input_ids" in tokens else tokens["text"]
    mask = tokens.get("attention_mask", numbers != 0)
    return [tuple(row[kept.bool()].tolist()) for row, kept in zip(numbers, mask, strict=True)]
