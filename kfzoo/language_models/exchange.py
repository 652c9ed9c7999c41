"""What PEFT and ms-swift read of this project's models: adapters as folders, and training data as chat lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

import kfzoo
from kfzoo.data.batch import Sample
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.language_models.adapter import ARGUMENTS, CONFIG, WEIGHTS, Adapter, hub_name
from kfzoo.language_models.lora import LORA_LAYERS, config_of


@runtime_checkable
class Exchangeable(Protocol):
    """The class of a model whose adapter and training data can be exported."""

    @staticmethod
    def save_adapter(
        folder: str | Path, settings: Mapping[str, Any], stored: Mapping[str, Tensor], annotation: str = ""
    ) -> None:
        """Writes the adapter in a checkpoint as a folder that PEFT and ms-swift load.

        Args:
            folder: Created when it is missing.
            settings: The checkpoint's hyper-parameters.
            stored: Its weights by name.
            annotation: Kind of descriptions that it was trained on, where that is known.
        """

    @staticmethod
    def training_line(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a keyframe's request and answer as a line of chat JSON Lines, on which ms-swift trains."""


def write_adapter(
    folder: str | Path,
    settings: Mapping[str, Any],
    stored: Mapping[str, Tensor],
    *,
    language_model: str,
    trained: Mapping[str, Any],
    system: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    layers: str | Sequence[str] = LORA_LAYERS,
) -> None:
    """Writes an adapter's three files (`kfzoo.language_models.adapter`), the configuration last.

    Args:
        folder: Created when it is missing.
        settings: Hyper-parameters `adapter`, `rank`, `alpha`, `dropout` and `precision` of the model.
        stored: The model's weights by name, those of the adapter among them.
        language_model: Specification of the language model.
        trained: Hyper-parameters that another model needs to use the adapter as it was trained.
        system: The system message of its requests; None for none.
        arguments: Further arguments of ms-swift.
        layers: The adapter's layers, as in `lora_config`, where it was made here.

    Raises:
        InputError: When there is no adapter among the weights, or the folder cannot be written.
    """
    from safetensors.torch import save_file

    weights = {_peft_name(name): values.detach().cpu() for name, values in stored.items() if "lora_" in name}
    if not weights:
        raise InputError(folder, "there is no adapter to write: the language model was not tuned", "tune it first")
    adapter = Adapter.of(settings.get("adapter", ""))
    config: Any = adapter.config() if adapter else config_of(settings, layers)
    config.base_model_name_or_path = hub_name(language_model)
    config.inference_mode = True
    values = {name: sorted(value) if isinstance(value, set) else value for name, value in config.to_dict().items()}
    swift = {
        "model": config.base_model_name_or_path,
        "tuner_type": "lora",
        "train_type": "lora",  # the same, before ms-swift 4
        "task_type": "causal_lm",
        "torch_dtype": settings["precision"],
        "system": system,
        **(arguments or {}),
        "kfzoo": {"version": kfzoo.__version__, **trained},
    }
    path = Path(folder)
    with replacing(path / WEIGHTS) as draft:
        save_file(weights, draft, metadata={"format": "pt"})
    for name, content in ((ARGUMENTS, swift), (CONFIG, values)):
        with replacing(path / name) as draft:
            draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _peft_name(name: str) -> str:
    """Returns PEFT's name of `model.base_model.….lora_A.default.weight`."""
    return re.sub(r"\.default(?=\.|$)", "", name.removeprefix("model."))
