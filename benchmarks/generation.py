"""How fast built-in scripts are made, and how much memory a long stream of them takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.report import table, verdict
from kfzoo.data.builtin import BuiltinScripts

TITLE = "Making built-in scripts"
SIZES = (10_000, 100_000, 1_000_000)
FLAT = 1.05
"""How many times the shortest stream's memory the longest may take."""


def measure(sizes: Sequence[int] = SIZES) -> str:
    """Streams scripts in fresh processes and returns the table.

    Args:
        sizes: Numbers of scripts, one process each.
    """
    found = {size: _in_fresh_process(size) for size in sorted(sizes)}
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
    before, start = _peak(), time.perf_counter()
    progress = tqdm(BuiltinScripts(size), desc=f"Making {size:,} scripts", unit=" scripts", delay=2, leave=False)
    keyframes = sum(len(script.keyframes) for script in progress)
    print(json.dumps([time.perf_counter() - start, keyframes, before, _peak()]))


def _in_fresh_process(size: int) -> list[float]:
    code = f"from benchmarks.generation import stream; stream({size})"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, cwd=root)
    found: list[float] = json.loads(done.stdout)
    return found


def _peak() -> float:
    """Returns the most memory that this process ever held, in MiB.

    Linux's `ru_maxrss` survives exec: it would tell the benchmark's own size where that is larger. `VmHWM` begins anew.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)
