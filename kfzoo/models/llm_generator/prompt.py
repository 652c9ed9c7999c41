"""KeyframeFace's prompt: P_sys, S and I_key (section 4.2, appendices B.2 and B.3).

P_sys gives an overview, explains each of the 61 parameters and specifies the answer. The user's message is the script S
and the instruction I_key for one keyframe, in the form of KeyframeFace's released requests, which
`kfzoo.data.chat_requests.read_prompt` parses. The configuration without semantics has no P_sys.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.movements import movements
from kfzoo.arkit.wording import CANONICAL
from kfzoo.data.batch import Sample
from kfzoo.data.chat_requests import SECTIONS, Prompt, number_word, read_prompt
from kfzoo.data.script import UNSPECIFIED
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import Representation
from kfzoo.language_models.chat_format import PromptParts

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
"""Movements of one eye, where `movements` has words for both eyes only, or none."""

_SEQUENCE, _BACKGROUND, _EMOTION, _TASK = SECTIONS


def prompt_parts(sample: Sample, representation: Representation) -> PromptParts:
    """Returns the request for one keyframe, cut into the parts that other keyframes share.

    Args:
        sample: The keyframe, its script and the annotation.
        representation: "semantic" with the system message, "non_semantic" without it.

    Raises:
        InputError: When the keyframe has no description in that annotation.
    """
    text = request_text(prompt_of(sample))
    # The instructions of a script's keyframes differ in their last word only.
    script, _, word = text.rpartition(" ")
    return PromptParts(system_text() if representation == "semantic" else "", script, f" {word}")


def prompt_of(sample: Sample) -> Prompt:
    """Returns the content of the request for a keyframe; a background or emotion that is unknown is "unspecified".

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
    """Returns the user's message of a KeyframeFace request, from which `read_prompt` returns the same prompt.

    Texts of several lines are put on one line where a line would be misread as a section of the request.
    """
    text = _written(prompt)
    if _reads_as(prompt, text):
        return text
    flat = [each.replace("\n", " ") for each in (prompt.background, prompt.emotion, *prompt.descriptions)]
    return _written(replace(prompt, background=flat[0], emotion=flat[1], descriptions=tuple(flat[2:])))


@cache
def system_text() -> str:
    """Returns P_sys: overview, parameters, specification of the answer."""
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
    """Returns one parameter's line: its name, its range, its movement."""
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
    """Returns the movement of a single parameter, in the words of the descriptions."""
    face = np.zeros(len(CHANNELS))
    face[INDEX[name]] = value
    (movement,) = movements(face)
    phrase = CANONICAL.phrases[movement.name][0]
    if "{side}" in phrase.predicate:
        return f"{phrase.both} {phrase.predicate.format(side=movement.side)}"
    subject = phrase.both if movement.side in ("", "both") else f"{movement.side} {phrase.one}"
    return f"{subject} {phrase.predicate}"
