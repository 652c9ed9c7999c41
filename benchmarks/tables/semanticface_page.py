"""The page of SemanticFace's tables 1 to 7, from the results files that `benchmarks.tables.semanticface` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.page import NONE, table
from benchmarks.tables.semanticface_significance import claim, compare, comparison_table, independence
from benchmarks.tables.semanticface_tables import (
    Estimators,
    ablation_table,
    channel_tables,
    defined,
    geometry_table,
    head_pose_table,
    main_table,
    printed,
    wild_table,
)
from kfzoo.errors import InputError
from kfzoo.evaluation.results import Results, find_runs
from kfzoo.files import replacing

ESTIMATORS: Final = {
    "A2": "vlm_estimator-builtin",
    "A1": "vlm_estimator-builtin_a1",
    "A0": "vlm_estimator-builtin_a0",
    "direct regressor": "image_regressor-builtin",
    "SBCA": "sbca-builtin",
    "DeadFace fixed": "mediapipe_landmarks-builtin",
    "DeadFace compat": "mediapipe_landmarks-builtin_compat",
    "mean face": "mean_face-builtin_rendered",
}
"""The rows and the names of their runs."""

WILD = "-wild"
COMMAND = "python -m benchmarks.tables.semanticface"
LEGEND: Final = """\
- A0, A1, A2: SemanticFace's degrees (a bare vector; names and values; an analysis before them). The direct regressor is
  not in the paper.
- MSE: mean over the 61 channels, then over keyframes. P-Cor to Deviation: mean over the 13 channels of the paper's
  appendix; a channel that is constant in answers or targets has no correlation and is left out of P-Cor and S-Cor.
  Acc.: both on or both off, from 0.5.
- R-Precision and MMD: in the learned evaluator's space; pools of 32, so that chance is 3.1, 6.3 and 9.4 %. MMD: of
  vectors at unit length, at most 2, as the paper defines it; not normalised: its printed 2.12 needs that.
- Invalid: keyframes without an answer, such as those in which no face was found; they are scored as the mean face of
  the training part.
