"""The draft of a script: its JSON Schema, its check, and its conversion into a `Script`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kfzoo.data.json_lines import Fields
from kfzoo.data.script import DECIMALS, UNSPECIFIED, Keyframe, Script
from kfzoo.language_models.backend import strict_object


@dataclass(frozen=True)
class DraftKeyframe:
    """One keyframe of a draft.

    Attributes:
        time: Seconds from the start, or None where the text gives no time.
        description: What the face shows.
    """

    time: float | None
    description: str


@dataclass(frozen=True)
class Draft:
    """A script before the user has accepted it.

    Attributes:
        background: The situation, in a sentence.
        emotion: The emotion in words.
        keyframes: In order of time; at least one.
    """

    background: str
    emotion: str
    keyframes: tuple[DraftKeyframe, ...]

    def values(self) -> dict[str, Any]:
        """Returns the draft as plain values that fit `draft_schema`."""
        return asdict(self) | {"keyframes": [asdict(keyframe) for keyframe in self.keyframes]}

    def times(self, seconds: float) -> list[float]:
        """Returns the time of each keyframe, rising.

        Open times are interpolated between the given ones around them; after the last given one, they are `seconds`
        apart.

        Args:
            seconds: From one keyframe to the next, above 0.
        """
        known = {-1: 0.0} | {i: each.time for i, each in enumerate(self.keyframes) if each.time is not None}
        end, last = len(self.keyframes) - 1, max(known)
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
            Keyframe(index=index, time=time, original=keyframe.description)
            for index, (time, keyframe) in enumerate(zip(self.times(seconds), self.keyframes, strict=True))
        )
        return Script(name, UNSPECIFIED, self.background, self.emotion, keyframes)


def draft_schema(max_keyframes: int) -> dict[str, Any]:
    """Returns the JSON Schema of a draft.

    It uses only what the constrained decoding of every server knows; `check_draft` checks that texts are not blank and
    that times rise.

    Args:
        max_keyframes: Keyframes at most.
    """
    text = {"type": "string"}
    keyframe = strict_object({"time": {"type": ["number", "null"]}, "description": text})
    keyframes = {"type": "array", "minItems": 1, "maxItems": max_keyframes, "items": keyframe}
    return strict_object({"background": text, "emotion": text, "keyframes": keyframes})


def check_draft(where: str, values: object, max_keyframes: int | None = None, mend_times: bool = False) -> Draft:
    """Converts plain values into a draft; line breaks in its texts become spaces.

    Args:
        where: Source of the values, for messages.
        values: What should fit `draft_schema`.
        max_keyframes: Keyframes at most; by default any number.
        mend_times: Whether times that do not rise become open ones: no JSON Schema excludes them, and small language
            models often write them.

    Raises:
        InputError: For a key that is missing, unknown or of another type, a blank text, too many keyframes, and, unless
            they are mended, times that do not rise.
    """
    fields = Fields(where, values, "script", ("background", "emotion", "keyframes"))
    background, emotion = (_text(fields, key, f"write '{UNSPECIFIED}'") for key in ("background", "emotion"))
    found = fields.items("keyframes")
    if max_keyframes is not None and len(found) > max_keyframes:
        problem = f"is a list of {len(found)}, expected at most {max_keyframes}"
        raise fields.fault("keyframes", problem, "keep the strongest")
    keyframes: list[DraftKeyframe] = []
    last = 0.0
    for index, entry in enumerate(found):
        inner = Fields(where, entry, f"script.keyframes[{index}]", ("time", "description"))
        time = None if inner.get("time") is None else round(inner.number("time"), DECIMALS)
        if time is not None and (time < 0 or (index and time <= last)):
            if not mend_times:
                expected = f"expected more than {last:g}" if index else "expected 0 or more"
                raise inner.fault("time", f"is {time:g}, {expected}", "times are seconds from the start, and rise")
            time = None
        last = last if time is None else time
        keyframes.append(DraftKeyframe(time, _text(inner, "description", "say what the face shows")))
    return Draft(background, emotion, tuple(keyframes))


def _text(fields: Fields, key: str, remedy: str) -> str:
    text = " ".join(fields.text(key).split())
    if not text:
        raise fields.fault(key, "is blank", remedy)
    return text
