"""Takes damaged in many ways: each is refused in one line, or read without a value that the file does not hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.predictions.read import Predictions, read_predictions
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import Take
from tests.data.predictions.expected import samples
from tests.recordings.takes import codes, table

ROWS = 75
SEED = 14
SNIPPETS = (*b',;"\t\n\r:.-0', 0, 0xFF, *(b"nan", b"1e999", b"\n\n", b'""', b"61", b"\xef\xbb\xbf", b"50.0", b"\xc3"))
DIGITS = bytes.maketrans(b"0123456789", b"9071523846")
NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """Cuts, doubles and writes over parts, once or twice."""
    for _ in range(generator.integers(1, 3)):
        one, two = sorted(generator.integers(0, len(data) + 1, 2).tolist())
        near = min(len(data), one + int(generator.integers(1, 40)))
        snippet = SNIPPETS[generator.integers(len(SNIPPETS))]
        written = bytes([snippet]) if isinstance(snippet, int) else snippet
        data = [
            data[:one] + written + data[one:],
            data[:one] + written + data[near:],
            data[:one] + data[near:],
            data[:two],
            data[:two] + data[one:],
            data.replace(b",", written) if generator.random() < 0.1 else data[:one] + data[one:near] + data[one:],
            data[:one] + data[one : one + 1].translate(DIGITS) + data[one + 1 :],
        ][generator.integers(7)]
    return data


def outcome(read: Callable[[Path], Take | Predictions], path: Path) -> Take | Predictions | str:
    try:
        return read(path)
    except InputError as error:
        return str(error)


def numbers_in(data: bytes) -> set[np.float32]:
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    found = {number for each in NUMBER.findall(text) for number in (each.replace(",", "."), *each.split(","))}
    return {np.float32(number) for number in found if number.strip("+-.")}


def check(path: Path, generator: np.random.Generator, count: int) -> int:
    """Returns how many of the damaged files were read."""
    read = 0
    for number in range(count):
        faces = generator.uniform(0, 1, (ROWS, len(CHANNELS))).round(4)
        whole = "\n".join(",".join(row) for row in table(codes(ROWS), faces)).encode()
        data = damaged(whole, generator)
        path.write_bytes(data)
        take = outcome(read_take, path)
        if isinstance(take, Take):
            read += 1
            assert set(np.unique(take.coefficients)) <= numbers_in(data), number
            assert np.isfinite(take.coefficients).all(), number
            assert (np.diff(take.seconds) >= 0).all(), number
        else:
            assert str(take).startswith(str(path)), number
            assert "\n" not in str(take), number
        scored = outcome(lambda each: read_predictions(each, samples("a/000")), path)
        assert not isinstance(scored, str) or "\n" not in scored, number
    return read


def test_sixty_damaged_takes(tmp_path: Path) -> None:
    assert 0 < check(tmp_path / "a.csv", np.random.default_rng(SEED), 60) < 60


@pytest.mark.slow
def test_a_thousand_damaged_takes(tmp_path: Path) -> None:
    assert 0 < check(tmp_path / "a.csv", np.random.default_rng(SEED + 1), 1000) < 1000
