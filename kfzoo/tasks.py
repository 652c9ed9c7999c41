"""Keyframes, clips and evaluators: which callbacks run for each, and which file `predict` leaves.

A module names its task by its class attribute `task`, and what it reads by `reads`; a data module says what it gives by
`kind`. So neither the command line nor a command asks for the type of a module or of its data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from kfzoo.errors import InputError
from kfzoo.evaluation.clip_writer import ClipWriter
from kfzoo.evaluation.evaluation_callback import EvaluationCallback
from kfzoo.evaluation.evaluator_callback import EvaluatorCallback
from kfzoo.evaluation.motion_callback import MotionCallback
from kfzoo.evaluation.prediction_writer import PredictionWriter
from kfzoo.evaluation.resume_callback import ResumeCallback
from kfzoo.runs import RunFolder
from kfzoo.training.module import ZooModule

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """What belongs to one kind of module.

    Attributes:
        callbacks: From the run folder, the resolved configuration, the path of a learned evaluator (empty for none) and
            the formats of `predict`'s files (empty for the default) to the callbacks of `test` and `predict`.
        predictions: Where `predict` writes; None where there is nothing to predict.
    """

    callbacks: Callable[[RunFolder, Config, str, str], list[Callback]]
    predictions: Callable[[RunFolder], Path] | None


def _of_keyframes(folder: RunFolder, config: Config, evaluator: str, formats: str) -> list[Callback]:
    return [
        ResumeCallback(folder.results, folder.predictions),
        EvaluationCallback(folder.results, folder.faces, config, evaluator=evaluator),
        PredictionWriter(folder.predictions, formats),
    ]


def _of_clips(folder: RunFolder, config: Config, evaluator: str, formats: str) -> list[Callback]:
    if evaluator:
        raise InputError("evaluator", "scores keyframes, and this is a model of moving clips", "leave it out")
    return [MotionCallback(folder.results, folder.curves, config), ClipWriter(folder.clips, formats)]


def _of_evaluators(folder: RunFolder, config: Config, evaluator: str, formats: str) -> list[Callback]:
    if evaluator:
        raise InputError("evaluator", "scores models, and this is an evaluator itself", "leave it out")
    return [EvaluatorCallback(folder.evaluator, config=config)]


TASKS = {
    "keyframes": Task(_of_keyframes, lambda folder: folder.predictions),
    "clips": Task(_of_clips, lambda folder: folder.clips),
    "evaluator": Task(_of_evaluators, None),
}


def task_of(module: ZooModule, data: Any) -> Task:
    """Returns a module's task.

    Args:
        module: A model or a learned evaluator.
        data: The data module that it is run with.

    Raises:
        InputError: When the data module does not give what the module reads.
    """
    module.check_data(data)
    return TASKS[module.task]
