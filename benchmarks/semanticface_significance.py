"""SemanticFace's table 4: does A2 err less than A1, and A1 less than A0, or is it chance; and the direct regressor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch

from benchmarks.report import table
from benchmarks.semanticface_page import Estimators
from kfzoo.evaluation.leaderboard.significance import LEVEL
from kfzoo.evaluation.leaderboard.wording import NONE, signed
from kfzoo.evaluation.results import Run
from kfzoo.evaluation.samples import Samples
from kfzoo.metrics.functional.paired import PairedTest, paired_t_test

CLAIM: Final = (("A1", "A0"), ("A2", "A1"), ("A2", "A0"))
"""SemanticFace's table 4: the first of each pair is said to err less."""

RIVAL: Final = "direct regressor"
PAIRS: Final = (*CLAIM, *((label, RIVAL) for label in ("A0", "A1", "A2")))


@dataclass(frozen=True)
class Duel:
    """The errors of two estimators on the same keyframes.

    Attributes:
        first: Label of one.
        second: Label of the other.
        plain: As if keyframes were independent, as the paper tests.
        clustered: By clip.
    """

    first: str
    second: str
    plain: PairedTest
    clustered: PairedTest

    @property
    def verdict(self) -> str:
        """What the clustered test says of the first."""
        if float(self.clustered.p_value) >= LEVEL:
            return "is not told from"
        return "errs less than" if float(self.clustered.difference) < 0 else "errs more than"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        second = f"the {RIVAL}" if self.second == RIVAL else self.second
        return f"{self.first} {self.verdict} {second} (p {_p_value(self.clustered, '= ')})"


def duels(estimators: Estimators) -> list[Duel]:
    """Tests the pairs of `PAIRS` that have results, if there are two recordings."""
    made = []
    for first, second in PAIRS:
        ours, theirs = _in_order(estimators[first]), _in_order(estimators[second])
        if ours is None or theirs is None or len(set(ours.recordings)) < 2:
            continue
        pair = torch.from_numpy(ours.mse), torch.from_numpy(theirs.mse)
        clusters = torch.from_numpy(np.unique(ours.recordings, return_inverse=True)[1])
        made.append(Duel(first, second, paired_t_test(*pair), paired_t_test(*pair, clusters)))
    return made


def claim(found: Sequence[Duel]) -> str:
    """Says whether SemanticFace's order of A0, A1 and A2 is seen here, and how the direct regressor compares."""
    stated = [duel for duel in found if (duel.first, duel.second) in CLAIM]
    others = [duel for duel in found if duel not in stated]
    text = "SemanticFace's claim, that A2 errs less than A1 and A1 less than A0,"
    if len(stated) < len(CLAIM):
        text += " **cannot be judged**: results are missing, or there are fewer than two recordings."
    else:
        held = sum(duel.verdict == "errs less than" for duel in stated)
        word = "does not hold" if not held else "holds in part" if held < len(CLAIM) else "holds"
        text += f" **{word}** here: {'; '.join(duel.sentence for duel in stated)}."
    return " ".join([text, *(f"{duel.sentence}." for duel in others)])


def duel_table(found: Sequence[Duel], estimators: Estimators) -> str:
    """Table 4: difference, effect size, and both tests of each pair."""
    made = {(duel.first, duel.second): duel for duel in found}
    lines = []
    for pair in PAIRS:
        name = f"{pair[0]} vs {pair[1]}"
        if pair in made:
            plain, clustered = made[pair].plain, made[pair].clustered
            both = [cell for test in (plain, clustered) for cell in (signed(float(test.statistic), 2), _p_value(test))]
            sizes = [signed(1e3 * float(plain.difference), 3), signed(float(plain.effect_size), 3)]
            lines.append([name, *sizes, *both])
        else:
            missing = [label for label in pair if estimators[label] is None]
            lines.append([f"{name} (no results of {', '.join(missing)})" if missing else name, *[NONE] * 6])
    return table(["", "Difference, 1e-3", "d\\_z", "t", "p", "t, by clip", "p, by clip"], lines)


def independence(estimators: Estimators) -> str:
    """Says what the tests take as independent."""
    run = next(run for run in estimators.values() if run is not None)
    assert run.samples is not None
    count, recordings = len(run.samples), len(set(run.samples.recordings))
    return (
        f"Negative: the first errs less. t and p: over {count:,} keyframes as if they were independent, as the paper "
        f"tests. By recording: standard errors clustered by {recordings:,} recordings; the words above follow "
        f"these, at {LEVEL}. Clips of one person may be alike, too, and each estimator was trained once: neither is in "
        "any p. They are not corrected for their number. The paper calls all its three differences significant; its text version lacks "
        "their numbers."
    )


def _in_order(run: Run | None) -> Samples | None:
    """A run's samples in the order of their ids; `boards` saw to it that they are the same for all."""
    if run is None or run.samples is None:
        return None
    order = np.argsort(run.samples.ids)
    return Samples(*(getattr(run.samples, each.name)[order] for each in fields(Samples)))


def _p_value(test: PairedTest, equals: str = "") -> str:
    value = float(test.p_value)
    return "<1e-300" if value < 1e-300 else f"{equals}{value:.3f}" if value >= 0.001 else f"{equals}{value:.1e}"
