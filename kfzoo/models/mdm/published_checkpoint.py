"""MDM's and Express4D's own checkpoints, read and written.

| file | holds |
|---|---|
| `model{step:09d}.pt` | the weights by name, or two such tables: "model" and its moving average "model_avg"; no CLIP |
| `args.json` | the arguments of the training: latent_dim, layers, cond_mask_prob, dataset, … |
| `mean.npy`, `std.npy` | what motions were standardised by: not among the published files, so they are asked for |

What this project adds is in `args.json` under "kfzoo", which the published code ignores.
"""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

import kfzoo
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.diffusion import STEPS, Prediction

ARGUMENTS, MEAN, STD = "args.json", "mean.npy", "std.npy"
CLIP = "clip_model."
"""How the names of CLIP's weights begin, where a checkpoint brings them."""

_BUILT = {"heads": 4, "feedforward": 1024, "text": 512}  # Sizes that the published code does not take from args.json.
_HELD = {"arch": "trans_enc", "noise_schedule": "cosine", "diffusion_steps": STEPS, "sigma_small": True}
_NAMED = 12  # Weights that one message names.
_REMEDY = "give a checkpoint of MDM's trans_enc with text, whole, and its own args.json"


@dataclass(frozen=True, eq=False)
class Released:
    """A checkpoint in MDM's form.

    Attributes:
        weights: Every weight of a `Denoiser` by name, as it was trained.
        averaged: Their moving average; None where there is none.
        arguments: What `args.json` says.
        statistics: What motions are standardised by before the denoiser sees them.
        step: Steps that it was trained for, by the file's name; None where the name does not say.
    """

    weights: dict[str, Tensor]
    averaged: dict[str, Tensor] | None
    arguments: dict[str, Any]
    statistics: Statistics
    step: int | None

    @property
    def dropped(self) -> float:
        """How often the text was left out in training; where it never was, there is no guidance to be had."""
        return float(self.arguments.get("cond_mask_prob", 0))

    @property
    def prediction(self) -> Prediction:
        """What the denoiser predicts: the motion, unless this project's own arguments say noise."""
        return "epsilon" if _own(self.arguments).get("prediction") == "epsilon" else "sample"

    @property
    def mask_frames(self) -> bool:
        """Whether frames after a motion's end were hidden: always by Express4D's code, by MDM's where it was asked."""
        return self.arguments.get("dataset") == "express4d" or self.arguments.get("mask_frames") is True

    def denoiser(self) -> Denoiser:
        """Builds the denoiser, ready to be used."""
        built = Denoiser(**_sizes(self.weights, self.arguments), mask_frames=self.mask_frames)
        built.load_state_dict(self.weights)
        return built.eval()


def read_released(
    path: str | Path, *, statistics: Statistics | None = None, mean: str | Path = "", std: str | Path = ""
) -> Released:
    """Reads a checkpoint, never running code from it, and says which weights of CLIP are left out.

    Args:
        path: `model….pt`; `args.json` is next to it.
        statistics: What motions were standardised by, where a dataset gives them.
        mean: A .npy file (61,) to be used instead; by default `mean.npy` next to the checkpoint.
        std: Likewise, `std.npy`.

    Raises:
        InputError: For a file that is missing or damaged, arguments of another model or that the weights contradict,
            weights of other names or sizes, all of them named, and statistics that are missing or do not fit.
    """
    path = Path(path)
    stored = _load(path)
    arguments = _read_arguments(path.with_name(ARGUMENTS))
    nested = isinstance(stored.get("model"), dict)
    weights = _fitting(path, stored["model"] if nested else stored, arguments)
    averaged = None
    if nested and "model_avg" in stored:
        averaged = _fitting(f"{path}, model_avg", stored["model_avg"], arguments)
    found = statistics or _read_statistics(path, mean, std)
    for name, values in (("mean", found.mean), ("std", found.std)):
        fits = values.shape == (len(CHANNELS),) and values.isfinite().all()
        if not fits or (name == "std" and values.min() < 0):
            problem = f"is no table of {len(CHANNELS)} finite numbers" + (", none below 0" if name == "std" else "")
            raise InputError(f"{name} of the motions", problem, f"its shape is {tuple(values.shape)}")
    number = re.fullmatch(r"model(\d+)", path.stem)
    return Released(weights, averaged, arguments, found, int(number[1]) if number else None)


