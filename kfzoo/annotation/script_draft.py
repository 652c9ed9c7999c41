"""A script as a language model drafts it: its JSON Schema, its check, and the way to a `Script`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kfzoo.data.json_lines import Fields
from kfzoo.data.script import DECIMALS, UNSPECIFIED, Keyframe, Script
from kfzoo.language_models.backend import read_json, strict_object

_KEYS = ("background", "emotion", "keyframes")
_MOMENT_KEYS = ("time", "description")


@dataclass(frozen=True)
class Moment:
    """One keyframe of a draft.

    Attributes:
        time: Seconds from the start, or None where the text does not tell.
        description: What the face shows.
    """

    time: float | None
    description: str


@dataclass(frozen=True)
class Draft:
    """A script before the user has agreed to it.

    Attributes:
        background: The situation, in a sentence.
        emotion: The emotion in words.
        moments: The keyframes, in order of time; at least one.
    """

    background: str
    emotion: str
    moments: tuple[Moment, ...]

    def values(self) -> dict[str, Any]:
        """Returns the draft as `schema` has it."""
        moments = [{"time": moment.time, "description": moment.description} for moment in self.moments]
        return {"background": self.background, "emotion": self.emotion, "keyframes": moments}

    def times(self, seconds: float) -> list[float]:
        """Returns the time of each keyframe, rising.

        Times that the draft leaves open lie evenly between those around them; with none after them, `seconds` apart.

        Args:
            seconds: From one keyframe to the next, above 0.
        """
        known = {-1: 0.0} | {i: moment.time for i, moment in enumerate(self.moments) if moment.time is not None}
        end, last = len(self.moments) - 1, max(known)
        known[end] = known[last] + (end - last) * seconds
        times: list[float] = np.interp(np.arange(end + 1), list(known), list(known.values())).tolist()
        return times

    def script(self, name: str, seconds: float) -> Script:
        """Returns the draft as a script, each description as the *original* one.

        Args:
            name: The script's id.
            seconds: As in `times`.
        """
        keyframes = tuple(
            Keyframe(index=index, time=time, original=moment.description)
            for index, (time, moment) in enumerate(zip(self.times(seconds), self.moments, strict=True))
        )
        return Script(name, UNSPECIFIED, self.background, self.emotion, keyframes)


def schema(most: int) -> dict[str, Any]:
    """Returns the JSON Schema of a draft.

    It says no more than every server's constrained decoding understands; that texts are not blank and times rise is
    left to `check_draft`.

    Args:
        most: Keyframes at most.
    """
    text = {"type": "string"}
    moment = {"time": {"type": ["number", "null"]}, "description": text}
    keyframes = {"type": "array", "minItems": 1, "maxItems": most, "items": strict_object(moment)}
    return strict_object({"background": text, "emotion": text, "keyframes": keyframes})


def read_draft(where: str, text: str, most: int) -> Draft:
    """Reads a draft from JSON, with or without a Markdown fence around it.

    Args:
        where: Whose answer it is, for messages.
        text: The JSON.
        most: As in `check_draft`.

    Raises:
        InputError: For a text that is not JSON, and as `check_draft`.
    """
    return check_draft(where, read_json(where, text), most)


def check_draft(where: str, values: object, most: int | None = None) -> Draft:
    """Makes a draft of plain values; line breaks in its texts become spaces.

    Args:
        where: Where they come from, for messages.
        values: What should fit `schema`.
        most: Keyframes at most; by default any number.

    Raises:
        InputError: For a key that is missing, unknown or of another type, a blank text, too many keyframes, and times
            that do not rise.
    """
    fields = Fields(where, values, "script", _KEYS)
    background, emotion = (_text(fields, key, f"write '{UNSPECIFIED}'") for key in ("background", "emotion"))
    found = fields.items("keyframes")
    if most is not None and len(found) > most:
        raise fields.fault("keyframes", f"is a list of {len(found)}, expected at most {most}", "keep the strongest")
    moments: list[Moment] = []
    last = 0.0
    for index, entry in enumerate(found):
        inner = Fields(where, entry, f"script.keyframes[{index}]", _MOMENT_KEYS)
        time = None if inner.get("time") is None else round(inner.number("time"), DECIMALS)
        if time is not None:
            if time < 0 or (index and time <= last):
                expected = f"expected more than {last:g}" if index else "expected 0 or more"
                raise inner.fault("time", f"is {time:g}, {expected}", "times are seconds from the start, and rise")
            last = time
        moments.append(Moment(time, _text(inner, "description", "say what the face shows")))
    return Draft(background, emotion, tuple(moments))


def _text(fields: Fields, key: str, remedy: str) -> str:
    text = " ".join(fields.text(key).split())
    if not text:
        raise fields.fault(key, "is blank", remedy)
    return text