- Bold: best estimator of a column. The results files hold intervals of all numbers."""


def write_page(out: Path) -> None:
    """Writes `semanticface.md`.

    Args:
        out: Folder of the page; the results are in its folders `runs` and, if it exists, `wild`.

    Raises:
        InputError: When there are no results of any estimator, when they were not scored on the same data by the same
            evaluator, and for a file that cannot be read or written.
    """
    estimators = read_estimators(out / "runs")
    tested = any((out / "wild").glob(f"*{WILD}/results.json"))
    wild = read_estimators(out / "wild", WILD) if tested else None
    with replacing(out / "semanticface.md") as path:
        path.write_text("\n\n".join(_parts(estimators, wild)) + "\n", encoding="utf-8")
    print(out / "semanticface.md")


def read_estimators(folder: Path, end: str = "") -> Estimators:
    """Reads the results of the estimators; those that are missing or of only a part are None.

    Raises:
        InputError: As `write_page`.
    """
    labels = {f"{name}{end}": label for label, name in ESTIMATORS.items()}
    runs = [each for each in find_runs(folder) if each.results.run in labels and each.results.status == "complete"]
    if not runs:
        problem = f"holds no results of SemanticFace's estimators (runs named like {next(iter(labels))})"
        raise InputError(folder, problem, f"run `{COMMAND}`")
    scored: dict[tuple[str | None, ...], list[str]] = {}
    for each in (run.results for run in runs):
        data = each.data
        scored.setdefault((data.fingerprint, data.split, data.part, each.evaluator), []).append(each.run)
    if len(scored) > 1:
        found = "; ".join(map(", ".join, scored.values()))
        problem = f"holds estimators that were not scored on the same data by the same evaluator ({found})"
        raise InputError(folder, problem, f"run `{COMMAND}` again")
    found_runs = {labels[each.results.run]: each for each in runs}
    return {label: found_runs.get(label) for label in ESTIMATORS}


def _parts(estimators: Estimators, wild: Estimators | None) -> list[str]:
    """The page, part by part."""
    sixth, seventh = channel_tables(estimators)
    found = compare(estimators)
    return [
        "# SemanticFace's tables, on rendered faces",
        "\n".join(_head(estimators)),
        f"How to read the tables:\n\n{LEGEND}",
        _runs(estimators),
        "## Table 1: test part",
        main_table(estimators),
        printed(1),
        "## Table 2: in the wild",
        *_wild(wild),
        printed(2),
        "## Table 3: degrees of semantics",
        ablation_table(estimators),
        printed(3),
        "## Table 4: paired t-tests on the MSE of each keyframe",
        comparison_table(found, estimators),
        claim(found),
        independence(estimators),
        "## Table 5: head pose",
        head_pose_table(estimators),
        printed(5),
        "## Table 6: channels of A2, the least MSE first",
        sixth,
        "## Table 7: the other channels",
        seventh,
        *_average(estimators),
        "## Not in the paper: correlation with the ground truth by channel, of estimators that read landmarks",
        geometry_table(estimators, wild),
    ]


def _head(estimators: Estimators) -> list[str]:
    known = [run.results for run in estimators.values() if run is not None]
    missing = [label for label, run in estimators.items() if run is None]
    landmarks = any(estimators[label] for label in ("SBCA", "DeadFace fixed", "DeadFace compat"))
    options = " --landmarker face_landmarker.task --facekit FOLDER" * landmarks
    return [
        f"- data: {_data(known[0])}",
        f"- hardware: {'; '.join(sorted({each.hardware for each in known}))}",
        f"- code: kfzoo {', '.join(sorted({each.version for each in known}))}, "
        f"commit {', '.join(sorted({_commit(each) for each in known}))} (`+`: with changes)",
        f"- command: `{COMMAND}{options}`; only this page: `{COMMAND} --page`",
        *([f"- no results, so no numbers below: {', '.join(missing)}"] if missing else []),
    ]


def _data(results: Results) -> str:
    """What was scored, and of whom."""
    data, source = results.data, ("data", "init_args", "source", "init_args")
    renderer = str(_setting(results.config, *source, "renderer", "class_path") or "").rpartition(".")[2]
    people = len(results.tables["subject"].rows) if "subject" in results.tables else 0
    return ", ".join(
        [
            f"{data.source}{f' by {renderer}' if renderer else ''}, {data.part} part",
            f"{results.count:,} keyframes{f' of {people} people' if people else ''}",
            f"fingerprint {_short(data.fingerprint)}",
            f"split {_short(data.split)}",
            f"evaluator {_short(results.evaluator)}",
        ]
    )


def _runs(estimators: Estimators) -> str:
    lines = []
    for label, run in estimators.items():
        if run is not None:
            found = run.results
            epochs = _setting(found.config, "trainer", "max_epochs")
            origin = [_short(found.checkpoint), *(NONE if each is None else str(each) for each in (found.seed, epochs))]
            lines.append([label, f"`{found.run}`", *origin, f"{found.seconds:.0f}"])
    return table(["", "Run", "Weights", "Seed", "Epochs", "Test, s"], lines)


def _wild(wild: Estimators | None) -> list[str]:
    if wild is None:
        return ["No results."]
    results = next(run.results for run in wild.values() if run is not None)
    return [
        "Images unlike those of the training, in rooms and lights, of the same held-out scripts: "
        f"{_data(results)}. The ground truth's row shows how well the evaluator works there. The ground truth is "
        "known, so that the table also has MSE and P-Cor, which the paper cannot give.",
        wild_table(wild),
    ]


def _average(estimators: Estimators) -> list[str]:
    run = estimators["A2"]
    if run is None:
        return []
    known, count = defined(run)
    return [
        f"A2 has a correlation in {known} of {count} channels; in the others its answers or the targets never change. "
        "Averages are over the channels that have a value."
    ]


def _commit(results: Results) -> str:
    """A commit as pages print it, with the mark of changes."""
    return _short(results.commit) + "+" * (results.commit or "").endswith("+")


def _short(digest: str | None) -> str:
    """The first digits of a hash."""
    return digest[:8] if digest else NONE


def _setting(config: Mapping[str, Any], *keys: str) -> Any:
    """A value of a nested configuration, or None."""
    value: Any = config
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