def write_released(folder: str | Path, released: Released) -> Path:
    """Writes a checkpoint in the published form, its statistics next to it, the weights last.

    Args:
        folder: Made when it is missing.
        released: What to write; without a step it is written as step 0.

    Returns:
        The path of `model….pt`.

    Raises:
        InputError: When the folder cannot be written.
    """
    sizes = _sizes(released.weights, released.arguments)
    odd = {name: sizes[name] for name, value in _BUILT.items() if sizes[name] != value}
    if odd:
        listed = ", ".join(f"{name} {value} for {_BUILT[name]}" for name, value in odd.items())
        warnings.warn(f"the published code builds other sizes ({listed}): only kfzoo can read this", stacklevel=2)
    folder = Path(folder)
    for name, values in ((MEAN, released.statistics.mean), (STD, released.statistics.std)):
        with replacing(folder / name) as temporary:
            np.save(temporary, values.cpu().numpy())
    with replacing(folder / ARGUMENTS) as temporary:
        temporary.write_text(json.dumps(released.arguments, indent=4, sort_keys=True) + "\n", encoding="utf-8")
    weights = _plain(released.weights)
    stored = {"model": weights, "model_avg": _plain(released.averaged)} if released.averaged else weights
    path = folder / f"model{released.step or 0:09d}.pt"
    with replacing(path) as temporary:
        torch.save(stored, temporary)
    return path


def arguments_of(denoiser: Denoiser, *, dropped: float, prediction: Prediction, averaged: bool) -> dict[str, Any]:
    """Returns the arguments that the published code, and this, need in order to rebuild a denoiser.

    Args:
        denoiser: What was trained.
        dropped: How often its text was left out in training.
        prediction: What it was taught to predict.
        averaged: Whether a moving average of its weights was kept.
    """
    sizes = denoiser.sizes
    return {
        **_HELD,
        "latent_dim": sizes["width"],
        "layers": sizes["layers"],
        "cond_mode": "text",
        "cond_mask_prob": dropped,
        "emb_trans_dec": False,
        "dataset": "express4d" if denoiser.mask_frames else "humanml",  # Express4D's code always masks.
        "data_mode": "arkit",
        "mask_frames": denoiser.mask_frames,
        "use_ema": averaged,
        "kfzoo": {"version": kfzoo.__version__, "heads": sizes["heads"], "prediction": prediction},
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "give the path of a model….pt") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(path, f"is damaged or no checkpoint ({reason})", "copy it again") from error
    if not isinstance(stored, dict):
        raise InputError(path, f"holds a {type(stored).__name__}, expected weights by name", _REMEDY)
    return stored


def _read_arguments(path: Path) -> dict[str, Any]:
    try:
        arguments = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "copy it from where the checkpoint comes from") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be read ({error})", "copy it again") from error
    if not isinstance(arguments, dict):
        raise InputError(path, "is no JSON object", "copy it again")
    odd = {name: arguments[name] for name, held in _HELD.items() if arguments.get(name, held) != held}
    if arguments.get("cond_mode", "text") != "text":
        odd["cond_mode"] = arguments["cond_mode"]
    if odd:
        shown = ", ".join(f"{name} {json.dumps(value)}" for name, value in odd.items())
        wanted = ", ".join(f"{name} {json.dumps((_HELD | {'cond_mode': 'text'})[name])}" for name in odd)
        raise InputError(path, f"names {shown}, expected {wanted}", _REMEDY)
    own, dropped = arguments.get("kfzoo", {}), arguments.get("cond_mask_prob", 0)
    if not (
        isinstance(own, dict)
        and own.get("prediction", "sample") in get_args(Prediction)
        and isinstance(own.get("heads", 1), int)
        and own.get("heads", 1) > 0
        and isinstance(dropped, int | float)
        and 0 <= dropped <= 1
    ):
        raise InputError(path, "has no sense in its kfzoo or cond_mask_prob", "copy it again")
    if not isinstance(arguments.get("mask_frames", False), bool):
        raise InputError(path, "its mask_frames is neither true nor false", "copy it again")
    return arguments


