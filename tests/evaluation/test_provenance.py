from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from kfzoo.evaluation.provenance import hardware


def missing(*_: object, **__: object) -> NoReturn:
    raise OSError("not on this system")


def test_one_line_for_this_machine() -> None:
    text = hardware()
    assert "\n" not in text
    assert " cores, " in text


def test_where_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr(os, "sysconf", missing)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert hardware() == "arm64, 1 cores, no GPU"


def test_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = "processor\t: 0\nmodel name\t: Fast CPU\nprocessor\t: 1\nmodel name\t: Fast CPU\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: cpu)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**21}.__getitem__)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU{index}")
    assert hardware() == "Fast CPU, 2 cores, 8 GiB, GPU0 + GPU1"
