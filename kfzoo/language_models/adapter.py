"""LoRA adapters that PEFT or ms-swift wrote: their settings, and their weights on a language model.

| file | holds |
|---|---|
| `adapter_config.json` | PEFT's settings: rank, alpha, layers, name of the language model |
| `adapter_model.safetensors` | the weights |
| `args.json` | ms-swift's arguments, and under "kfzoo" what this project adds; ms-swift ignores that |
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.loading import first_line
from kfzoo.language_models.lora import LORA_LAYERS, add_lora, config_of, lora_config

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel

CONFIG, WEIGHTS, ARGUMENTS = "adapter_config.json", "adapter_model.safetensors", "args.json"
_AGAIN = "copy it again"

_HUB_NAMES = {"smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}

_KEPT = (
    "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules", "rank_pattern", "alpha_pattern",
    "use_rslora", "layers_to_transform", "layers_pattern",
)  # fmt: skip
"""Settings of PEFT that define what an adapter computes."""

_HYPERPARAMETERS = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout"}
_NOT_TRAINED = ("version", "annotation")  # Entries under "kfzoo" that are no hyper-parameters.
_IGNORED = ("peft_type", "task_type", "base_model_name_or_path", "init_lora_weights", "inference_mode", "revision",
            "auto_mapping", "peft_version", "runtime_config")  # fmt: skip
_INITIALISATIONS = (True, False, "gaussian", "orthogonal")  # Those that do not change the language model's weights.
_THINKING = {"qwen3": "empty", "qwen3_nothinking": "none", "deepseek_r1": "none"}  # By ms-swift's templates.
_NAMED = 5  # Weights that one message names.


@dataclass(frozen=True)
class Adapter:
    """What defines an adapter apart from its weights.

    Attributes:
        lora: Those of PEFT's settings that define what the adapter computes.
        base: The language model that it was trained on, as the adapter names it; empty where it does not.
        system: The system message that it was trained with; empty for the model's own.
        trained: The hyper-parameters that it was trained with, such as "representation", as far as they are known.
    """

    lora: dict[str, Any]
    base: str = ""
    system: str = ""
    trained: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str | Mapping[str, Any], system: str = "") -> Adapter | None:
        """Returns the adapter in a folder (`read`), or the one whose attributes are given; None for an empty source."""
        if not source:
            return None
        return cls.read(source, system) if isinstance(source, str) else cls(**source)

    @classmethod
    def read(cls, folder: str | Path, system: str = "") -> Adapter:
        """Reads the settings in an adapter's folder; `system` is the model's own system message.

        Raises:
            InputError: When there are none, or the adapter is not supported: no LoRA, a variant of LoRA, or with whole
                layers' weights.
        """
        path = Path(folder)
        if not (path / CONFIG).is_file():
            raise InputError(path, f"holds no {CONFIG}", "give the folder that PEFT or ms-swift wrote, checkpoint-…")
        values = _read_json(path / CONFIG)
        _check_supported(path / CONFIG, values)
        arguments = _read_json(path / ARGUMENTS) if (path / ARGUMENTS).is_file() else {}
        thinking = _THINKING.get(str(arguments.get("template")))
        own = arguments.get("kfzoo")
        trained = ({"thinking": thinking} if thinking else {}) | (own if isinstance(own, dict) else {})
        found = str(arguments.get("system") or "")
        adapter = cls(
            lora={name: values[name] for name in _KEPT if values.get(name) is not None},
            base=str(values.get("base_model_name_or_path") or arguments.get("model") or ""),
            system="" if found == system else found,
            trained={name: value for name, value in trained.items() if name not in _NOT_TRAINED},
        )
        try:
            adapter.config()
        except (ValueError, TypeError) as error:
            raise InputError(path / CONFIG, f"cannot be used ({first_line(error)})", _AGAIN) from error
        return adapter

    def config(self) -> LoraConfig:
        """Returns PEFT's own form of the settings."""
        from peft import LoraConfig, TaskType

        return LoraConfig(task_type=TaskType.CAUSAL_LM, bias="none", **self.lora)

    def hyperparameters(self, settings: Mapping[str, Any], base: str) -> dict[str, Any]:
        """Returns the hyper-parameters that the adapter sets, and warns where they differ from the given ones.

        Rank, alpha and dropout are always the adapter's. Other settings than those of its training, and another
        language model, are kept, with a warning.

        Args:
            settings: Hyper-parameters of a model that takes adapters.
            base: Name of the hyper-parameter that names the language model.
        """
        config = self.config()
        own = {name: getattr(config, key) for key, name in _HYPERPARAMETERS.items()}
        for name, value in own.items():
            if settings[name] != value:
                _warn(f"model.{name} is {settings[name]}, but the adapter's is {value}, which is used")
        for name, value in settings.items():
            trained = self.trained.get(name, value)
            if value != trained:
                _warn(f"model.{name} is {value}, but the adapter was trained with {trained}")
        found = hub_name(settings[base])
        if self.base and Path(self.base).name != Path(found).name:
            _warn(f"model.{base} is {found}, but the adapter was trained on {self.base}")
        return {**own, "adapter": {"lora": self.lora, "system": self.system}}

    def put_on(self, model: PreTrainedModel) -> PeftModel:
        """Adds the adapter's layers to a language model, with random weights.

        Raises:
            InputError: When the model has no such layers.
        """
        try:
            return add_lora(model, self.config())
        except (ValueError, TypeError) as error:
            problem = f"does not fit a {type(model).__name__} ({first_line(error)})"
            raise InputError("model.adapter", problem, f"it was trained on {self.base or 'another model'}") from error


