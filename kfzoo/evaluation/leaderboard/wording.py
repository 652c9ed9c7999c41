"""The words that all renderings of the leaderboard share: numbers as text, and the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kfzoo.evaluation.leaderboard.boards import Board
from kfzoo.evaluation.leaderboard.significance import LEVEL, Comparison
from kfzoo.evaluation.scores import ALL_METRICS, Score

NONE = "–"
NOT_COMPARABLE = "other data and evaluator: not comparable"
"""Of the papers' own numbers."""

DESCRIPTIONS = {
    "mse": "squared error, mean over the 61 channels and then over samples. Tables are ranked by it.",
    "mae": "absolute error, mean over channels and samples.",
    "fid": "Fréchet distance between the raw coefficients and those of the training split.",
    "w_dist": "1-Wasserstein distance to the training split's coefficients, mean over channels.",
    "diversity": "mean distance between two predictions. The value nearest to the ground truth's is best.",
    "fid_frames": "Fréchet distance between all frames, as vectors of coefficients, and those of the training split. "
    "Tables of clips are ranked by it.",
    "speed_ratio": "mean speed of the generated clips over that of the ground truth.",
    "jerk_ratio": "the same of the jerk, the third derivative in time: above 1, motion trembles.",
    "static_share": "share of clips with at most a tenth of the ground truth's mean speed.",
    "r_precision_1": "R-Precision: share of conditions whose own face is the nearest of a pool of 32 in the learned "
    "evaluator's space. Chance: 1/32, 3.1 %.",
    "r_precision_2": "the same, among the two nearest. Chance: 6.3 %.",
    "r_precision_3": "the same, among the three nearest. Chance: 9.4 %.",
    "mmd": "multimodal distance: mean distance between a condition and its prediction, both of unit length in the "
    "learned evaluator's space; at most 2.",
    "sf13_pearson": "mean correlation with the ground truth over the 13 channels of SemanticFace's appendix. Channels "
    "without variance are left out.",
    "detection_f1": "channels count as active from 0.5, in prediction and ground truth; micro average over channels.",
}
"""What each column holds, by metric."""

MARKERS = {
    "†": "not significantly different from the best model",
    "‡": "not significantly better than the mean face",
}

TERMS = {
    "Brackets": "95 % interval: bootstrap over scripts; for R-Precision, over its shuffles of the pools.",
    "p, d_z": "two-sided t-test on the MSE of the same samples, clustered by recording, and Cohen's effect size; "
    "negative: the model is better. Wilcoxon: signed-rank test over samples, as if they were independent. p-values are "
    "not corrected for the number of rows.",
    "†": f"{MARKERS['†']}: clustered p ≥ {LEVEL}.",
    "‡": f"{MARKERS['‡']} of the training split: its MSE is not lower, or clustered p ≥ {LEVEL}.",
    "References": "ground truth: the target itself; chance: the targets shuffled among the samples; mean face: of the "
    "training split; zero face: all coefficients 0.",
    "Invalid": "samples without a valid prediction; they are scored as the mean face.",
}
"""What else a reader of the tables needs to know."""


def title(name: str) -> str:
    """A column's title with its direction."""
    return f"{ALL_METRICS[name].label} {ALL_METRICS[name].arrow}"


def printable(text: str) -> str:
    """Text without the characters that control a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def number(scores: Mapping[str, Score], name: str) -> str:
    """A score's value, or a dash where the results have none."""
    return f"{scores[name].value:.{ALL_METRICS[name].decimals}f}" if name in scores else NONE


def interval(scores: Mapping[str, Score], name: str) -> str:
    """A score's interval in brackets, or nothing where it has none."""
    ends = scores[name].interval if name in scores else None
    return "" if ends is None else "[{:.{d}f}, {:.{d}f}]".format(*ends, d=ALL_METRICS[name].decimals)


def published(scores: Mapping[str, float], name: str) -> str:
    """A paper's number, without digits that it did not print."""
    if name not in scores:
        return NONE
    return min(f"{scores[name]:g}", f"{scores[name]:.{ALL_METRICS[name].decimals}f}", key=len)


def signed(value: float, decimals: int) -> str:
    """A difference, with a minus sign as wide as the plus sign."""
    return f"{value:+.{decimals}f}".replace("-", "−")


def test_of(comparison: Comparison | None) -> tuple[str, str, str]:
    """A comparison's clustered p-value, effect size and Wilcoxon p-value; dashes without a test."""
    if comparison is None:
        return NONE, NONE, NONE
    values = (comparison.p_value, comparison.wilcoxon)
    p_value, wilcoxon = ("<0.001" if value < 0.001 else f"{value:.3f}" for value in values)
    return p_value, signed(comparison.effect_size, 2), wilcoxon


def sentence(comparison: Comparison) -> str:
    """A comparison in one line."""
    p_value, effect_size, wilcoxon = test_of(comparison)
    difference = signed(comparison.difference, ALL_METRICS["mse"].decimals)
    return f"difference {difference}, d_z {effect_size}; clustered p {p_value}, Wilcoxon p {wilcoxon}"


def clustering(board: Board) -> str:
    """How a board's tests were made, or why there are none."""
    if board.untested:
        return f"No test of significance: {board.untested}."
    return f"Paired tests on the MSE of each sample, clustered by recording ({board.recordings} recordings)."


def legend(shown: Sequence[Board]) -> list[tuple[str, str]]:
    """Terms and what they mean, for the columns that the boards have."""
    names = [name for name in DESCRIPTIONS if any(name in board.metrics for board in shown)]
    return [
        (
            "↓ ↑ →",
            "lower is better; higher is better; nearer to the ground truth's value is better. Bold: best model.",
        ),
        *((title(name), DESCRIPTIONS[name]) for name in names),
        *TERMS.items(),
    ]
