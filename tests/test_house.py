"""The rules of the layout: rooms on floors, no import circles, short modules, and a command line that starts fast."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from itertools import takewhile
from pathlib import Path
from statistics import median

import pytest

from kfzoo.__main__ import COMMANDS, TRAINER_COMMANDS, main
from tests.commandline import ROOT

FLOORS = {
    "errors": 0,
    "files": 1,
    "configs": 1,
    "journal": 1,
    "terminal": 1,
    "environment_references": 1,
    "reporting": 2,
    "arkit": 2,
    "metrics": 3,
    "rendering": 3,
    "recordings": 3,
    "data": 4,
    "encoders": 4,
    "animation": 5,
    "training": 5,
    "language_models": 5,
    "assets": 6,
    "annotation": 6,
    "models": 7,
    "parsing": 2,
    "out_of_memory": 2,
    "short_names": 8,
    "evaluation": 9,
    "runs": 9,
    "tasks": 10,
    "commands": 11,
    "cli": 12,
    "__main__": 13,
}
"""A room imports only from rooms below it, and from itself."""

MODULES = sorted((ROOT / "kfzoo").rglob("*.py"))

LONGEST, MEDIAN = 350, 130
"""Lines of a module at the most, and of the median of the package's modules."""


def room(path: Path) -> str:
    return path.relative_to(ROOT / "kfzoo").parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {module_name(path) for path in MODULES}


def imported_modules(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yields the modules of kfzoo that statements import: for `from a import b` a.b, or a where b is no module."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kfzoo":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "kfzoo")


def imported(path: Path) -> set[str]:
    """Rooms that a module imports anywhere, within functions too."""
    names = imported_modules(ast.walk(ast.parse(path.read_text())))
    return {name.split(".")[1] for name in names if "." in name}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_floors_below_its_own(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        assert not imported(path)
        return
    for other in imported(path) - {own}:
        assert FLOORS[other] < FLOORS[own], f"{own} imports {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module_name(path): set(imported_modules(ast.parse(path.read_text()).body)) for path in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_the_readme_lists_the_rooms_from_the_lowest_floor_up() -> None:
    lines = iter((ROOT / "README.md").read_text().splitlines())
    next(line for line in lines if re.fullmatch(r"\|.*\broom \| holds \|", line))
    cells = [line.rpartition("|")[0].rpartition("|")[0] for line in takewhile(lambda line: line.startswith("|"), lines)]
    listed = [name for cell in cells for name in re.findall(r"`(?:kfzoo/)?(\w+)(?:/|\.py)`", cell)]
    assert set(listed) == set(FLOORS)
    assert listed == sorted(listed, key=FLOORS.__getitem__)


def test_every_folder_of_tests_is_one_of_the_package() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (ROOT / "kfzoo" / folder).is_dir()] == [Path("benchmarks")]


def test_the_vocabulary_knows_no_torch() -> None:
    modules = ", ".join(name for name in NAMES if name.startswith("kfzoo.arkit"))
    code = f"import sys, {modules}; assert not {{'torch', 'scipy', 'matplotlib'}} & set(sys.modules)"
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
    paths = [path for folder in ("kfzoo", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py")]
    counts = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    assert not {name for name, count in counts.items() if count > LONGEST}
    assert median(count for name, count in counts.items() if name.startswith("kfzoo")) <= MEDIAN
