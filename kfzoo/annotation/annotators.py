"""Annotators of faces: the rule, or a language model with SemanticFace's prompt for stage I (appendix 0.B.1)."""

from __future__ import annotations

import json
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.annotation import rule
from kfzoo.annotation.analysis import REGIONS, SYMMETRIC, UNCLEAR, Analysis, analysis_schema, check_analysis
from kfzoo.arkit.channels import CHANNELS
from kfzoo.language_models.backend import Backend, ask_twice
from kfzoo.language_models.chat_format import Message

DECIMALS = 3
"""Digits of the coefficients that a language model reads."""

_SYSTEM = "You are an expert in facial action coding (FACS)."
_TASK = (
    "Given ARKit blendshape coefficients, infer:\n"
    "1. The most likely facial expression category.\n"
    "2. The detailed facial muscle movements.\n"
    "3. The emotional implication if clearly observable.\n"
    "4. The symmetry or asymmetry of the expression.\n"
    "Base your reasoning only on facial muscle movement intensity.\n\n"
    "Answer with one JSON object and nothing else. Its keys: "
    '"expression_category": a few words; '
    f'"muscle_movements": an object with the keys {", ".join(REGIONS)}, in each what moves there and how strongly, or '
    '"at rest"; '
    f'"emotional_implication": the emotion, or "{UNCLEAR}"; '
    f'"symmetry": what the two sides do differently, or "{SYMMETRIC}". '
    "Use words alone: no numbers, and no names of coefficients. Left and right are the subject's."
)


class Annotator(Protocol):
    """Turns coefficients into an analysis.

    Attributes:
        name: Identifies the annotator; the analyses of two names are kept apart.
    """

    name: str

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,).

        Raises:
            AnswerError: When this face gets no analysis; other faces may well get one.
            InputError: When no face does.
        """

    def close(self) -> None:
        """Ends what is being analysed in other threads, whose calls then fail."""


class RuleAnnotator:
    """The rule `kfzoo.annotation.rule`."""

    name = "rule"

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,)."""
        return rule.analyse(coefficients)

    def close(self) -> None:
        """Does nothing: the rule takes no time."""


class ModelAnnotator:
    """A language model; where it is on a server, several threads may ask at once.

    Args:
        backend: The language model.
    """

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self._backend = backend

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,); an answer that does not fit is asked for once more.

        Raises:
            AnswerError: When the second answer does not fit either.
            InputError: As `Backend.ask`.
        """
        return ask_twice(self._backend, analysis_prompt(coefficients), analysis_schema(), check_analysis, "analysis")

    def close(self) -> None:
        """Ends the requests that are open."""
        self._backend.close()


def analysis_prompt(coefficients: ArrayLike) -> list[Message]:
    """Returns the chat that asks for a face's analysis: the paper's prompt, the answer's form, the coefficients."""
    values = np.asarray(coefficients, dtype=np.float64).tolist()
    # + 0.0 turns -0.0 into 0.0.
    face = json.dumps({name: round(value, DECIMALS) + 0.0 for name, value in zip(CHANNELS, values, strict=True)})
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": f"{_TASK}\n\n{face}"}]
