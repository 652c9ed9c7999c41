"""Who analyses a face: the rule, or a language model under SemanticFace's prompt for stage I (appendix 0.B.1)."""

from __future__ import annotations

import json
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.annotation import rule
from kfzoo.annotation.analysis import REGIONS, SYMMETRIC, UNCLEAR, Analysis, read_analysis, schema
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.language_models.backend import Backend, Message, said

DECIMALS = 3
"""Digits of the coefficients that a language model reads."""

_EXPERT = "You are an expert in facial action coding (FACS)."
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
        name: Who it is; analyses of another are not taken for its own.
    """

    name: str

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,)."""


class RuleAnnotator:
    """The rule."""

    name = rule.NAME

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,)."""
        return rule.analyse(coefficients)


class ModelAnnotator:
    """A language model, which may be asked from several threads where it is behind a server.

    Args:
        backend: The language model.
    """

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self._backend = backend

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        """Analyses a face, (61,); an answer that does not fit is asked for once more.

        Raises:
            InputError: When the second answer does not fit either, and whatever the backend raises.
        """
        asked = question(coefficients)
        answer = self._backend.ask(asked, schema())
        try:
            return read_analysis("answer", answer)
        except InputError as fault:
            complaint = f"That does not fit: {fault}. Answer again, with one JSON object as described."
        answer = self._backend.ask([*asked, said("assistant", answer), said("user", complaint)], schema())
        try:
            return read_analysis("answer", answer)
        except InputError as fault:
            problem = f"gave no analysis that fits, asked twice ({fault})"
            raise InputError(self.name, problem, "choose a stronger model") from fault


def question(coefficients: ArrayLike) -> list[Message]:
    """Writes the chat that asks for a face's analysis: the paper's prompt, the form of the answer, the coefficients."""
    values = np.asarray(coefficients, dtype=np.float64).tolist()
    # + 0.0 turns -0.0 into 0.0.
    face = json.dumps({name: round(value, DECIMALS) + 0.0 for name, value in zip(CHANNELS, values, strict=True)})
    return [said("system", _EXPERT), said("user", f"{_TASK}\n\n{face}")]
