"""Measuring in processes of their own: what a process held before, or what is imported here, is not counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Memory(NamedTuple):
    """Memory of this process in MiB.

    Attributes:
        now: Held at present; where the system does not tell it, the most ever held.
        peak: The most ever held.
    """

    now: float
    peak: float


def memory() -> Memory:
    """Returns the memory of this process.

    Linux's `ru_maxrss` survives exec: it would tell the benchmark's own size where that is larger. `VmHWM` begins anew.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return Memory(*(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    return Memory(peak, peak)


def in_fresh_process(code: str) -> Any:
    """Runs Python code in the project's folder and returns the JSON that it prints."""
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, cwd=root)
    return json.loads(done.stdout)
