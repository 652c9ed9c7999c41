"""What all renderings of the leaderboard say alike: numbers as text, and the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kfzoo.evaluation.leaderboard.boards import Board
from kfzoo.evaluation.leaderboard.significance import LEVEL, Comparison
from kfzoo.evaluation.scores import METRICS, Score

NONE = "–"
NOT_COMPARABLE = "other data and evaluator: not comparable"
"""Of the papers' own numbers."""

DESCRIPTIONS = {
    "mse": "squared error, mean over the 61 channels and then over samples. Tables are ranked by it.",
    "mae": "absolute error, mean over channels and samples.",
    "fid": "Fréchet distance between the raw coefficients and those of the training split.",
    "w_dist": "1-Wasserstein distance to the training split's coefficients, mean over channels.",
    "diversity": "mean distance between two answers. Best is nearest to the ground truth's own, not most.",
    "r_precision_1": "R-Precision: share of conditions whose own face is the nearest of a pool of 32 in the learned "
    "evaluator's space. Chance: 1/32, 3.1 %.",
    "r_precision_2": "the same, among the two nearest. Chance: 6.3 %.",
    "r_precision_3": "the same, among the three nearest. Chance: 9.4 %.",
    "mmd": "multimodal distance: mean distance between a condition and its answer, both at unit length in the learned "
    "evaluator's space; at most 2.",
    "sf13_pearson": "mean correlation with the ground truth over the 13 channels of SemanticFace's appendix. Channels "
    "without variance are left out.",
    "detection_f1": "channels taken as on from 0.5, in answer and ground truth; micro average over channels.",
}
"""What each column holds, by metric."""


TERMS = {
    "Brackets": "95 % interval: bootstrap over scripts; for R-Precision, over its shuffles of the pools.",
    "p, d_z": "two-sided t-test on the MSE of the same samples, clustered by recording, and Cohen's effect size; "
    "negative: the model is better. Wilcoxon: signed-rank test over samples, as if they were independent. p-values are "
    "not corrected for the number of rows.",
    "†": f"not told from the best model: clustered p ≥ {LEVEL}.",
    "‡": "not shown to be better than the mean face of the training split: its MSE is not lower, or clustered "
    f"p ≥ {LEVEL}.",
    "References": "ground truth: the target itself; chance: the targets shuffled among the samples; mean face: of the "
    "training split; zero face: at rest.",
    "Invalid": "samples without a valid answer; they are scored as the mean face.",
}
"""What else is to be known to read the tables."""


def title(name: str) -> str:
    """A column's title with its direction."""
    return f"{METRICS[name].label} {METRICS[name].arrow}"


def number(scores: Mapping[str, Score], name: str) -> str:
    """A score's value, or a dash where the results have none."""
    return f"{scores[name].value:.{METRICS[name].decimals}f}" if name in scores else NONE


def interval(scores: Mapping[str, Score], name: str) -> str:
    """A score's interval in brackets, or nothing where it has none."""
    ends = scores[name].interval if name in scores else None
    return "" if ends is None else "[{:.{d}f}, {:.{d}f}]".format(*ends, d=METRICS[name].decimals)


def published(scores: Mapping[str, float], name: str) -> str:
    """A paper's number, without digits that it did not print."""
    if name not in scores:
        return NONE
    return min(f"{scores[name]:g}", f"{scores[name]:.{METRICS[name].decimals}f}", key=len)


def p_value(value: float) -> str:
    """A p-value; very small ones as a bound."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def signed(value: float, decimals: int) -> str:
    """A difference, with a minus as long as its plus."""
    return f"{value:+.{decimals}f}".replace("-", "−")


def test_of(comparison: Comparison | None) -> tuple[str, str, str]:
    """A comparison's clustered p-value, effect size and Wilcoxon p-value; dashes where no test was made."""
    if comparison is None:
        return NONE, NONE, NONE
    return p_value(comparison.p_value), signed(comparison.effect_size, 2), p_value(comparison.wilcoxon)


def clustering(board: Board) -> str:
    """How a board's tests were made, or why there are none."""
    if board.untested:
        return f"No test of significance: {board.untested}."
    return f"Paired tests on the MSE of each sample, clustered by recording ({board.recordings} recordings)."


def legend(shown: Sequence[Board]) -> list[tuple[str, str]]:
    """Terms and what they mean, for the columns that the boards have."""
    names = [name for name in DESCRIPTIONS if any(name in board.metrics for board in shown)]
    return [
        ("↓ ↑ →", "lower is better; higher is better; nearer to the ground truth's value is better. Bold: best model."),
        *((title(name), DESCRIPTIONS[name]) for name in names),
        *TERMS.items(),
    ]
