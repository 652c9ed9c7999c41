"""Running the command line in this process, as a user would, and reading what it left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfzoo.__main__ import main
from kfzoo.configs import read_config

Capture = pytest.CaptureFixture[str]

ROOT = Path(__file__).parent.parent
_ALL = {path: read_config(path) for path in sorted((ROOT / "configs").rglob("*.yaml"))}
DATA = sorted((ROOT / "configs" / "data").glob("*.yaml"))
"""The data blocks that the other configurations are built on."""

EVALUATORS = sorted((ROOT / "configs" / "evaluator").glob("*.yaml"))
"""Configurations of learned evaluators."""

CLIPS = [path for path, values in _ALL.items() if values.get("model", {}).get("class_path") == "ClipMDM"]
"""Configurations of models of motion."""

CONFIGS = [path for path in _ALL if path not in (*DATA, *EVALUATORS, *CLIPS)]
"""Configurations of models of keyframes."""


def names(configs: Sequence[Path]) -> list[str]:
    """Short names of configurations, for pytest."""
    return [str(path.relative_to(ROOT / "configs")) for path in configs]


def run(*arguments: object) -> int:
    """Runs one command."""
    return main([str(argument) for argument in arguments])


def refusal(capsys: Capture, *arguments: object) -> str:
    """Runs a command that must fail; returns the one line that it says."""
    capsys.readouterr()
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    (line,) = (line for line in said.splitlines() if line.startswith("kfzoo: "))
    return line.removeprefix("kfzoo: ")


def results(folder: Path, name: str = "results.json") -> dict[str, Any]:
    """Reads a run's results file."""
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def of_builtin(folder: Path, model: str, settings: dict[str, Any], *, n: int, batch_size: int, **trainer: Any) -> Path:
    """Writes the configuration of a run on `n` built-in scripts, in `folder / "run"`."""
    source = {"class_path": "BuiltinScripts", "init_args": {"n": n}}
    values = {
        "run_dir": str(folder / "run"),
        "checkpoint_every_n_steps": 3,
        "model": {"class_path": model, "init_args": settings},
        "data": {"class_path": "KeyframeDataModule", "init_args": {"source": source, "batch_size": batch_size}},
        "trainer": {"accelerator": "cpu", "enable_progress_bar": False, **trainer},
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def shrink(
    config: Path,
    folder: Path,
    *,
    takes: Path,
    clip: str,
    vision: str = "",
    language: str = "",
    seeing: str = "",
    images: Path | None = None,
    n: int = 42,
) -> Path:
    """Writes a configuration that differs from the given one in size alone: little data, tiny weights for a hub's.

    Args:
        config: One of the project's.
        folder: Where the small one goes.
        takes: Folder of Live Link takes, for configurations that ask the user for theirs.
        clip: Specification of a text encoder that replaces weights of a hub.
        vision: Of an image encoder; `language`: of a language model; `seeing`: of a vision-language model.
        images: Scripts with images, for configurations that ask the user for theirs.
        n: Built-in scripts.
    """
    values = read_config(config)
    source = values["data"]["init_args"]["source"]
    if source["class_path"] == "Described":
        source = values["data"]["init_args"]["source"] = source["init_args"]["source"]  # needs no stage I
        values["model"]["init_args"]["annotator"] = "rule"
    while "source" in source["init_args"]:
        source["init_args"].get("renderer", {"init_args": {}})["init_args"]["size"] = 48
        source = source["init_args"]["source"]
    for each in source["init_args"].get("sources", []):
        each["init_args"] = each.get("init_args", {}) | {"n": n}
    given = {"folder": str(takes), "n": n, "path": str(images), "fps": n / 50}
    source["init_args"] |= {name: value for name, value in given.items() if name in source["init_args"]}
    model = values["model"].setdefault("init_args", {})
    heavy: tuple[str, ...] = ("open_clip:", "sentence-transformers:", "huggingface:")
    heavy += () if "minilm" in config.read_text() else ("minilm",)  # the configuration that it is built on has it, too
    for name, tiny in (("text_encoder", clip), ("image_encoder", vision)):
        if str(model.get(name, "")).startswith(heavy):
            model[name] = tiny
    if "language_model" in model:
        model |= {"language_model": language, "precision": "float32"}
        values["trainer"] |= {"limit_train_batches": 2, "limit_val_batches": 1}
        source["init_args"]["n"] = n // 6  # its answers are long
    if "vision_language_model" in model:
        if model["vision_language_model"].startswith("huggingface:"):
            model |= {"vision_language_model": seeing, "precision": "float32", "size": 64}
            values["trainer"] |= {"precision": "32-true", "limit_train_batches": 2, "limit_val_batches": 1}
        model |= {"max_analysis_tokens": 8}
        source["init_args"] |= {"n": n} if "n" in source["init_args"] else {}
    sizes = {"width": 16, "latent": 16, "layers": 1, "feedforward": 16, "steps": 10, "tower_steps": 1}
    sizes |= {"text_layers": 1} if model.get("text_layers") else {}  # null: all
    model |= {name: size for name, size in sizes.items() if name in model}
    values["trainer"].pop("check_val_every_n_epoch", None)  # a short run has no epoch to spare
    small = 2 if {language, seeing} & {model.get("language_model"), model.get("vision_language_model")} else n // 3
    values["data"]["init_args"]["batch_size"] = 1 if values["data"]["init_args"].get("whole_scripts") else small
    if values["data"]["init_args"].get("num_workers"):
        values["data"]["init_args"]["num_workers"] = 1
    values["run_dir"] = str(folder / "run")
    path = folder / config.name
    path.write_text(yaml.safe_dump(values))
    return path
