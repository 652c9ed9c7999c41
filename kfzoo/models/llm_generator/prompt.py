"""What the language model is asked: P_sys, S and I_key of KeyframeFace (section 4.2, appendices B.2 and B.3).

P_sys gives an overview, explains each of the 61 parameters and says how to answer. The user's message is the script S
and the instruction I_key for one keyframe, in the form of KeyframeFace's released requests, so that
`kfzoo.data.chat_requests.read_prompt` takes it apart again. The configuration without semantics leaves P_sys out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.movements import movements
from kfzoo.arkit.wording import CANONICAL
from kfzoo.data.batch import Sample
from kfzoo.data.chat_requests import SECTIONS, Prompt, number_word, read_prompt
from kfzoo.data.script import UNSPECIFIED
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import Layout, Representation
from kfzoo.language_models.chat_format import Parts

_OVERVIEW = (
    "You are an animator of digital faces. You are given the script of a short performance: its background, its "
    "emotion, and a description of each of its keyframes in order. For the one keyframe that the task asks for, you "
    f"set the {len(CHANNELS)} ARKit parameters of the face, so that it shows what is described and fits the whole "
    "script. A parameter at 0 moves nothing; the further it is from 0, the stronger the movement. Left and right are "
    "those of the person whose face it is."
)

_SPECIFICATION = (
    "Answer with one JSON object and nothing else: "
    f'{{"Keyframe_x":{{"{CHANNELS[0]}":0.0,…,"{CHANNELS[-1]}":0.0}}}}, '
    "where x is the number of the requested keyframe as a word, such as one or two. It holds all "
    f"{len(CHANNELS)} parameters once, in the order above, each with a number in its range."
)

_ONE_EYE = {
    "EyeLookIn": "{side} eye turned toward the nose",
    "EyeLookOut": "{side} eye turned away from the nose",
    "EyeYaw": "{side} eye turned to the right; negative: to the left",
    "EyeRoll": "{side} eye rolled about its line of sight",
}
"""What one eye does alone, where `movements` speaks of the two together, or has no word."""

_SEQUENCE, _BACKGROUND, _EMOTION, _TASK = SECTIONS


def parts(sample: Sample, representation: Representation) -> Parts:
    """Writes the request for one keyframe, in its shared parts.

    Args:
        sample: The keyframe, its script and the annotation to be read.
        representation: "semantic" with the system message, "non_semantic" without it.

    Raises:
        InputError: When the keyframe has no description in that annotation.
    """
    text = request_text(prompt_of(sample))
    # The instructions of a script's keyframes differ in their last word alone.
    script, _, word = text.rpartition(" ")
    return Parts(system_text() if representation == "semantic" else "", script, f" {word}")


def messages(sample: Sample, representation: Representation) -> list[dict[str, str]]:
    """Writes the request for one keyframe as chat messages.

    Args:
        sample: As in `parts`.
        representation: As in `parts`.

    Raises:
        InputError: As `parts`.
    """
    return parts(sample, representation).messages()


def training_line(sample: Sample, representation: Representation, decimals: int) -> dict[str, Any]:
    """Writes request and answer as one line of chat JSONL, as ms-swift trains on it and `ChatJsonl` reads it.

    Args:
        sample: As in `parts`; its coefficients are known.
        representation: As in `parts`, and the answer's form.
        decimals: Digits of the answer's values.

    Raises:
        InputError: As `parts`, or when the coefficients are not known.
    """
    coefficients = sample.keyframe.coefficients
    if coefficients is None:
        raise InputError(f"keyframe '{sample.id}'", "has no coefficients to learn", "take it out of the training data")
    answer = Layout.of(representation, decimals, sample.position).text(coefficients)
    return {"messages": [*messages(sample, representation), {"role": "assistant", "content": answer}]}


def prompt_of(sample: Sample) -> Prompt:
    """Takes what a request says from a keyframe and its script.

    Where the script knows no background or emotion, it says so: a request has all its parts.

    Raises:
        InputError: When the keyframe has no description in the sample's annotation.
    """
    if not sample.description.strip():
        problem = f"has no '{sample.annotation}' description"
        raise InputError(f"keyframe '{sample.id}'", problem, "choose another annotation")
    script = sample.script
    return Prompt(
        background=script.background.strip() or UNSPECIFIED,
        emotion=script.emotion.strip() or UNSPECIFIED,
        descriptions=tuple(keyframe.description(sample.annotation).strip() for keyframe in script.keyframes),
        target=sample.position,
    )


def request_text(prompt: Prompt) -> str:
    """Writes the user's message of a KeyframeFace request.

    `read_prompt` gets the same prompt back. Only a text of several lines, one of which would be taken for a part of the
    request, is put on one line.
    """
    text = _written(prompt)
    if _reads_as(prompt, text):
        return text
    flat = [each.replace("\n", " ") for each in (prompt.background, prompt.emotion, *prompt.descriptions)]
    return _written(replace(prompt, background=flat[0], emotion=flat[1], descriptions=tuple(flat[2:])))


@cache
def system_text() -> str:
    """Returns P_sys: overview, parameters, specification of the output."""
    return "\n\n".join((_OVERVIEW, "Parameters, in order:\n" + "\n".join(map(_parameter, CHANNELS)), _SPECIFICATION))


def _written(prompt: Prompt) -> str:
    described = (
        f"- Keyframe {number_word(number)}: {description}"
        for number, description in enumerate(prompt.descriptions, start=1)
    )
    asked = f"Generate the facial expression parameters for Keyframe {number_word(prompt.target + 1)}."
    return "\n".join((
        f"{_SEQUENCE}:", *described, "",
        f"{_BACKGROUND}: {prompt.background}", f"{_EMOTION}: {prompt.emotion}", "",
        f"{_TASK}: {asked}",
    ))  # fmt: skip


def _reads_as(prompt: Prompt, text: str) -> bool:
    try:
        return read_prompt("request", text) == prompt
    except InputError:
        return False


def _parameter(name: str) -> str:
    """Returns one parameter's line: its name, its range, what it moves."""
    lower, upper = LOWER[INDEX[name]], UPPER[INDEX[name]]
    return f"- {name} [{lower:.0f}, {upper:.0f}]: {_movement(name)}"


def _movement(name: str) -> str:
    side = next((each for each in ("Left", "Right") if name.startswith(f"{each}Eye") or name.endswith(each)), "")
    own = _ONE_EYE.get(name.removeprefix(side).removesuffix(side))
    if own is not None:
        return own.format(side=side.lower())
    words = _words(name, 1.0)
    return words if name in BLENDSHAPES else f"{words}; negative: {_words(name, -1.0)}"


def _words(name: str, value: float) -> str:
    """Says what a parameter alone does, in the words of the descriptions."""
    face = np.zeros(len(CHANNELS))
    face[INDEX[name]] = value
    (movement,) = movements(face)
    phrase = CANONICAL.phrases[movement.name][0]
    if "{side}" in phrase.predicate:
        return f"{phrase.both} {phrase.predicate.format(side=movement.side)}"
    subject = phrase.both if movement.side in ("", "both") else f"{movement.side} {phrase.one}"
    return f"{subject} {phrase.predicate}"
