"""The papers' tables are complete, and each claim of ours about them is recomputed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path

import pytest

from kfzoo.arkit.channels import CHANNELS, SUBSETS
from kfzoo.evaluation import papers
from kfzoo.evaluation.papers import PublishedTable, published, read_table, reference_rows
from kfzoo.evaluation.scores import METRICS
from tests.commandline import ROOT

ALL = published()
KF2, KF3, KF4, KF5 = ALL[:4]
SF1, SF2, SF3, SF4, SF5, SF6, SF7 = ALL[4:]
JOINED = {label: scores for label, source, scores in reference_rows() if source.startswith("KeyframeFace")}
CHANNEL_SCORES = {**SF6.rows, **{name: row for name, row in SF7.rows.items() if name != "Average"}}
COLUMN = {name: SF6.columns.index(name) for name in SF6.columns}
HALF = 0.5 + 1e-6
"""Half a unit of the last printed digit, and the slack of binary fractions."""


def mean(column: str, channels: tuple[str, ...], divisor: int | None = None) -> float:
    values = [CHANNEL_SCORES[name][COLUMN[column]] for name in channels]
    return sum(value for value in values if value is not None) / (divisor or len(channels))


# The files


def test_every_table_of_results_is_there_and_no_other_file() -> None:
    assert [table.source for table in ALL] == [
        *(f"KeyframeFace, table {number}" for number in range(2, 6)),
        *(f"SemanticFace, table {number}" for number in range(1, 8)),
    ]
    names = {path.name for path in Path(papers.__file__).parent.glob("*.json")}
    assert names == {f"{table.paper.lower()}_{table.table}.json" for table in ALL}


@pytest.mark.parametrize(
    ("table", "shape"),
    [
        (KF2, (9, 4)), (KF3, (8, 7)), (KF4, (35, 2)), (KF5, (18, 2)), (SF1, (4, 10)), (SF2, (2, 4)), (SF3, (3, 4)),
        (SF4, (3, 3)), (SF5, (6, 4)), (SF6, (31, 4)), (SF7, (31, 4)),
    ],
    ids=lambda value: value.source if isinstance(value, PublishedTable) else "",
)  # fmt: skip
def test_sizes(table: PublishedTable, shape: tuple[int, int]) -> None:
    assert (len(table.rows), len(table.columns)) == shape
    assert {len(values) for values in table.rows.values()} == {shape[1]}
    assert table.title
    assert table.note


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.source)
def test_a_file_names_no_row_twice(table: PublishedTable) -> None:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))
        return dict(pairs)

    path = Path(papers.__file__).with_name(f"{table.paper.lower()}_{table.table}.json")
    content = json.loads(path.read_text(), object_pairs_hook=unique)
    assert list(content) == ["paper", "table", "title", "notes", "columns", "rows"]


def test_numbers_are_finite_and_gaps_are_only_where_the_papers_leave_them() -> None:
    gaps = {}
    for table in ALL:
        for name, values in table.rows.items():
            assert all(value is None or math.isfinite(value) for value in values)
            if None in values:
                gaps[table.source, name] = [c for c, v in zip(table.columns, values, strict=True) if v is None]
    ranking = ["r_precision_1", "r_precision_2", "r_precision_3", "mmd"]
    constant = ("MouthRight", "TongueOut", "LeftEyeRoll", "RightEyeRoll")
    assert gaps == {
        ("SemanticFace, table 1", "SBCA"): ranking,
        **{("SemanticFace, table 4", name): list(SF4.columns) for name in ("A1 vs A0", "A2 vs A1", "A2 vs A0")},
        **{("SemanticFace, table 6", name): ["pearson", "spearman"] for name in constant},
    }


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.source)
def test_ranges(table: PublishedTable) -> None:
    for name in table.rows:
        scores = table.scores(name)
        for column, value in scores.items():
            if column.endswith(("pearson", "spearman")):
                assert -1 <= value <= 1
            elif column.startswith("r_precision") or column.endswith("accuracy"):
                assert 0 <= value <= 1
            else:
                assert value >= 0
        ranks = [scores[key] for key in ("r_precision_1", "r_precision_2", "r_precision_3") if key in scores]
        assert all(low < high for low, high in pairwise(ranks))


def test_reading_is_light_and_happens_on_demand() -> None:
    code = (
        "import sys; import kfzoo.evaluation.papers as p; assert 'torch' not in sys.modules;"
        "assert not any(isinstance(value, p.PublishedTable) for value in vars(p).values());"
        "assert len(p.published()) == 11"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# KeyframeFace


def test_table_4_is_sorted_by_mae_and_lacks_one_of_36_configurations() -> None:
    models, annotations = ("qwen3-4b", "qwen3-14b", "deepseek"), ("original", "ARKit", "Image")
    choices = (("Base", "Tuned"), models, annotations, ("semantic", "non-semantic"))
    claimed = {"-".join(parts) for parts in product(*choices)}
    assert len(claimed) == 36
    assert set(KF4.rows) < claimed
    (missing,) = claimed - set(KF4.rows)
    assert missing == "Base-deepseek-Image-non-semantic"
    assert missing in KF4.note
    mae = [KF4.scores(name)["mae"] for name in KF4.rows]
    assert mae == sorted(mae, reverse=True)  # the worst first


def test_table_2_is_tables_4_and_5_rounded() -> None:
    models = {
        "Qwen3-4B-Instruct-2507": ("qwen3-4b", "Qwen3-4B"),
        "Qwen3-14B": ("qwen3-14b", "Qwen3-14B"),
        "DeepSeek-R1-Distill-Qwen-14B": ("deepseek", "DeepSeek"),
    }
    annotations = {"Original": "original", "Image-based": "Image", "ARKit-based": "ARKit"}
    assert set(KF2.rows) == {f"{model}, {annotation}" for model, annotation in product(models, annotations)}
    for name in KF2.rows:
        model, annotation = name.split(", ")
        short, long = models[model]
        data_type = "original" if annotation == "Original" else annotation
        exact = KF4.scores(f"Tuned-{short}-{annotations[annotation]}-semantic") | KF5.scores(f"{long}, {data_type}")
        for column, value in KF2.scores(name).items():
            assert value == pytest.approx(exact[column], abs=HALF * 1e-5), (name, column)


def test_table_3_is_joined_with_the_errors_of_the_same_configuration() -> None:
    assert {name for name, scores in JOINED.items() if "mse" not in scores} == {"GT-test", "Express4D-MDM"}
    assert JOINED["Base-non-semantic-4B"]["mse"] == 0.103033
    assert JOINED["Tuned-semantic-4B"]["mse"] == 0.007245
    printed = KF3.scores("Tuned-semantic-14B")
    assert printed["fid"] == 0.0599
    assert JOINED["Tuned-semantic-14B"] == {**printed, "mse": 0.006906, "mae": 0.038765}


def test_fid_and_w_dist_are_of_raw_coefficients() -> None:
    # Pairing each sample with its ground truth is one transport plan, so it costs no less than the best: the squared
    # distance of the fitted Gaussians is at most the mean squared distance of the pairs, 61 · MSE, and a channel's W1
    # at most its MAE. Distances of embeddings, or sums over channels, would not keep to this.
    pairs = [scores for scores in JOINED.values() if "mse" in scores]
    assert len(pairs) == 6
    for scores in pairs:
        assert scores["fid"] <= 61 * scores["mse"]
        assert scores["w_dist"] <= scores["mae"]
        assert 61 * scores["w_dist"] > scores["mae"]  # so W-Dist is a mean over channels, not their sum
    # Their reference is not the test split, whose own distance would be 0.
    assert min(KF3.scores("GT-test")[name] for name in ("fid", "w_dist")) > 0


def test_diversity_of_the_ground_truth_bounds_what_a_constant_face_scores() -> None:
    # For two independent samples E‖x - y‖² = 2 · (sum of variances), and E‖x - y‖ ≤ sqrt(E‖x - y‖²). So the variance,
    # averaged over channels, is at least diversity² / (2 · 61). It is the MSE of the best constant face there is.
    diversity = KF3.scores("GT-test")["diversity"]
    assert diversity == 1.11
    least = (diversity - HALF * 0.01) ** 2 / (2 * 61)
    assert least >= 0.010
    surely_better = {name for name in KF4.rows if KF4.scores(name)["mse"] < least}
    assert surely_better == {"Tuned-qwen3-4b-ARKit-semantic", "Tuned-qwen3-14b-ARKit-semantic"}


def test_untuned_vectors_retrieve_at_chance_in_pools_of_32() -> None:
    scores = KF3.scores("Base-non-semantic-4B")
    for k in (1, 2, 3):
        assert scores[f"r_precision_{k}"] == pytest.approx(k / 32, abs=0.005)


# SemanticFace


def test_tables_6_and_7_hold_each_channel_once_sorted_by_error() -> None:
    assert sorted(CHANNEL_SCORES) == sorted(CHANNELS)
    assert len(SF6.rows) + len(SF7.rows) == len(CHANNELS) + 1
    msd = [row[COLUMN["msd"]] for row in CHANNEL_SCORES.values()]
    assert msd == sorted(msd, key=lambda value: value or 0.0)


def test_table_1_is_the_mean_over_14_channels() -> None:
    expected = {"pearson": 0.7050, "spearman": 0.6333, "msd": 0.0060, "deviation": 0.0555}
    ours = SF1.scores("Ours")
    for column, value in expected.items():
        assert round(mean(column, SUBSETS["sf14"]), 4) == value
        # Each of the 14 is rounded to half a digit, so their mean is known as well as that; the print is rounded again.
        assert ours[f"sf14_{column}"] == pytest.approx(mean(column, SUBSETS["sf14"]), abs=2 * HALF * 1e-4)


def test_the_13_channels_that_are_listed_give_other_numbers() -> None:
    expected = {"pearson": 0.7595, "spearman": 0.6822, "msd": 0.0065, "deviation": 0.0591}
    assert {column: round(mean(column, SUBSETS["sf13"]), 4) for column in expected} == expected
    assert all(SF1.scores("Ours")[f"sf14_{column}"] != value for column, value in expected.items())


def test_no_other_channel_than_mouth_left_makes_the_14() -> None:
    ours = SF1.scores("Ours")
    fitting = [
        name
        for name in CHANNELS
        if name not in SUBSETS["sf13"]
        and all(
            ours[f"sf14_{column}"] == pytest.approx(mean(column, (*SUBSETS["sf13"], name)), abs=2 * HALF * 1e-4)
            for column in COLUMN
        )
    ]
    assert fitting == ["MouthLeft"]


def test_the_average_row_divides_by_57_channels() -> None:
    average = SF7.scores("Average")
    with_correlation = [name for name, row in CHANNEL_SCORES.items() if None not in row]
    assert len(with_correlation) == 57
    for column, value in average.items():
        assert round(mean(column, CHANNELS, 57), 4) == value
        assert round(mean(column, CHANNELS), 4) != value


def test_the_mse_of_table_1_divides_by_61_channels() -> None:
    assert round(mean("msd", CHANNELS), 4) == SF1.scores("Ours")["mse"] == 0.0034
    assert SF3.scores("A2(Ours)")["mse"] == pytest.approx(mean("msd", CHANNELS), abs=HALF * 1e-4)
    # The ablation is in the same unit.
    assert [SF3.scores(name)["mse"] for name in SF3.rows] == pytest.approx([0.0034] * 3, rel=0.1)


def test_head_pose_is_the_same_in_tables_5_to_7() -> None:
    assert SF5.columns != SF7.columns
    for name in ("HeadYaw", "HeadPitch", "HeadRoll"):
        assert SF5.scores(f"{name} (Ours)") == SF7.scores(name)


def test_mmd_of_table_1_is_no_distance_of_unit_vectors() -> None:
    farthest = 2.0  # ‖a - b‖ ≤ ‖a‖ + ‖b‖
    beyond = [(t.source, name) for t in (KF3, SF1, SF2) for name in t.rows if t.scores(name).get("mmd", 0) > farthest]
    assert beyond == [("SemanticFace, table 1", "DeadFace")]
    assert SF1.scores("DeadFace")["mmd"] == 2.12


# Rows for a leaderboard


def test_reference_rows_have_the_keys_of_metrics() -> None:
    rows = reference_rows()
    assert all(scores and set(scores) <= set(METRICS) for _, _, scores in rows)
    assert [label for label, source, _ in rows if source.startswith("KeyframeFace")] == list(KF3.rows)
    joined = {label for label, source, _ in rows if source == "KeyframeFace, tables 3 and 4"}
    assert joined == set(KF3.rows) - {"GT-test", "Express4D-MDM"}
    assert [(label, source) for label, source, _ in rows[len(KF3.rows) :]] == [
        *((label, "SemanticFace, table 1") for label in ("GT-test", "DeadFace", "SBCA (quoted)", "SemanticFace")),
        *((f"{label} (in the wild)", "SemanticFace, table 2") for label in ("DeadFace", "SemanticFace")),
    ]


def test_one_table_can_be_read_by_itself() -> None:
    assert read_table("SemanticFace", 3) == SF3
    assert SF3.rows["A2(Ours)"] == (0.00334, 0.00312, 0.00149, 0.00525)
