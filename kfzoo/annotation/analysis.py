"""`Analysis`: the description of a face in stage I, its JSON Schema and its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kfzoo.data.json_lines import Fields
from kfzoo.language_models.backend import strict_object

REGIONS = ("eyebrows", "eyes", "cheeks", "mouth", "jaw", "head")
"""The regions of SemanticFace's prompt, in its order, and the head, which its coefficients hold as well."""

UNCLEAR = "not clearly observable"
"""The emotional implication in SemanticFace's prompt where the muscles show no emotion."""

SYMMETRIC = "mostly symmetric"
"""The symmetry in SemanticFace's prompt where the two sides do the same."""

AT_REST = "at rest"
HEADINGS = (
    "1. **Facial Expression Category**:",
    "2. **Detailed Facial Muscle Movements**:",
    "3. **Emotional Implication**:",
    "4. **Symmetry**:",
)
"""Headings of the text in SemanticFace's released answers."""

NO_OBJECT = ("{", "}", "<think", "</think")
"""Strings that no analysis contains: they would be read as the coefficients after it, or as a chain of thought."""

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
        return asdict(self)

    def text(self) -> str:
        """Returns it as the released answers have it: four numbered headings, the regions as a list."""
        category, movements, emotion, symmetry = HEADINGS
        regions = self.muscle_movements or {"face": AT_REST}
        return _LINE_END.join((
            f"{category} {_sentence(self.expression_category)}",
            movements,
            *(f"   - **{region.capitalize()}**: {_sentence(words)}" for region, words in regions.items()),
            f"{emotion} {_sentence(self.emotional_implication)}",
            f"{symmetry} {_sentence(self.symmetry)}",
        ))  # fmt: skip


def analysis_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a language model's answer; it requires every region."""
    text = {"type": "string"}
    regions = strict_object(dict.fromkeys(REGIONS, text))
    return strict_object({key: regions if key == "muscle_movements" else text for key in _KEYS})


def check_analysis(where: str, values: object) -> Analysis:
    """Converts plain values into an analysis; line breaks in its texts become spaces.

    Args:
        where: Source of the values, for messages.
        values: What should fit `analysis_schema`; regions may be left out, and others be added.

    Raises:
        InputError: For a key that is missing, unknown or of another type, and a text that is blank or contains one of
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
    for string in NO_OBJECT:
        if string in text:
            raise fields.fault(key, f"contains '{string}'", "use words alone")
    return text


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
