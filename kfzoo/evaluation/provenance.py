"""Where the numbers of a results file come from: run, model, data, settings, code and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kfzoo import __version__


def hardware() -> str:
    """Returns the CPU model, cores this process may use, memory and GPUs: `AMD EPYC 7763, 2 cores, 8 GiB, no GPU`."""
    import torch  # late: results are read without it

    parts = [_cpu(), f"{_cores()} cores"]
    memory = _memory_gib()
    if memory is not None:
        parts.append(f"{memory} GiB")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    parts.append(" + ".join(names) if names else "no GPU")
    return ", ".join(parts)


def commit() -> str | None:
    """Returns the commit of the package's code, with `+` when files differ from it, or None outside a checkout."""
    folder = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", str(folder)) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


@dataclass(frozen=True)
class DataIdentity:
    """Which data was scored.

    Attributes:
        source: Name of the source, for example `BuiltinScripts`.
        fingerprint: sha256 of the content.
        split: sha256 of who is in which part.
        part: The part scored, usually `test`.
        annotation: The descriptions the model read.
    """

    source: str
    fingerprint: str
    split: str
    part: str
    annotation: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What every results file says about the origin of its numbers.

    Attributes:
        run: Name of the run; distinguishes two runs of one model.
        model: Short name of the model.
        class_path: Where its class is imported from.
        data: What was scored.
        config: The resolved configuration, plain values.
        seed: Of the run, if one was set.
        commit: Of the code, if it is known.
        checkpoint: sha256 of the weights that were tested, by name; the same run has the same one in any folder.
        evaluator: Content hash of the learned evaluator, if one took part.
        hardware: The machine, in one line.
        seconds: How long the test took.
        version: Of kfzoo.
        created: UTC, ISO 8601.
    """

    run: str
    model: str
    class_path: str
    data: DataIdentity
    config: Mapping[str, Any]
    seed: int | None
    commit: str | None = field(default_factory=commit)
    checkpoint: str | None
    evaluator: str | None = None
    hardware: str = field(default_factory=hardware)
    seconds: float
    version: str = __version__
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def provenance_of(
    path: Path, module: Any, data: Any, config: Mapping[str, Any], seconds: float, evaluator: str | None = None
) -> Provenance:
    """Describes a test of a module of the zoo on the test part of a data module.

    Args:
        path: The results file, in the folder of the run.
        module: What was tested.
        data: Its data module.
        config: The resolved configuration.
        seconds: How long the test took.
        evaluator: Content hash of the learned evaluator, if one took part.
    """
    from kfzoo.encoders.frozen import weights_digest

    return Provenance(
        run=path.parent.name,
        model=type(module).__name__,
        class_path=f"{type(module).__module__}.{type(module).__qualname__}",
        data=DataIdentity(type(data.source).__name__, data.fingerprint, data.split_digest, "test", data.annotation),
        config=dict(config),
        seed=_number(config.get("seed_everything")),
        checkpoint=weights_digest(module.stored()),
        evaluator=evaluator,
        seconds=seconds,
    )


def _number(seed: Any) -> int | None:
    """Returns a seed that is a number; with `true` one is drawn and not known here."""
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


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
