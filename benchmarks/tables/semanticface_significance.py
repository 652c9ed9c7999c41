"""SemanticFace's table 4: paired tests of the errors of A2, A1 and A0, and of each with the direct regressor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch

from benchmarks.page import NONE, table
from benchmarks.tables.semanticface_tables import Estimators
from kfzoo.evaluation.results import Run
from kfzoo.evaluation.samples import Samples
from kfzoo.metrics.functional.paired import PairedTest, paired_t_test

LEVEL: Final = 0.05
CLAIM: Final = (("A1", "A0"), ("A2", "A1"), ("A2", "A0"))
"""SemanticFace's table 4: it claims that the first of each pair has the smaller error."""

REGRESSOR: Final = "direct regressor"
PAIRS: Final = (*CLAIM, *((label, REGRESSOR) for label in ("A0", "A1", "A2")))


@dataclass(frozen=True)
class Comparison:
    """The errors of two estimators on the same keyframes.

    Attributes:
        first: Label of one.
        second: Label of the other.
        plain: As if keyframes were independent, as the paper tests.
        clustered: By recording.
    """

    first: str
    second: str
    plain: PairedTest
    clustered: PairedTest

    @property
    def verdict(self) -> str:
        """The first next to the second, by the clustered test: "smaller", "larger" or "not different"."""
        if float(self.clustered.p_value) >= LEVEL:
            return "not different"
        return "smaller" if float(self.clustered.difference) < 0 else "larger"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        second = f"the {REGRESSOR}" if self.second == REGRESSOR else self.second
        words = {"not different": "does not differ from", "smaller": "has a smaller error than"}
        verb = words.get(self.verdict, "has a larger error than")
        return f"{self.first} {verb} {second} (p {_p_value(self.clustered, '= ')})"


def compare(estimators: Estimators) -> list[Comparison]:
    """Tests the pairs of `PAIRS` that have results, if there are two recordings."""
    made = []
    for first, second in PAIRS:
        ours, theirs = _in_order(estimators[first]), _in_order(estimators[second])
        if ours is None or theirs is None or len(set(ours.recordings)) < 2:
            continue
        pair = torch.from_numpy(ours.mse), torch.from_numpy(theirs.mse)
        clusters = torch.from_numpy(np.unique(ours.recordings, return_inverse=True)[1])
        made.append(Comparison(first, second, paired_t_test(*pair), paired_t_test(*pair, clusters)))
    return made


def claim(found: Sequence[Comparison]) -> str:
    """Says whether SemanticFace's order of A0, A1 and A2 is seen here, and how they compare with the regressor."""
    claimed = [each for each in found if (each.first, each.second) in CLAIM]
    others = [each for each in found if each not in claimed]
    text = "SemanticFace's claim, that A2 has a smaller error than A1 and A1 than A0,"
    if len(claimed) < len(CLAIM):
        text += " **cannot be tested**: results are missing, or there are fewer than two recordings."
    else:
        right = sum(each.verdict == "smaller" for each in claimed)
        word = "does not hold" if not right else "holds in part" if right < len(CLAIM) else "holds"
        text += f" **{word}** here: {'; '.join(each.sentence for each in claimed)}."
    return " ".join([text, *(f"{each.sentence}." for each in others)])


def comparison_table(found: Sequence[Comparison], estimators: Estimators) -> str:
    """Table 4: difference, effect size, and both tests of each pair."""
    made = {(each.first, each.second): each for each in found}
    lines = []
    for pair in PAIRS:
        name = f"{pair[0]} vs {pair[1]}"
        if pair in made:
            plain, clustered = made[pair].plain, made[pair].clustered
            both = [cell for test in (plain, clustered) for cell in (_signed(test.statistic, 2), _p_value(test))]
            lines.append([name, _signed(1e3 * plain.difference, 3), _signed(plain.effect_size, 3), *both])
        else:
            missing = [label for label in pair if estimators[label] is None]
            lines.append([f"{name} (no results of {', '.join(missing)})" if missing else name, *[NONE] * 6])
    return table(["", "Difference, 1e-3", "d\\_z", "t", "p", "t, by recording", "p, by recording"], lines)


def independence(estimators: Estimators) -> str:
    """Says what the tests take as independent."""
    run = next(run for run in estimators.values() if run is not None)
    assert run.samples is not None
    count, recordings = len(run.samples), len(set(run.samples.recordings))
    return (
        f"Negative: the first has the smaller error. t and p: over {count:,} keyframes as if they were independent, as "
        f"the paper tests. By recording: standard errors clustered by {recordings:,} recordings; the words above "
        f"follow these, at {LEVEL}. Recordings of one person may be alike, too, and each estimator was trained once: "
        "neither is in any p. They are not corrected for their number. The paper calls all its three differences "
        "significant; its text version lacks their numbers."
    )


def _in_order(run: Run | None) -> Samples | None:
    """Returns a run's samples in the order of their ids, which are the same for all runs on the same data."""
    if run is None or run.samples is None:
        return None
    order = np.argsort(run.samples.ids)
    return Samples(*(getattr(run.samples, each.name)[order] for each in fields(Samples)))


def _signed(value: torch.Tensor, decimals: int) -> str:
    return f"{float(value):+.{decimals}f}".replace("-", "−")


def _p_value(test: PairedTest, equals: str = "") -> str:
    value = float(test.p_value)
    return "<1e-300" if value < 1e-300 else f"{equals}{value:.3f}" if value >= 0.001 else f"{equals}{value:.1e}"
