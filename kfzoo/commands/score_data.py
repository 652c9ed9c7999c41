"""The `--data` of `score`: the keyframes to be answered, their targets, and the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.data.chat_messages import is_request
from kfzoo.data.json_lines import read_lines
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.predictions.read import in_order_of_requests
from kfzoo.data.script import ANNOTATIONS, Annotation
from kfzoo.data.sources.base import Source
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.data.split import Split
from kfzoo.errors import InputError
from kfzoo.evaluation.provenance import DataIdentity
from kfzoo.runs import RunFolder, read_data

ScoredPart = Literal["train", "val", "test", "all"]
NO_SPLIT = "none"
"""The split's digest where the data has no parts."""


@dataclass(frozen=True, eq=False)
class ScoringData:
    """What predictions are compared with.

    Attributes:
        samples: The keyframes to be answered, N of them; of chat requests in the order of the requests.
        others: Ids of the data's other keyframes.
        train: (M, 61) ground truth of the training part; None where the data has none.
        identity: Which data it is.
    """

    samples: Sequence[Sample]
    others: frozenset[str]
    train: Tensor | None
    identity: DataIdentity

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N,) whether the ground truth is known."""
        return np.array([sample.keyframe.coefficients is not None for sample in self.samples], dtype=bool)


def open_data(
    path: str, part: ScoredPart = "test", target: str = "", annotation: Annotation | None = None, folder: str = ""
) -> ScoringData:
    """Opens the data that predictions are to be scored on.

    Args:
        path: Folder of a run, configuration (YAML) with a `data` section, or JSON Lines of chat requests or scripts.
        part: The part that was to be answered. Where nothing is split, all is scored, and `test` means all, too.
        target: True answers to chat requests, in their order.
        annotation: Which descriptions of JSON Lines are meant; by default *original* of chat requests, and of scripts
            *arkit* where there are such.
        folder: Replaces the `folder` of the configuration's source.

    Raises:
        InputError: For data that cannot be opened, a part that it does not have, and arguments that it has no use for.
    """
    given = Path(path)
    if not given.exists():
        raise InputError("--data", f"there is no '{path}'", "give a run's folder, a configuration or a JSON Lines file")
    configured = given.is_dir() or given.suffix.lower() in (".yaml", ".yml")
    kind = "JSON Lines" if configured else "configurations"
    useless = {"target": target, "annotation": annotation} if configured else {"folder": folder}
    for name, value in useless.items():
        if value:
            raise InputError(f"--{name}", f"is of use for {kind} alone", f"{path} is none: leave it out")
    if configured:
        data = read_data(RunFolder(given).config if given.is_dir() else given, folder)
    else:
        data = _from_lines(given, target, annotation)
    data.predict = _part_of(data, part)
    chosen: Any = data.predict_dataloader().dataset
    samples: Sequence[Sample] = chosen.samples
    if isinstance(data.source, ChatJsonl):
        samples = in_order_of_requests(data.source.path, samples, data.source.images)
    if not samples:
        raise InputError(path, "asks for no keyframe", "check the data")
    asked = {sample.id for sample in samples}
    every = (f"{script.id}#{keyframe.index}" for script in data.items for keyframe in script.keyframes)
    return ScoringData(samples, frozenset(every) - asked, _train(data), _identity(data))


def target_of(samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Stacks the ground truth of samples that have one, (N, 61)."""
    return np.stack([sample.keyframe.coefficients for sample in samples if sample.keyframe.coefficients is not None])


def _from_lines(path: Path, target: str, annotation: Annotation | None) -> KeyframeDataModule:
    """Builds a data module of a JSON Lines file; its first line distinguishes chat requests from scripts."""
    _, first = next(read_lines(path))
    if is_request(first):
        kind = annotation or "original"
        return KeyframeDataModule(ChatJsonl(path, target or None, kind), annotation=kind)
    if target:
        raise InputError("--target", "is of use for chat requests alone", f"{path.name} holds scripts")
    return KeyframeDataModule(source := ScriptsJsonl(path), annotation=annotation or _described(source))


def _described(source: Source) -> Annotation:
    """Returns the first kind of description that the scripts have: arkit, else original, else image."""
    keyframes = [keyframe for script in source for keyframe in script.keyframes]
    order = sorted(ANNOTATIONS, key=lambda name: name != "arkit")
    return next((name for name in order if any(each.description(name) for each in keyframes)), "arkit")


def _is_split(data: KeyframeDataModule) -> bool:
    """Whether the data has parts: its split makes them, or its source assigns more than one."""
    return data.split != Split() or len({script.part for script in data.items}) > 1


def _part_of(data: KeyframeDataModule, part: ScoredPart) -> ScoredPart:
    if _is_split(data) or part == "all":
        return part
    if part != "test":
        raise InputError("--part", f"is '{part}', but the data has no parts", "say all")
    return "all"


def _train(data: KeyframeDataModule) -> Tensor | None:
    """Returns the training part's ground truth as far as it is known; None without a split, or without any."""
    if not _is_split(data):
        return None
    known = [sample for sample in data.samples("train") if sample.keyframe.coefficients is not None]
    return torch.from_numpy(target_of(known)) if known else None


def _identity(data: KeyframeDataModule) -> DataIdentity:
    return DataIdentity(
        source=type(data.source).__name__,
        fingerprint=data.fingerprint,
        split=data.split_digest if _is_split(data) else NO_SPLIT,
        part=data.predict,
        annotation=data.annotation,
    )
