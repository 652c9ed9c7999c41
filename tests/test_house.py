"""The house keeps its own rules: floors, light entrance, nothing that only a machine would know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfzoo.__main__ import COMMANDS, TRAINER_COMMANDS, main
from tests.commandline import ROOT

FLOORS = {
    "errors": 0,
    "files": 1,
    "configs": 1,
    "arkit": 2,
    "metrics": 3,
    "rendering": 3,
    "data": 4,
    "encoders": 4,
    "animation": 5,
    "training": 5,
    "language_models": 5,
    "assets": 6,
    "annotation": 6,
    "models": 7,
    "short_names": 8,
    "journal": 8,
    "evaluation": 9,
    "runs": 10,
    "commands": 11,
    "cli": 12,
    "__main__": 13,
}
"""A room imports only from rooms below it, and from itself."""

MODULES = sorted((ROOT / "kfzoo").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "kfzoo").parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("kfzoo."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kfzoo."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_floors_below_its_own(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        assert not list(imported(path))
        return
    for other in set(imported(path)) - {own}:
        assert FLOORS[other] < FLOORS[own], f"{own} imports {other}"


def test_the_vocabulary_knows_no_torch() -> None:
    code = "import sys, kfzoo.arkit; assert not {'torch', 'scipy', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from kfzoo.__main__ import main; assert main(['--help']) == 0;"
        "assert not {'torch', 'numpy', 'lightning', 'jsonargparse'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in (*TRAINER_COMMANDS, *COMMANDS))
    assert main([]) == 0
    assert capsys.readouterr().out == said


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): count for path in MODULES if (count := len(path.read_text().splitlines())) > 390
    }
    assert not long
