"""Runs the named benchmarks, or all, and writes `benchmarks/results/<name>.md`, with a `.png` for `evaluation`.

    python -m benchmarks [startup] [livelink] [training] [evaluation] [generation] [--sizes N ...] [--out FOLDER]

Let nothing else run beside it. All of them take about 20 minutes on two cores: `generation` 8, `evaluation` 4.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import page
from kfzoo.files import replacing

NAMES = ("startup", "livelink", "training", "evaluation", "generation")
"""Modules of this package, the quick ones first."""

SIZES_HELP = "numbers of scripts that `generation` makes, and of keyframes that `evaluation` scores"


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures and writes the tables."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; by default all")
    parser.add_argument("--sizes", nargs="+", type=int, help=SIZES_HELP)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the tables")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in NAMES:
            parser.error(f"'{name}' is no benchmark, expected {', '.join(NAMES)}")
    sizes: dict[str, Any] = {"sizes": chosen.sizes} if chosen.sizes else {}
    settings = {"generation": sizes, "evaluation": sizes | {"picture": chosen.out / "evaluation.png"}}
    for name in chosen.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        text = page(name, module.TITLE, module.measure(**settings.get(name, {})))
        with replacing(chosen.out / f"{name}.md") as path:
            path.write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
