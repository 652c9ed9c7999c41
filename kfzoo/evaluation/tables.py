"""Tables of a report: errors by channel and region, by emotion, by subject and by keyframe."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS, REGIONS, SUBSETS, indices
from kfzoo.data.batch import Sample
from kfzoo.data.script import emotion_of
from kfzoo.evaluation.scores import Table
from kfzoo.metrics.agreement import CROSS_COMPARISONS
from kfzoo.metrics.answers import Answers, FaceSet
from kfzoo.metrics.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.metrics.functional.agreement import ChannelAgreement, cross_comparison
from kfzoo.metrics.functional.detection import DetectionCounts, detection_counts, detection_f1
from kfzoo.metrics.functional.errors import SampleErrors
from kfzoo.metrics.functional.wasserstein import wasserstein_of_sorted
from kfzoo.metrics.rows import scripts_of

CHANNEL = ("mse", "pearson", "spearman", "deviation", "accuracy", "f1", "w_dist")
HEAD_POSE = ("pearson", "spearman", "msd", "deviation")
CROSS_COMPARISON = ("pearson", "spearman", "accuracy", "msd", "deviation", "skipped")
REGION = ("channels", "mse", "mae")
GROUP = ("n", "mse", "mse_low", "mse_high", "mae")

MOST_EMOTIONS = 12
MOST_GROUPS = 40
"""Rows of a table by emotion, and by subject or keyframe; the smaller groups are one row, `OTHER`."""

OTHER = "other"


def channel_tables(answers: Answers, training: FaceSet | None) -> dict[str, Table]:
    """Tables by channel: `channel`, `head_pose`, `cross_comparison` and `region`.

    Source: SemanticFace, tables 1 and 5 to 7. The correlation of a constant channel, F1 where nothing is on, and W-Dist
    without a training split are None.

    Args:
        answers: With their targets, 61 channels.
        training: Ground truth of the training split.
    """
    faces, agreement = answers.faces, answers.agreement
    w_dist = None if training is None else wasserstein_of_sorted(faces.ordered, training.ordered)
    unknown = torch.full_like(agreement.msd, torch.nan)
    columns = {
        **agreement._asdict(),
        "mse": agreement.msd,
        "f1": _channel_f1(detection_counts(faces.values, answers.targets.values)),
        "w_dist": unknown if w_dist is None else w_dist,
    }
    compared = {name: cross_comparison(agreement, indices(SUBSETS[name]).tolist()) for name in CROSS_COMPARISONS}
    return {
        "channel": _table(CHANNEL, {name: _at(columns, CHANNEL, at) for at, name in enumerate(CHANNELS)}),
        "head_pose": _table(
            HEAD_POSE, {name: _at(columns, HEAD_POSE, CHANNELS.index(name)) for name in REGIONS["head"]}
        ),
        "cross_comparison": _table(
            CROSS_COMPARISON,
            {name: [float(getattr(each, column)) for column in CROSS_COMPARISON] for name, each in compared.items()},
        ),
        "region": _table(REGION, {name: _region(agreement, names) for name, names in REGIONS.items()}),
    }


def group_tables(
    ids: NDArray[np.str_], errors: SampleErrors, samples: Mapping[str, Sample], resamples: int, seed: int
) -> dict[str, Table]:
    """Tables by keyframe, and by emotion and subject where all samples are known.

    The interval of a group's MSE is a bootstrap over the scripts within it; a group of one script has none.

    Args:
        ids: (N,) of the samples.
        errors: Of the same samples.
        samples: By id; emotion and subject come from them.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    names: list[str] = ids.tolist()
    labels: dict[str, tuple[list[Any], int]] = {}
    if all(name in samples for name in names):
        chosen = [samples[name] for name in names]
        labels["emotion"] = [emotion_of(sample.script, sample.keyframe) for sample in chosen], MOST_EMOTIONS
        labels["subject"] = [sample.script.subject for sample in chosen], MOST_GROUPS
    places = [name.rpartition("#")[2] for name in names]
    if all(place.isdecimal() for place in places):
        labels["keyframe"] = [int(place) for place in places], MOST_GROUPS
    scripts = scripts_of(ids)
    return {
        name: _group_table(_largest(groups, most), scripts, errors, resamples, seed)
        for name, (groups, most) in labels.items()
    }


def _region(agreement: ChannelAgreement, names: Sequence[str]) -> list[float]:
    places = torch.from_numpy(indices(names))
    return [len(names), float(agreement.msd[places].mean()), float(agreement.deviation[places].mean())]


def _channel_f1(counts: DetectionCounts) -> Tensor:
    channels = zip(*counts, strict=True)
    return torch.stack([detection_f1(DetectionCounts(*channel)) for channel in channels])


def _group_table(
    groups: Sequence[str], scripts: NDArray[np.str_], errors: SampleErrors, resamples: int, seed: int
) -> Table:
    mse, mae = errors.mse.numpy(), errors.mae.numpy()
    labels = np.array(groups, dtype=np.str_)
    rows: dict[str, list[float]] = {}
    for name in dict.fromkeys(groups):
        inside = labels == name
        draws = ScriptBootstrap(scripts[inside], resamples, seed).means(mse[inside, None])[:, 0]
        low, high = percentile_interval(draws) or (math.nan, math.nan)
        rows[name] = [int(inside.sum()), float(mse[inside].mean()), low, high, float(mae[inside].mean())]
    order = sorted(rows, key=lambda name: (name == OTHER, *_natural(name)))
    return _table(GROUP, {name: rows[name] for name in order})


def _largest(groups: Sequence[Any], most: int) -> list[str]:
    """Names of the groups, those beyond the largest `most` as `OTHER`; of equal ones the first by name are kept."""
    counts = Counter(groups)
    if len(counts) <= most:
        return [str(group) for group in groups]
    kept = set(sorted(counts, key=lambda group: (-counts[group], group))[:most])
    return [str(group) if group in kept else OTHER for group in groups]


def _natural(name: str) -> tuple[int, str]:
    """Numbers by their size, other names after them."""
    return (int(name), "") if name.isdecimal() else (2**62, name)


def _at(columns: Mapping[str, Tensor], names: Sequence[str], place: int) -> list[float]:
    return [float(columns[name][place]) for name in names]


def _table(columns: tuple[str, ...], rows: Mapping[str, Sequence[float]]) -> Table:
    known = {name: tuple(None if math.isnan(value) else value for value in row) for name, row in rows.items()}
    return Table(columns, known)
