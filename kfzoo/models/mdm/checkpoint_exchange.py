"""Between checkpoints in MDM's form and this project's: training that begins at one, and a model that is given away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.published_checkpoint import Released, arguments_of, read_released

FROM_DATA = "data"
"""In place of two files: motions are standardised by the training part's moments."""

_REMEDY = "give the checkpoint of a KeyframeMDM or a ClipMDM, such as runs/<name>/best.ckpt"


@dataclass(frozen=True, eq=False)
class Start:
    """What a model takes from a released checkpoint.

    Attributes:
        weights: Of a `Denoiser`, by name.
        averaged: Their moving average; the weights themselves where there is none.
        settings: The hyperparameters that it determines.
        statistics: What its motions are standardised by; None for the training part's.
    """

    weights: dict[str, Tensor]
    averaged: dict[str, Tensor]
    settings: dict[str, Any]
    statistics: Statistics | None


def read_start(path: str, mean: str, std: str) -> Start | None:
    """Reads the checkpoint that a training begins at.

    Args:
        path: `model….pt`, `args.json` next to it; empty for none.
        mean: A .npy file; empty for `mean.npy` next to the checkpoint; `data` for the training part's.
        std: Likewise.

    Returns:
        What it describes, or None without a path.

    Raises:
        InputError: As `read_released`, and when one of `mean` and `std` is `data`.
    """
    if not path:
        return None
    by_data = (mean == FROM_DATA, std == FROM_DATA)
    if any(by_data) and not all(by_data):
        remedy = "give a file for both, or `data` for both"
        raise InputError("released_mean, released_std", "only one of them is `data`", remedy)
    unknown = Statistics(torch.zeros(len(CHANNELS)), torch.ones(len(CHANNELS))) if all(by_data) else None
    found = read_released(path, statistics=unknown, mean=mean, std=std)
    sizes = found.denoiser().sizes
    settings = {
        **{name: sizes[name] for name in ("width", "layers", "heads", "feedforward")},
        "prediction": found.prediction,
        "mask_frames": found.mask_frames,
        "text_dropout": found.dropped,
        "text_norm": float(found.arguments.get("kfzoo", {}).get("text_norm", 0.0)),  # as published: CLIP's own
    }
    statistics = None if unknown else found.statistics
    return Start(found.weights, found.averaged or found.weights, settings, statistics)


def released_of(where: object, checkpoint: Mapping[str, Any]) -> Released:
    """Takes out of a checkpoint that `fit` wrote what MDM's form holds; needs no text encoder.

    Args:
        where: Its path, for messages.
        checkpoint: As `kfzoo.training.checkpoint.read_checkpoint` reads it.

    Raises:
        InputError: When it is of another model.
    """
    stored, settings = checkpoint["state_dict"], checkpoint.get("hyper_parameters", {})
    weights = _below("denoiser.", stored)
    if not weights or "motion_std" not in stored:
        found = checkpoint["kfzoo"].get("class_path")
        raise InputError(where, f"holds a {found}, which is no diffusion model", _REMEDY)
    sizes = {name: settings[name] for name in ("width", "layers", "heads", "feedforward")}
    masks = settings.get("mask_frames", True)
    denoiser = Denoiser(text=weights["embed_text.weight"].shape[1], **sizes, mask_frames=masks)
    denoiser.load_state_dict(weights)
    averaged = _below("averaged.", stored) or None
    arguments = arguments_of(
        denoiser, dropped=settings["text_dropout"], prediction=settings["prediction"], averaged=averaged is not None
    )
    arguments["kfzoo"] |= {name: settings[name] for name in ("text_encoder", "text_norm")}
    statistics = Statistics(mean=stored["motion_mean"], std=stored["motion_std"])
    return Released(weights, averaged, arguments, statistics, int(checkpoint.get("global_step", 0)))


def _below(prefix: str, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): values for name, values in stored.items() if name.startswith(prefix)}
