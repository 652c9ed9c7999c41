"""Which channels of a face move most: by them it is counted whether every channel is asked for often enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.action_units import PITCH_PER_LOOK, YAW_PER_LOOK
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.sources.everyday.faces import reach

LEADS_FROM = 0.85
"""Share of a face's strongest movement from which a channel leads, too.

The actors lean by 7.5 per cent to either side: both halves of a smile lead.
"""

MOVES_FROM = 0.15
"""Least movement of a face in which any channel leads; a weaker one is at rest."""


def _full_movement(name: str) -> float:
    if name.endswith("EyeYaw"):
        return YAW_PER_LOOK
    return PITCH_PER_LOOK if name.endswith("EyePitch") else reach(name)


FULL_MOVEMENTS: NDArray[np.float32] = np.array([_full_movement(name) for name in CHANNELS], dtype=np.float32)
"""Value of each channel at full degree, (61,): 1 for a blendshape, radians for an angle."""


def leading(faces: ArrayLike) -> NDArray[np.bool_]:
    """Tells which channels move most in each face.

    Args:
        faces: (N, 61) coefficients.

    Returns:
        (N, 61); in a face at rest none leads.
    """
    shares = np.abs(np.asarray(faces, dtype=np.float32)) / FULL_MOVEMENTS
    strongest = shares.max(axis=1, keepdims=True)
    leads: NDArray[np.bool_] = (shares >= LEADS_FROM * strongest) & (strongest > MOVES_FROM)
    return leads
