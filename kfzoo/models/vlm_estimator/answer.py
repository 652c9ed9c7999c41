"""Answers (SemanticFace, section 5.1) and requests (appendix 0.B.2) of the three degrees of semantics.

| degree | answer |
|---|---|
| A0 | `[0.0, 0.2, …]` |
| A1 | `{"EyeBlinkLeft": 0.0, …}` |
| A2 | the analysis of stage I, a blank line, then as A1 |

Names, values and the blank line are written as in the answers that SemanticFace released, which are not the one JSON
object that their prompt asks for; `kfzoo.data.predictions.answer_text` reads both.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal

from kfzoo.annotation.analysis import NO_OBJECT, SYMMETRIC, UNCLEAR
from kfzoo.annotation.rule import analyse
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import AnswerLayout
from kfzoo.language_models.chat_format import Message, message

Semantics = Literal["A0", "A1", "A2"]
"""The degree of semantics: a vector, names and values, or an analysis before them."""

SEMANTICS: tuple[Semantics, ...] = ("A0", "A1", "A2")

Prompt = Literal["semanticface", "image"]
"""The request: SemanticFace's text with the image, or only the image."""

Annotator = Literal["rule", "data"]
"""Source of the analyses that A2 learns to write: the rule of stage I, or the data."""

IMAGE = "<image>"
"""Place of the image in a message of chat JSON Lines."""

SEPARATOR = "\n\n"
"""Text between an analysis and the values."""

SYSTEM = (
    "You are a professional facial expression parameter generation expert based on the ARKit facial expression "
    "parameter system. Output strict JSON with all 61 parameters in the given order"
)
"""The system message of SemanticFace's released requests."""

_ANALYSIS = f"""\
Part 1: "analysis"
Analyze the facial expression with the following structure:
- expression_category: the most likely facial expression category
- muscle_movements: detailed facial muscle movements with intensity (by region: eyebrows, eyes, cheeks, mouth, jaw)
- emotional_implication: emotional meaning ONLY if clearly observable from facial muscles, otherwise state "{UNCLEAR}"
- symmetry: describe left-right facial symmetry or any notable asymmetry, otherwise state "{SYMMETRIC}"

"""

_VALUES = """\
Generate a complete JSON object mapping every ARKit blendshape coefficient name to a precise value in the range [0, 1] \
with 3 decimal places.
- You MUST include ALL 61 coefficients from the provided list
- Each value should reflect the observed facial muscle activation intensity
- Format: {"coefficient_name": value}

"""

_EXPERT = "You are an expert in Facial Action Coding System (FACS) and ARKit facial expression analysis.\n\n"
_RULES = "CRITICAL REQUIREMENTS:\n"
_NOTHING_ELSE = "- NO additional text, explanations, or markdown formatting\n"
_EXPECTED = "\n\nExpected output format:\n"
_FIRST = f'    "{CHANNELS[0]}": 0.000,\n    "{CHANNELS[1]}": 0.000,\n    ...\n'


@cache
def question(semantics: Semantics) -> str:
    """Returns the user's message, without the image.

    A2's is exactly that of the released requests. The paper shows none for A0 and A1: theirs are the same without the
    parts of the answer that they lack.
    """
    names = json.dumps(list(CHANNELS))
    if semantics == "A2":
        return (
            f"{_EXPERT}Given a facial image, provide a two-part analysis:\n\n{_ANALYSIS}"
            f'Part 2: "arkit"\n{_VALUES}{_RULES}'
            '- Return ONLY a valid JSON object with two keys: "analysis" and "arkit"\n'
            f'{_NOTHING_ELSE}- The "arkit" object must contain exactly these 61 coefficients: {names}'
            f'{_EXPECTED}{{\n  "analysis": {{\n    "expression_category": "...",\n    "muscle_movements": "...",\n'
            f'    "emotional_implication": "...",\n    "symmetry": "..."\n  }},\n  "arkit": {{\n{_FIRST}  }}\n}}'
        )
    if semantics == "A1":
        first = _FIRST.replace("    ", "  ")
        return (
            f"{_EXPERT}Given a facial image, estimate its ARKit coefficients.\n\n{_VALUES}{_RULES}"
            f"- Return ONLY a valid JSON object\n{_NOTHING_ELSE}"
            f"- It must contain exactly these 61 coefficients: {names}{_EXPECTED}{{\n{first}}}"
        )
    return (
        f"{_EXPERT}Given a facial image, estimate its ARKit coefficients.\n\n"
        "Generate a complete JSON list with a precise value in the range [0, 1] with 3 decimal places for every ARKit "
        "blendshape coefficient.\n"
        "- You MUST include ALL 61 coefficients in the order of the provided list\n"
        "- Each value should reflect the observed facial muscle activation intensity\n\n"
        f"{_RULES}- Return ONLY a valid JSON list\n{_NOTHING_ELSE}"
        f"- It must contain exactly these 61 coefficients, in this order: {names}{_EXPECTED}[0.000, 0.000, ...]"
    )