def _read_statistics(path: Path, mean: str | Path, std: str | Path) -> Statistics:
    """Reads the two files; both are asked for by name, since no default could replace them."""
    files = {"mean": Path(mean or path.with_name(MEAN)), "std": Path(std or path.with_name(STD))}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        names, looked = " and ".join(missing), " and ".join(str(files[name]) for name in missing)
        remedy = f"give {names} as .npy files, or the dataset that it was trained on"
        raise InputError(path, f"does not hold the {names} of its motions, and there is no {looked}", remedy)
    found = {}
    for name, file in files.items():
        try:
            values = np.load(file, allow_pickle=False)
            found[name] = torch.from_numpy(np.asarray(values, dtype=np.float32))
        except (OSError, ValueError, EOFError, TypeError) as error:
            raise InputError(file, f"is no .npy file of numbers ({error})", "copy it again") from error
    return Statistics(**found)


def _fitting(where: object, stored: Any, arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """Returns the weights without CLIP's, when they are what the arguments describe."""
    if not isinstance(stored, dict) or not all(
        isinstance(name, str) and isinstance(values, Tensor) for name, values in stored.items()
    ):
        raise InputError(where, "holds other things than weights by name", _REMEDY)
    clip = [name for name in stored if name.startswith(CLIP)]
    if clip:
        warnings.warn(f"{where}: {len(clip)} weights of CLIP ({CLIP}*) are left out", stacklevel=3)
    weights = {name: values.detach() for name, values in stored.items() if name not in clip}
    with torch.device("meta"):
        sizes: dict[str, Any] = _sizes(weights, arguments)
        expected = Denoiser(**sizes | {"features": len(CHANNELS)}).state_dict()
    unknown, missing = sorted(weights.keys() - expected.keys()), sorted(expected.keys() - weights.keys())
    if unknown or missing:
        lists = (("lacks", missing), ("also holds", unknown))
        raise InputError(where, " and ".join(f"{verb} {_listed(names)}" for verb, names in lists if names), _REMEDY)
    described = {"latent_dim": sizes["width"], "layers": sizes["layers"]}
    odd = [
        f"{name} {arguments[name]!r}, the weights of {value}"
        for name, value in described.items()
        if arguments.get(name, value) != value
    ]
    if odd:
        raise InputError(where, f"its args.json names {' and '.join(odd)}", _REMEDY)
    shapes = [
        f"{name} is {tuple(weights[name].shape)}, expected {tuple(values.shape)}"
        for name, values in expected.items()
        if weights[name].shape != values.shape
    ]
    if shapes:
        raise InputError(where, _listed(shapes), f"motions of {len(CHANNELS)} numbers a frame are expected")
    broken = [name for name, values in weights.items() if not values.isfinite().all()]
    if broken:
        raise InputError(where, f"has values that are not finite in {_listed(broken)}", "copy it again")
    return weights


def _sizes(weights: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> dict[str, int]:
    """Reads a denoiser's sizes off its weights; where those lack a table, the published size makes it be named."""

    def size(name: str, axis: int, otherwise: int) -> int:
        values = weights.get(name)
        return otherwise if values is None or values.dim() != 2 else values.shape[axis]

    layers = {found[1] for name in weights if (found := re.match(r"seqTransEncoder\.layers\.(\d+)\.", name))}
    return {
        "features": size("input_process.poseEmbedding.weight", 1, len(CHANNELS)),
        "text": size("embed_text.weight", 1, _BUILT["text"]),
        "width": size("input_process.poseEmbedding.weight", 0, 512),
        "layers": len(layers) or 8,
        "heads": _own(arguments).get("heads", _BUILT["heads"]),
        "feedforward": size("seqTransEncoder.layers.0.linear1.weight", 0, _BUILT["feedforward"]),
    }


def _own(arguments: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = arguments.get("kfzoo", {})
    return own


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.detach().cpu() for name, values in weights.items()}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
