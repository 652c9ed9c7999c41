"""Commands in processes of their own, copies of one process that has imported everything: imports take many seconds.

That process, `multiprocessing`'s fork server, starts with the first of them, and ends with the tests'.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import torch

from kfzoo.__main__ import main
from kfzoo.reporting import end

IMPORTED = [
    __name__,
    "pytest",
    "kfzoo.cli",
    "kfzoo.models",
    "kfzoo.data.keyframe_datamodule",
    "kfzoo.data.clip_datamodule",
    "kfzoo.evaluation.evaluation_callback",
    "kfzoo.evaluation.prediction_writer",
    "kfzoo.language_models.server_client",
    "kfzoo.rendering.contact_sheet",
    "sentence_transformers",
    "transformers.models.bert.modeling_bert",
    "torch.utils.tensorboard",
    "torch.nn.parallel.distributed",
    "scipy.linalg",
]
TWO = ("--trainer.devices", 2, "--trainer.strategy", "ddp")
"""Arguments of a run on two processes."""

LIMIT = 300
"""Seconds that a command may take."""


def started(target: Callable[..., object], *arguments: object) -> BaseProcess:
    """Starts a function of a module in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def begin(*arguments: object, said: Path | None = None, **environment: str) -> BaseProcess:
    """Starts a command.

    Args:
        arguments: Those after `python -m kfzoo`.
        said: File of what it prints; by default that is dropped.
        environment: Variables that it has besides those of this process.
    """
    return started(_command, [*map(str, arguments)], os.environ | environment, said or Path(os.devnull))


def _command(arguments: list[str], environment: Mapping[str, str], said: Path) -> None:
    os.setsid()
    with said.open("a") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # as TMPDIR says now
    torch.set_num_threads(1)
    sys.argv[1:] = arguments
    end(main(arguments))


class Done(NamedTuple):
    """How a command ended, and what its processes printed."""

    code: int
    said: str


def elsewhere(*arguments: object, processes: int = 1, code: int = 0, **environment: str) -> Done:
    """Runs a command to its end in a process of its own, or in two as `torchrun` starts them.

    Args:
        arguments: Those after `python -m kfzoo`.
        processes: Of the run.
        code: The exit code that is expected, of the first process that fails.
        environment: Variables that it has besides those of this process.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(rank) for rank in range(processes)]
        shared = _rendezvous(processes) | environment if processes > 1 else environment
        more = TWO if processes > 1 else ()
        running = [
            begin(*arguments, *more, said=path, **shared, **(_rank(rank) if processes > 1 else {}))
            for rank, path in enumerate(paths)
        ]
        found = _codes(running)
        said = "".join(path.read_text() for path in paths if path.exists())
    assert found == code, said[-3000:]
    return Done(found, said)


def _rendezvous(processes: int) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "tests"}
    return place | {name: str(processes) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}


def _rank(rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}


def _codes(running: list[BaseProcess]) -> int:
    """Waits until all have ended; where one fails the others are killed, as launchers do. Returns the failed one's."""
    until = time.monotonic() + LIMIT
    try:
        while time.monotonic() < until:
            codes = [process.exitcode for process in running]
            failed = [code for code in codes if code]
            if failed or None not in codes:
                return failed[0] if failed else 0
            time.sleep(0.01)
        raise TimeoutError(f"no end within {LIMIT} s")
    finally:
        for process in running:
            process.kill()
            process.join()
