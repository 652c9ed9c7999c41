"""How fast built-in scripts are made, and how much memory a long stream of them takes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from tqdm import tqdm

from benchmarks.process import in_fresh_process, memory
from benchmarks.report import table, verdict
from kfzoo.data.sources.builtin import BuiltinScripts

TITLE = "Making built-in scripts"
SIZES = (10_000, 100_000, 1_000_000)
FLAT = 1.05
"""How many times the shortest stream's memory the longest may take."""


def measure(sizes: Sequence[int] = SIZES) -> str:
    """Streams scripts in fresh processes and returns the table.

    Args:
        sizes: Numbers of scripts, one process each.
    """
    code = "from benchmarks.generation import stream; stream({})"
    found = {size: in_fresh_process(code.format(size)) for size in sorted(sizes)}
    rows = [
        [f"{n:,}", *(f"{value:,.{digits}f}" for value, digits in ((t, 1), (n / t, 0), (k / t, 0), (b, 1), (p, 1)))]
        for n, (t, k, b, p) in found.items()
    ]
    lines = [
        "Scripts are made one after the other on one core and dropped; a fresh process for each row.",
        "",
        table(["scripts", "seconds", "scripts/s", "keyframes/s", "peak before, MiB", "peak after, MiB"], rows),
    ]
    if len(found) > 1:
        small, large = min(found), max(found)
        growth = found[large][3] / found[small][3]
        said = f"{growth:.3f} ×" + (": memory is flat" if growth <= FLAT else ": memory grows")
        target = f"{large:,} scripts take at most {FLAT} × the memory of {small:,}"
        lines += ["", verdict(target, said, growth <= FLAT)]
    return "\n".join(lines)


def stream(size: int) -> None:
    """Makes scripts; prints seconds, keyframes and the peak of memory in MiB before and after, as JSON."""
    before, start = memory().peak, time.perf_counter()
    progress = tqdm(BuiltinScripts(size), desc=f"Making {size:,} scripts", unit=" scripts", delay=2, leave=False)
    keyframes = sum(len(script.keyframes) for script in progress)
    print(json.dumps([time.perf_counter() - start, keyframes, before, memory().peak]))