def adapted(
    model: PreTrainedModel,
    adapter: Adapter | None,
    settings: Mapping[str, Any],
    layers: str | Sequence[str] = LORA_LAYERS,
) -> Any:
    """Returns a language model with the layers of an adapter, or with new ones where it is tuned, else as it is.

    Args:
        model: The language model; it is changed in place.
        adapter: The adapter, if there is one.
        settings: Hyper-parameters `tune`, `rank`, `alpha` and `dropout`.
        layers: The layers of a new adapter, as in `lora_config`.

    Raises:
        InputError: When the model lacks the layers.
    """
    if adapter:
        return adapter.put_on(model)
    return add_lora(model, config_of(settings, layers)) if settings["tune"] else model


def load_weights(model: PeftModel, folder: str | Path) -> None:
    """Loads an adapter's weights into its layers.

    Args:
        model: A language model with the adapter's layers (`Adapter.put_on`).
        folder: The adapter's folder.

    Raises:
        InputError: For a file that is missing or damaged, and weights of other names or shapes: nothing is loaded.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(folder) / WEIGHTS
    try:
        found = load_file(path)
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "adapter_model.bin is not read: save it as safetensors") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(path, f"is damaged or no safetensors file ({error})", _AGAIN) from error
    expected: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    remedy = "give the adapter's own language model, and its complete folder"
    for names, verb in ((expected.keys() - found.keys(), "lacks"), (found.keys() - expected.keys(), "also holds")):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            listed = ", ".join(sorted(names)[:_NAMED])
            raise InputError(path, f"{verb} {listed}{more}, unlike this language model", remedy)
    for name, values in expected.items():
        if found[name].shape != values.shape:
            shapes = f"{tuple(found[name].shape)}, but this language model needs {tuple(values.shape)}"
            raise InputError(path, f"{name} is {shapes}", remedy)
    set_peft_model_state_dict(model, found)


def hub_name(specification: str) -> str:
    """Returns a language model's hub name, or the folder that the user gave."""
    return _HUB_NAMES.get(specification, specification.removeprefix("huggingface:"))


def _check_supported(path: Path, values: Mapping[str, Any]) -> None:
    """Refuses settings with which the same weights compute something else."""
    if values.get("peft_type") != "LORA":
        problem = f"is of a {values.get('peft_type', 'nameless')} adapter"
        raise InputError(path, problem, "only LoRA is supported")
    plain: Any = lora_config()
    default = plain.to_dict()
    others = {name: value for name, value in values.items() if name not in (*_KEPT, *_IGNORED)}
    unknown = [name for name, value in others.items() if value and value != default.get(name)]
    if values.get("init_lora_weights", True) not in _INITIALISATIONS:
        unknown.append("init_lora_weights")
    if values.get("task_type") not in (None, "CAUSAL_LM"):
        unknown.append("task_type")
    if unknown:
        shown = ", ".join(f"{name}={json.dumps(values[name])[:60]}" for name in unknown)
        raise InputError(path, f"sets {shown}, which is not supported", "use plain LoRA of linear layers")
    if not isinstance(values.get("r"), int) or not values.get("target_modules"):
        raise InputError(path, "lacks r or target_modules", _AGAIN)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be read ({error})", _AGAIN) from error
    if not isinstance(values, dict):
        raise InputError(path, "is no JSON object", _AGAIN)
    return values
