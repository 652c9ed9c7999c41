"""KeyframeFace's 36 configurations: their names, sizes and settings, and a row on its way to the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.tables.llm_configurations import CONFIGS, ROWS, Row, main
from kfzoo.configs import read_config
from kfzoo.evaluation.papers import published
from kfzoo.evaluation.results import find_runs
from kfzoo.language_models.lora import add_lora, lora_config
from tests.commandline import ROOT
from tests.language_models.helpers import meta_language_model

FOLDER = ROOT / "configs" / "llm_generator"


def settings(config: str) -> dict[str, Any]:
    found: dict[str, Any] = read_config(FOLDER / f"{config}.yaml")["model"]["init_args"]
    return found


def test_the_rows_are_those_of_the_papers_table() -> None:
    (table,) = [each for each in published() if (each.paper, each.table) == ("KeyframeFace", 4)]
    names = {row.name for row in ROWS if row.model != "smollm2"}
    assert len(names) == 36
    assert names - set(table.rows) == {"Base-deepseek-Image-non-semantic"}
    assert len(set(table.rows) - names) == 0
    assert len({row.name for row in ROWS}) == len(ROWS) == 48


@pytest.mark.parametrize(
    ("config", "trained", "total"),
    [
        ("paper_qwen3_4b", 16_515_072, 4_038_983_168),
        ("paper_qwen3_14b", 32_112_640, 14_800_419_840),
        ("paper_deepseek_14b", 34_406_400, 14_804_440_064),
    ],
)
def test_the_papers_configurations_train_the_papers_parameters(config: str, trained: int, total: int) -> None:
    chosen = settings(config)
    lora = lora_config(chosen["rank"], chosen["alpha"], chosen["dropout"])
    model = add_lora(meta_language_model(chosen["language_model"]), lora)
    assert model.get_nb_trainable_parameters() == (trained, total)
    assert {values.device.type for values in model.parameters()} == {"meta"}


def test_configurations_differ_in_model_and_memory_alone() -> None:
    papers = [settings(config) for config in CONFIGS.values() if config != "builtin"]
    free = {"language_model", "thinking", "share_prefixes", "gradient_checkpointing"}
    assert len({str({name: value for name, value in each.items() if name not in free}) for each in papers}) == 1
    assert settings("builtin").keys() - settings("paper_qwen3_4b").keys() == set()


def test_a_row_is_fitted_tested_kept_and_then_skipped(
    tiny_qwen3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Row(tuned=True, model="smollm2", annotation="original", representation="non_semantic")
    assert row.name == "Tuned-smollm2-original-non-semantic"
    places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--evaluator", ""]
    small = [f"--model.init_args.language_model={tiny_qwen3}", "--model.init_args.precision=float32"]
    small += ["--data.init_args.source.init_args.n=42", "--trainer.limit_train_batches=2", "--trainer.logger=false"]
    main(["--rows", row.name, *places, "--", *small])
    (run,) = find_runs(tmp_path / "out" / "runs")
    assert run.results.run == row.name
    assert run.results.invalid == 0
    assert run.results.data.annotation == "original"
    assert run.results.config["model"]["init_args"]["representation"] == "non_semantic"
    capsys.readouterr()
    main(["--rows", row.name, *places])
    assert "has results" in capsys.readouterr().out


def test_any_rows_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--list", "--rows", "Base-qwen3-*-semantic", "--out", "none", "--", "--trainer.devices=8"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 3 * 2
    assert all(line.endswith("--trainer.devices=8") and "tune=false" in line for line in lines)
    with pytest.raises(SystemExit):
        main(["--rows", "Tuned-gpt-*"])
