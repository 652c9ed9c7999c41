"""From a free text to a draft: what a language model is asked, and what is done when its answer does not fit."""

from __future__ import annotations

import json

from kfzoo.annotation.script_draft import Draft, Moment, read_draft, schema
from kfzoo.data.script import UNSPECIFIED
from kfzoo.data.sources.builtin.emotions import EKMAN
from kfzoo.errors import InputError
from kfzoo.language_models.backend import Backend, Message, said

_INSTRUCTION = (
    "You turn a user's text into the script of a short performance by a digital face. Answer with one JSON object and "
    "nothing else. Its keys: "
    f'"background": the situation, in one sentence, or "{UNSPECIFIED}"; '
    '"emotion": the emotion in a few words: one of {emotions}, a shade of one, or several and how they mix; '
    '"keyframes": a list of 1 to {most} moments in their order, no more than the text asks for. '
    'Each keyframe has the keys "time": seconds from the start as a number where the text tells them, else null; and '
    '"description": in one sentence, what can be seen at that moment of the brows, the eyes, the cheeks, the mouth and '
    "the head. Keep what the text says of the face, and write in the language of the text."
)

_EXAMPLES = (
    (
        "quiet pride",
        Draft(
            background=UNSPECIFIED,
            emotion="Quiet pride",
            moments=(Moment(None, "The chin is raised a little, and the corners of the closed mouth rise faintly."),),
        ),
    ),
    (
        "He opens the letter expecting the worst. After two seconds it sinks in that he got the place, and he beams.",
        Draft(
            background="A man opens a letter that decides about his future.",
            emotion="Fear turning into happiness",
            moments=(
                Moment(
                    0.0, "The inner brows rise, the gaze is fixed on the letter, and the lips are pressed together."
                ),
                Moment(2.0, "The eyes open wide, the cheeks rise, and the mouth opens into a broad smile."),
            ),
        ),
    ),
    (
        "The boy has broken the vase. He acts as if nothing had happened, until his mother finds the pieces!",
        Draft(
            background="A boy who has broken a vase hides it from his mother.",
            emotion="Guilt behind a show of indifference, then fear",
            moments=(
                Moment(None, "The gaze wanders up and away, and the lips are pursed as if to whistle."),
                Moment(None, "The brows shoot up, the eyes turn wide to the side, and the jaw drops."),
            ),
        ),
    ),
)
"""Texts and their drafts: a text without a scene, one that tells times, and one that tells an order alone."""


def standardise(text: str, backend: Backend, most: int) -> Draft:
    """Lets a language model draft the script of a text; a draft that does not fit is asked for once more.

    Args:
        text: Anything about a face, an emotion or a scene, in any language.
        backend: The language model.
        most: Keyframes at most.

    Raises:
        InputError: When the second answer does not fit either, and whatever the backend raises.
    """
    asked = question(text, most)
    answer = backend.ask(asked, schema(most))
    try:
        return read_draft("answer", answer, most)
    except InputError as fault:
        complaint = f"That does not fit: {fault}. Answer again, with one JSON object as described."
        again = [said("assistant", answer), said("user", complaint)]
    answer = backend.ask([*asked, *again], schema(most))
    try:
        return read_draft("answer", answer, most)
    except InputError as fault:
        problem = f"gave no script that fits, asked twice ({fault})"
        raise InputError(backend.name, problem, "choose a stronger model, or say it in other words") from fault


def question(text: str, most: int) -> list[Message]:
    """Writes the chat that asks for a text's script.

    Args:
        text: The user's.
        most: Keyframes at most.
    """
    emotions = ", ".join(name.lower() for name in EKMAN)
    messages = [said("system", _INSTRUCTION.format(emotions=emotions, most=most))]
    for words, draft in _EXAMPLES:
        answer = json.dumps(draft.values(), ensure_ascii=False)
        messages += [said("user", words), said("assistant", answer)]
    return [*messages, said("user", text)]
