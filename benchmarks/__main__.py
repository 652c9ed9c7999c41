"""Runs the named benchmarks, or all, and writes `benchmarks/results/<name>.md`.

    python -m benchmarks [startup] [livelink] [training] [generation] [--sizes N ...] [--out FOLDER]

Let nothing else run beside it. All of them take about a quarter of an hour on two cores; `generation` most of that.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import page
from kfzoo.files import replacing

NAMES = ("startup", "livelink", "training", "generation")
"""Modules of this package, the quick ones first."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures and writes the tables."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; by default all")
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of scripts that `generation` makes")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the tables")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in NAMES:
            parser.error(f"'{name}' is no benchmark, expected {', '.join(NAMES)}")
    settings: dict[str, dict[str, Any]] = {"generation": {"sizes": chosen.sizes} if chosen.sizes else {}}
    for name in chosen.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        text = page(name, module.TITLE, module.measure(**settings.get(name, {})))
        with replacing(chosen.out / f"{name}.md") as path:
            path.write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
