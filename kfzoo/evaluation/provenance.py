"""A line that says what a number was computed on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def hardware() -> str:
    """Describes the machine: CPU model, cores this process may use, memory, and GPUs if there are any.

    Returns:
        For example `AMD EPYC 7763, 2 cores, 8 GiB, no GPU`.
    """
    parts = [_cpu(), f"{_cores()} cores"]
    memory = _memory_gib()
    if memory is not None:
        parts.append(f"{memory} GiB")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    parts.append(" + ".join(names) if names else "no GPU")
    return ", ".join(parts)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # not known on every system
        return None
