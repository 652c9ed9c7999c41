"""From results to boards: which runs are compared, their order, what is best and which differences are significant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby

import numpy as np

from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard.significance import Comparison, compare
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.samples import Samples
from kfzoo.evaluation.scores import ALL_METRICS, Score

R_PRECISION = ("r_precision_1", "r_precision_2", "r_precision_3", "mmd")


@dataclass(frozen=True)
class Kind:
    """What the samples of a board are.

    Attributes:
        unit: Their name in the plural.
        metrics: The columns, as far as a board's results have them; the results files hold all. Rows are ranked by the
            first.
    """

    unit: str
    metrics: tuple[str, ...]

    @property
    def ranked_by(self) -> str:
        """The metric that orders the rows; lower is better."""
        return self.metrics[0]


KEYFRAMES = Kind(
    "keyframes", ("mse", "mae", "fid", "w_dist", "diversity", *R_PRECISION, "sf13_pearson", "detection_f1")
)
CLIPS = Kind("clips", ("fid_frames", "speed_ratio", "jerk_ratio", "static_share", *R_PRECISION))

NOT_LISTED = {
    "partial": "only a part of the split was scored",
    "no ground truth": "the data has no ground truth to compare with",
}


@dataclass(frozen=True)
class Entry:
    """A model's row.

    Attributes:
        results: What the row shows.
        best: Metrics in which no other model of the board is better.
        against_best: Its errors against those of the board's first row; None in that row, and where no test is
            possible.
        against_mean_face: Its errors against the mean face's; None where no test is possible.
    """

    results: Results
    best: frozenset[str]
    against_best: Comparison | None
    against_mean_face: Comparison | None

    @property
    def marker(self) -> str:
        """`†` if not significantly different from the best row, `‡` if not significantly better than the mean face."""
        like_best = self.against_best is not None and not self.against_best.different
        not_better = self.against_mean_face is not None and not self.against_mean_face.better
        return "†" * like_best + "‡" * not_better


@dataclass(frozen=True)
class Board:
    """One table: rows that were scored on the same samples, with the same evaluator.

    Attributes:
        kind: What the samples are.
        entries: The models, best first; at least one.
        metrics: Names of the columns.
        recordings: Number of recordings that the samples come from, where that is known.
        untested: Why no test of significance is possible; empty where tests were made.
    """

    kind: Kind
    entries: tuple[Entry, ...]
    metrics: tuple[str, ...]
    recordings: int | None
    untested: str

    @property
    def shared(self) -> Results:
        """Any of the board's results: for what they have in common."""
        return self.entries[0].results

    @property
    def references(self) -> Mapping[str, Mapping[str, Score]]:
        """The reference rows; they depend on the data alone, so that every file of the board holds the same."""
        return self.shared.references

    @property
    def heading(self) -> str:
        """What was scored, in one line."""
        data, evaluator = self.shared.data, self.shared.evaluator
        samples = f"{data.source}, {data.part}: {self.shared.count:,} {self.kind.unit}"
        suffix = f", evaluator {short(evaluator)}" if evaluator else ""
        return f"{samples}, data {short(data.fingerprint)}, split {short(data.split)}{suffix}"


def short(digest: str | None) -> str:
    """The first digits of a hash, as tables print it; a dash where there is none."""
    return digest[:8] if digest else "–"


def as_runs(results: Sequence[Run | Results]) -> list[Run]:
    """Results without their samples become runs without samples."""
    return [each if isinstance(each, Run) else Run(each) for each in results]


def boards(results: Sequence[Run | Results]) -> list[Board]:
    """Groups complete results into boards.

    Args:
        results: In any order; where the samples are missing no significance is tested.

    Returns:
        In the order of source, size of the test part, the largest first, and the rest of what rows must share.

    Raises:
        InputError: When a complete result lacks the metric that orders the rows, or runs of one board have other
            samples than the first.
    """
    runs = sorted((run for run in as_runs(results) if run.results.status == "complete"), key=_shared)
    return [_board(list(group)) for _, group in groupby(runs, key=_shared)]


