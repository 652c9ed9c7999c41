"""A tuned estimator for others: its adapter as PEFT and ms-swift load it, its training data as ms-swift reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

import kfzoo
from kfzoo.data.batch import Sample
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import Adapter, hub_name, own_settings, write_adapter
from kfzoo.language_models.loading import lora_config
from kfzoo.language_models.vision_language import DECODER_LAYERS
from kfzoo.models.vlm_estimator.answer import SYSTEM, answer_texts, request_line

_TRAINED = ("semantics", "decimals", "prompt", "size")


def save_adapter(folder: str | Path, settings: Mapping[str, Any], stored: Mapping[str, Tensor]) -> None:
    """Writes an adapter as a folder that PEFT and ms-swift load; the model need not be in memory.

    Args:
        folder: Made when it is missing.
        settings: Hyper-parameters of a `VLMEstimator`.
        stored: Its weights by name, as a checkpoint holds them.

    Raises:
        InputError: When there is no adapter among the weights, or the folder cannot be written.
    """
    adapter = Adapter.of(settings.get("adapter", ""))
    config = adapter.config() if adapter else lora_config(*own_settings(settings), DECODER_LAYERS)
    asked = settings["prompt"] == "semanticface"
    base = hub_name(settings["vision_language_model"])
    arguments = {
        "model": base,
        "tuner_type": "lora",
        "train_type": "lora",  # the same, before ms-swift 4
        "task_type": "causal_lm",
        "torch_dtype": settings["precision"],
        "freeze_vit": True,
        "freeze_aligner": True,
        "system": ((adapter.system if adapter else "") or SYSTEM) if asked else None,
        "kfzoo": {"version": kfzoo.__version__, **{name: settings[name] for name in _TRAINED}},
    }
    write_adapter(folder, config, base, arguments, stored)


def training_line(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Writes request and answer as one line of SemanticFace's chat JSON Lines.

    Args:
        sample: A keyframe with an image and coefficients.
        settings: Settings of a `VLMEstimator`; they must ask in SemanticFace's words.

    Raises:
        InputError: When the image or what is to be written is not known, or the settings ask without words.
    """
    if settings["prompt"] != "semanticface":
        raise InputError("model.prompt", "is image, which asks nothing", "set it to semanticface")
    told = answer_texts(sample, settings["semantics"], settings["decimals"], settings["annotator"])
    return request_line(sample, settings["semantics"], "".join(told))
