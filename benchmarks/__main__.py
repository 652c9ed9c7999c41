"""Lists the benchmarks, or measures one and writes `benchmarks/results/<name>.md`.

python -m benchmarks                                   # the list
python -m benchmarks livelink                          # one of them
python -m benchmarks llm_decoding --checkpoint FILE    # with options; --help lists them
python -m benchmarks gpu                               # the language model on a graphics card
"""

from __future__ import annotations

import ast
import importlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.page import page
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.reporting import exit_code

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def names(folder: str, marker: str) -> Iterator[tuple[str, str]]:
    """Yields the modules of a folder that hold a text, and the first lines of their docstrings."""
    for path in sorted((HERE / folder).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if marker in text:
            yield path.stem, (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main(arguments: Sequence[str] | None = None, out: Path = RESULTS) -> int:
    """Lists the benchmarks or runs the named one; returns the exit code."""
    return exit_code(lambda: _run(arguments, out))


def _run(arguments: Sequence[str] | None, out: Path) -> int:
    name, *options = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    name = name.removeprefix("speed.")
    known = dict(names("speed", "\ndef measure("))
    if name in ("-h", "--help"):
        print(__doc__)
        print(*(f"  {each:<16}{what}" for each, what in known.items()), sep="\n")
        print("\nReproduce numbers with `python -m benchmarks.tables.<name>`:\n")
        print(*(f"  {each:<20}{what}" for each, what in names("tables", '"__main__"')), sep="\n")
        return 0
    if name not in known:
        raise InputError(f"'{name}'", "is not a benchmark", f"choose one of {', '.join(known)}")
    from jsonargparse import auto_cli

    prog = f"python -m benchmarks {name}"
    module = importlib.import_module(f"benchmarks.speed.{name}")
    body = auto_cli(module.measure, args=options, as_positional=False, prog=prog)
    text = page(shlex.join(["python", "-m", "benchmarks", name, *options]), module.TITLE, body)
    with replacing(out / f"{name}.md") as path:
        path.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
