"""Takes that tests write: a face that smiles, and motion at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX

SMILE = [INDEX["MouthSmileLeft"], INDEX["MouthSmileRight"]]


def write(path: Path, coefficients: NDArray[Any], every: int = 1) -> Path:
    """Writes a take whose rows are `every` frames of 1/60 s apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(("Timecode", "BlendshapeCount", *CHANNELS))]
    for row, values in enumerate(coefficients):
        seconds, frame = divmod(row * every, 60)
        code = f"10:00:{seconds:02d}:{frame:02d}.250"
        lines.append(",".join((code, "61", *(f"{value:.10f}" for value in values))))
    path.write_text("\n".join(lines) + "\n")
    return path


def take(smiles: dict[float, float], seconds: float = 4.0, rate: float = 60.0) -> NDArray[np.float32]:
    """A face at rest that smiles at some times, each with a height, for about half a second."""
    times = np.arange(int(seconds * rate)) / rate
    face = np.zeros((len(times), len(CHANNELS)), dtype=np.float32)
    for at, height in smiles.items():
        face[:, SMILE] += (height * np.exp(-0.5 * ((times - at) / 0.12) ** 2))[:, None].astype(np.float32)
    return face


def random_take(seed: int, rows: int = 240) -> NDArray[np.float32]:
    """Motion that no other seed has."""
    generator = np.random.default_rng(seed)
    phases = np.linspace(0, 9, rows)[:, None] * generator.uniform(0.5, 3, 61)
    return (0.3 + 0.25 * np.sin(phases + generator.uniform(0, 6, 61))).astype(np.float32)