def messages(semantics: Semantics, prompt: Prompt, image: str = IMAGE, system: str = "") -> list[Message]:
    """Returns the request about an image as chat messages.

    Args:
        semantics: The degree.
        prompt: SemanticFace's text, or only the image.
        image: Text in the image's place.
        system: Another system message than SemanticFace's, such as an adapter's.
    """
    if prompt == "image":
        return [message("user", image)]
    return [message("system", system or SYSTEM), message("user", image + question(semantics))]


@cache
def layout(semantics: Semantics, decimals: int) -> AnswerLayout:
    """Returns the form of the values.

    Args:
        semantics: The degree; the values of A1 and A2 have the same form.
        decimals: Digits after the point, 1 to 3: the prompt asks for three, the released answers have one.

    Raises:
        InputError: For another degree or number of decimals.
    """
    if semantics not in SEMANTICS:
        raise InputError("semantics", f"is '{semantics}', expected one of {', '.join(SEMANTICS)}")
    if semantics == "A0":
        return AnswerLayout.between(("[", *[", "] * (len(CHANNELS) - 1), "]"), decimals)
    names = [f'"{name}": ' for name in CHANNELS]
    return AnswerLayout.between((f"{{{names[0]}", *(f", {name}" for name in names[1:]), "}"), decimals)


def analysis_of(sample: Sample, annotator: Annotator) -> str:
    """Returns the analysis that A2 learns to write for a keyframe.

    Args:
        sample: The keyframe.
        annotator: "rule" analyses its coefficients; "data" returns `Keyframe.analysis`, from stage I
            (`kfzoo.annotation.described.Described`) or a released answer.

    Raises:
        InputError: When there is none, or it could be misread as values.
    """
    keyframe = sample.keyframe
    where = f"keyframe '{sample.id}'"
    if annotator == "rule":
        if keyframe.coefficients is None:
            raise InputError(where, "has no coefficients to analyse", "take it out of the training data")
        return analyse(keyframe.coefficients).text()
    text = keyframe.analysis.strip()
    if not text:
        problem = "has no analysis to learn from"
        raise InputError(where, problem, "write them with python -m kfzoo data describe, or set annotator: rule")
    for odd in NO_OBJECT:
        if odd in text:
            raise InputError(where, f"has an analysis with '{odd}' in it", "an analysis is plain text")
    return text


def answer_texts(sample: Sample, semantics: Semantics, decimals: int, annotator: Annotator) -> tuple[str, str]:
    """Returns a keyframe's answer.

    Args:
        sample: The keyframe; its coefficients are known.
        semantics: The degree.
        decimals: Digits of the values.
        annotator: Source of the analysis.

    Returns:
        The text before the values, its separator included, or an empty one; and the text of the values.

    Raises:
        InputError: When the coefficients are not known, and as `analysis_of`.
    """
    coefficients = sample.keyframe.coefficients
    if coefficients is None:
        raise InputError(f"keyframe '{sample.id}'", "has no coefficients to learn", "take it out of the training data")
    words = analysis_of(sample, annotator) + SEPARATOR if semantics == "A2" else ""
    return words, layout(semantics, decimals).text(coefficients)


def request_line(sample: Sample, semantics: Semantics, answer: str = "") -> dict[str, Any]:
    """Returns a request, and its answer if there is one, as a line of SemanticFace's chat JSON Lines.

    ms-swift trains on it, and `ChatJsonl` reads it.

    Args:
        sample: The keyframe; it has an image.
        semantics: The degree.
        answer: The complete answer.

    Raises:
        InputError: When it has no image.
    """
    if sample.keyframe.image_path is None:
        raise InputError(f"keyframe '{sample.id}'", "has no image in a file", "write the images to files first")
    turn = [message("assistant", answer)] if answer else []
    return {"messages": [*messages(semantics, "semanticface"), *turn], "images": [sample.keyframe.image_path]}
