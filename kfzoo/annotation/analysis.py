"""`Analysis`: what stage I says of a face, and the shapes in which it is written and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfzoo.data.json_lines import Fields
from kfzoo.language_models.backend import read_json, strict_object

REGIONS = ("eyebrows", "eyes", "cheeks", "mouth", "jaw", "head")
"""The regions of SemanticFace's prompt, in its order, and the head, which its coefficients hold as well."""

UNCLEAR = "not clearly observable"
"""What SemanticFace's prompt asks for where the muscles show no emotion."""

SYMMETRIC = "mostly symmetric"
"""What SemanticFace's prompt asks for where the two sides do the same."""

AT_REST = "at rest"
HEADINGS = (
    "1. **Facial Expression Category**:",
    "2. **Detailed Facial Muscle Movements**:",
    "3. **Emotional Implication**:",
    "4. **Symmetry**:",
)
"""Of the text, as the answers that SemanticFace released have them."""

NO_OBJECT = ("{", "}", "<think", "</think")
"""What no analysis holds: it would be taken for the coefficients behind it, or for a chain of thought."""

_KEYS = ("expression_category", "muscle_movements", "emotional_implication", "symmetry")
_LINE_END = "  \n"  # A line break in Markdown.


@dataclass(frozen=True)
class Analysis:
    """A face in structured words (SemanticFace, section 3.2).

    Attributes:
        expression_category: What the face as a whole does, such as "smile, clear".
        muscle_movements: What moves in a region and how strongly, by the region's name; a region at rest is left out.
        emotional_implication: The emotion that the muscles show, or `UNCLEAR`.
        symmetry: What the two sides do differently, or `SYMMETRIC`.
    """

    expression_category: str
    muscle_movements: Mapping[str, str]
    emotional_implication: str
    symmetry: str

    def values(self) -> dict[str, Any]:
        """Returns it as the "analysis" object that SemanticFace's prompt asks for."""
        return {
            "expression_category": self.expression_category,
            "muscle_movements": dict(self.muscle_movements),
            "emotional_implication": self.emotional_implication,
            "symmetry": self.symmetry,
        }

    def text(self) -> str:
        """Writes it as the released answers do: four numbered headings, the regions as a list."""
        category, movements, emotion, symmetry = HEADINGS
        regions = self.muscle_movements or {"face": AT_REST}
        return _LINE_END.join((
            f"{category} {_sentence(self.expression_category)}",
            movements,
            *(f"   - **{region.capitalize()}**: {_sentence(words)}" for region, words in regions.items()),
            f"{emotion} {_sentence(self.emotional_implication)}",
            f"{symmetry} {_sentence(self.symmetry)}",
        ))  # fmt: skip


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of what a language model is asked for; it has every region."""
    text = {"type": "string"}
    regions = strict_object(dict.fromkeys(REGIONS, text))
    return strict_object({key: regions if key == "muscle_movements" else text for key in _KEYS})


def read_analysis(where: str, text: str) -> Analysis:
    """Reads an analysis from JSON, with or without a Markdown fence around it.

    Args:
        where: Whose answer it is, for messages.
        text: The JSON.

    Raises:
        InputError: For a text that is not JSON, and as `check_analysis`.
    """
    return check_analysis(where, read_json(where, text))


def check_analysis(where: str, values: object) -> Analysis:
    """Makes an analysis of plain values; every text is put on one line.

    Args:
        where: Where they come from, for messages.
        values: What should fit `schema`; regions may be left out, and others be added.

    Raises:
        InputError: For a key that is missing, unknown or of another type, and a text that is blank or holds one of
            `NO_OBJECT`.
    """
    fields = Fields(where, values, "analysis", _KEYS)
    category, emotion, symmetry = (_text(fields, key) for key in (_KEYS[0], *_KEYS[2:]))
    regions = Fields(where, fields.get("muscle_movements"), "analysis.muscle_movements")
    return Analysis(category, {name: _text(regions, name) for name in regions.values}, emotion, symmetry)


def _text(fields: Fields, key: str) -> str:
    text = " ".join(fields.text(key).split()).rstrip(".")
    if not text:
        raise fields.fault(key, "is blank", "say what can be seen, or that it is at rest")
    for odd in NO_OBJECT:
        if odd in text:
            raise fields.fault(key, f"holds '{odd}'", "use words alone")
    return text


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
