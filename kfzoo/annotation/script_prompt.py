"""From a free text to a draft of a script: the prompt of the language model (KeyframeFace, section 4.1)."""

from __future__ import annotations

import json
from functools import partial

from kfzoo.annotation.script_draft import Draft, DraftKeyframe, check_draft, draft_schema
from kfzoo.data.script import UNSPECIFIED
from kfzoo.data.sources.builtin.emotions import EKMAN
from kfzoo.language_models.backend import Backend, ask_twice
from kfzoo.language_models.chat_format import Message

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
        UNSPECIFIED,
        "Quiet pride",
        [(None, "The chin is raised a little, and the corners of the closed mouth rise faintly.")],
    ),
    (
        "He opens the letter expecting the worst. After two seconds it sinks in that he got the place, and he beams.",
        "A man opens a letter that decides about his future.",
        "Fear turning into happiness",
        [
            (0.0, "The inner brows rise, the gaze is fixed on the letter, and the lips are pressed together."),
            (2.0, "The eyes open wide, the cheeks rise, and the mouth opens into a broad smile."),
        ],
    ),
    (
        "The boy has broken the vase. He acts as if nothing had happened, until his mother finds the pieces!",
        "A boy who has broken a vase hides it from his mother.",
        "Guilt behind a show of indifference, then fear",
        [
            (None, "The gaze wanders up and away, and the lips are pursed as if to whistle."),
            (None, "The brows shoot up, the eyes turn wide to the side, and the jaw drops."),
        ],
    ),
)
"""Text, background, emotion and keyframes: a text without a scene, one with times, and one with an order alone."""


def draft_script(text: str, backend: Backend, max_keyframes: int) -> Draft:
    """Lets a language model draft the script of a text; an answer that does not fit is asked for once more.

    Args:
        text: Anything about a face, an emotion or a scene, in any language.
        backend: The language model.
        max_keyframes: Keyframes at most.

    Raises:
        InputError: When the second answer does not fit either, and as `Backend.ask`.
    """
    check = partial(check_draft, max_keyframes=max_keyframes, mend_times=True)
    remedy = "choose a stronger model, or say it in other words"
    return ask_twice(backend, draft_prompt(text, max_keyframes), draft_schema(max_keyframes), check, "script", remedy)


def draft_prompt(text: str, max_keyframes: int) -> list[Message]:
    """Returns the chat that asks for a text's script.

    Args:
        text: The user's text.
        max_keyframes: Keyframes at most.
    """
    emotions = ", ".join(name.lower() for name in EKMAN)
    instruction = _INSTRUCTION.format(emotions=emotions, most=max_keyframes)
    messages = [{"role": "system", "content": instruction}]
    for words, background, emotion, keyframes in _EXAMPLES:
        draft = Draft(background, emotion, tuple(DraftKeyframe(*each) for each in keyframes))
        answer = json.dumps(draft.values(), ensure_ascii=False)
        messages += [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]
    return [*messages, {"role": "user", "content": text}]
