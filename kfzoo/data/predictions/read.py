"""Reads the predictions of any system; every fault is named by file and line."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from kfzoo.data.batch import Sample
from kfzoo.data.predictions.collector import Fault, PredictionCollector, Predictions
from kfzoo.data.predictions.json_lines import in_order_of_requests, read_predicted_lines
from kfzoo.data.predictions.live_link import read_predicted_takes
from kfzoo.errors import InputError

__all__ = ["Fault", "Predictions", "in_order_of_requests", "read_predictions"]


def read_predictions(
    path: str | os.PathLike[str], samples: Sequence[Sample], others: Collection[str] = ()
) -> Predictions:
    """Reads predictions: JSON Lines (`kfzoo.data.predictions.json_lines`), a Live Link Face CSV, or a folder of them.

    Values are clamped to their channel's range, as `ChatJsonl` does; nothing else is changed or filled in. Faults are
    collected: a keyframe whose answer is faulty has none.

    Args:
        path: The file, or the folder of CSV files.
        samples: The expected keyframes; where the file gives answers without a name, in the order of the requests.
        others: Ids of the data's other keyframes; answers to them are left out without a fault.

    Returns:
        An answer or none for each of the samples, in their order.

    Raises:
        InputError: For a file that is missing, empty or unreadable, and for one of which nothing fits the samples.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(file, "does not exist", "give a JSON Lines file, a Live Link Face CSV, or a folder of those")
    collector = PredictionCollector(file, samples, others)
    if file.is_dir() or file.suffix.lower() == ".csv":
        read_predicted_takes(collector)
    else:
        read_predicted_lines(collector)
    return collector.predictions()
