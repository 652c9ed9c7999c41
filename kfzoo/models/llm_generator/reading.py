"""From a language model's answers to coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.language_models.constrained_decoding import Decoded
from kfzoo.models.base import Generation


def read_answers(answers: Sequence[Decoded], mean: bool, device: torch.device) -> Generation:
    """Reads decoded answers; one whose text holds no 61 values is not valid.

    Args:
        answers: B of them.
        mean: Take each value's mean under the model's likelihoods instead of the text's.
        device: Where the result goes.
    """
    faces = torch.zeros(len(answers), len(CHANNELS))
    valid = torch.zeros(len(answers), dtype=torch.bool)
    for row, decoded in enumerate(answers):
        found = parse_answer(decoded.text).coefficients
        if found is not None:
            faces[row] = torch.tensor(decoded.expected) if mean else torch.from_numpy(np.asarray(found))
            valid[row] = True
    return Generation(faces.to(device), valid.to(device), tuple(each.text for each in answers))