def comparable(runs: Sequence[Run]) -> tuple[list[Run], list[InputError]]:
    """Leaves out the runs that make a board impossible.

    Args:
        runs: In any order.

    Returns:
        The rest, and what is wrong with each that is left out: complete results without the metric that orders the
        rows, or with other samples than most runs on the same data.
    """
    kept, faults = [], []
    complete = sorted((run for run in runs if run.results.status == "complete"), key=_shared)
    for _, group in groupby(complete, key=_shared):
        ranked = []
        for run in group:
            try:
                _rank(run)
                ranked.append(run)
            except InputError as error:
                faults.append(error)
        ids = [None if run.samples is None else tuple(sorted(run.samples.ids.tolist())) for run in ranked]
        usual = next(iter(Counter(each for each in ids if each is not None).most_common(1)), (None, 0))[0]
        for run, own in zip(ranked, ids, strict=True):
            if own is None or own == usual:
                kept.append(run)
            else:
                odd = min(set(own).symmetric_difference(usual or ()), default="a sample twice")
                problem = f"are not those of the other runs on the same data ('{odd}' first)"
                faults.append(InputError(f"samples of run '{run.results.run}'", problem, "run `test` again"))
    return [*kept, *(run for run in runs if run.results.status != "complete")], faults


def not_listed(results: Sequence[Run | Results]) -> list[str]:
    """One sentence for each reason why runs are in no table."""
    sentences = []
    for status, reason in NOT_LISTED.items():
        names = sorted(run.results.run for run in as_runs(results) if run.results.status == status)
        if names:
            sentences.append(f"Not listed, because {reason}: {', '.join(names)}.")
    return sentences


def _shared(run: Run) -> tuple[str, int, str, str, str, str, str]:
    """What rows of one board have in common; it sorts the largest test of a source to the front."""
    results, data = run.results, run.results.data
    same = (data.fingerprint, data.split, data.part, _kind(results).unit, results.evaluator or "")
    return (data.source, -results.count, *same)


def _kind(results: Results) -> Kind:
    return CLIPS if CLIPS.ranked_by in results.scores else KEYFRAMES


def _rank(run: Run) -> tuple[float, str, str, str, str, str]:
    results, ranked_by = run.results, _kind(run.results).ranked_by
    if ranked_by not in results.scores:
        raise InputError(f"results of run '{results.run}'", f"lack the metric '{ranked_by}'", "run `test` again")
    names = (results.run, results.model, results.data.annotation, results.created, results.checkpoint or "")
    return (results.scores[ranked_by].value, *names)


def _board(runs: Sequence[Run]) -> Board:
    ranked = sorted(runs, key=_rank)
    results = [run.results for run in ranked]
    kind = _kind(results[0])
    metrics = tuple(name for name in kind.metrics if any(name in each.scores for each in results))
    best = {name: _best(name, results) for name in metrics}
    samples = _aligned(ranked)
    recordings = len(np.unique(samples[0].recordings)) if samples else None
    untested = ""
    if kind is CLIPS:
        untested = "clips are compared as sets, not one by one"
    elif recordings is None:
        untested = "the errors of each sample were not read"
    elif recordings < 2:
        untested = "the samples come from fewer than two recordings"
    entries = []
    for position, each in enumerate(results):
        against_best = against_mean_face = None
        if samples and not untested:
            own = samples[position]
            against_best = compare(own.mse, samples[0].mse, own.recordings) if position else None
            against_mean_face = compare(own.mse, own.mean_face_mse, own.recordings)
        names = frozenset(name for name in metrics if position in best[name])
        entries.append(Entry(each, names, against_best, against_mean_face))
    return Board(kind, tuple(entries), metrics, recordings, untested)


def _best(name: str, results: Sequence[Results]) -> set[int]:
    """Positions of the results that are best in a metric."""
    values = {position: each.scores[name].value for position, each in enumerate(results) if name in each.scores}
    better = ALL_METRICS[name].better
    if better == "target":
        target = results[0].references.get("ground_truth", {}).get(name)
        if target is None:
            return set()
        values = {position: abs(value - target.value) for position, value in values.items()}
    bound = max(values.values()) if better == "high" else min(values.values())
    return {position for position, value in values.items() if value == bound}


def _aligned(runs: Sequence[Run]) -> list[Samples] | None:
    """The samples of all runs in one order, or None where some were not read."""
    aligned = []
    for run in runs:
        if run.samples is None:
            return None
        order = np.argsort(run.samples.ids)
        aligned.append(Samples(*(getattr(run.samples, each.name)[order] for each in fields(Samples))))
        if not np.array_equal(aligned[-1].ids, aligned[0].ids):
            odd = sorted(set(aligned[-1].ids.tolist()) ^ set(aligned[0].ids.tolist()))
            raise InputError(
                f"samples of run '{run.results.run}'",
                f"are not those of run '{runs[0].results.run}' on the same data ({len(odd)} differ, '{odd[0]}' first)",
                "run `test` again for both",
            )
    return aligned
