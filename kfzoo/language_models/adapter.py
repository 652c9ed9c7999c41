"""LoRA adapters as directories that PEFT and ms-swift read and write.

| file | holds |
|---|---|
| `adapter_config.json` | PEFT's settings: rank, alpha, layers, name of the language model |
| `adapter_model.safetensors` | the weights |
| `args.json` | ms-swift's arguments; from it ms-swift takes model, type, system message and the answer's first words |

What this project has to add stands in `args.json` under "kfzoo", which ms-swift passes over. The
`additional_config.json` that ms-swift writes beside them says how its own training went, and nothing about the adapter.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

import kfzoo
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.language_models.loading import add_lora, lora_config

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel

CONFIG, WEIGHTS, ARGUMENTS = "adapter_config.json", "adapter_model.safetensors", "args.json"
HUB_NAMES = {"smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Names in a hub of the models that a specification names otherwise."""

_HELD = (
    "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules", "rank_pattern", "alpha_pattern",
    "use_rslora", "layers_to_transform", "layers_pattern",
)  # fmt: skip
"""Settings of PEFT that say what an adapter computes."""

_OWN = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout"}
_TRAINED = ("representation", "decimals", "thinking")
_OF_FILE = ("version", "annotation")  # What else this project writes beside them.
_ELSEWHERE = ("peft_type", "task_type", "base_model_name_or_path", "init_lora_weights", "inference_mode", "revision",
              "auto_mapping", "peft_version", "runtime_config")  # fmt: skip
_STARTS = (True, False, "gaussian", "orthogonal")  # Ways to begin that leave the language model's own weights alone.
_THINKING = {"qwen3": "empty", "qwen3_nothinking": "none"}  # What ms-swift's templates train answers behind.
_THOUGHT = "<think>\n\n</think>\n\n"
_NAMED = 5  # Weights that one message names.


@dataclass(frozen=True)
class Adapter:
    """What must be known of an adapter beside its weights.

    Attributes:
        lora: PEFT's settings, those of them that say what the adapter computes.
        base: The language model that it was trained on, as the adapter names it; empty where it does not.
        system: The system message that it was trained with where that is not P_sys, else empty.
        trained: How it was taught to answer, as far as that is known: settings of the model that wrote it, such as
            "representation", "decimals" and "thinking".
    """

    lora: dict[str, Any]
    base: str = ""
    system: str = ""
    trained: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: str | Mapping[str, Any]) -> Adapter | None:
        """Returns the adapter in a folder, or the one that a checkpoint tells of; None for none.

        Raises:
            InputError: As `read`.
        """
        if not given:
            return None
        return cls.read(given) if isinstance(given, str) else cls(**given)

    @classmethod
    def read(cls, folder: str | Path) -> Adapter:
        """Reads the settings in an adapter's folder.

        Raises:
            InputError: When there are none, or they are of an adapter that cannot be held: no LoRA, LoRA of another
                kind, or one that brings weights of its own for whole layers.
        """
        path = Path(folder)
        if not (path / CONFIG).is_file():
            raise InputError(path, f"holds no {CONFIG}", "give the folder that PEFT or ms-swift wrote, checkpoint-…")
        values = _read_json(path / CONFIG)
        _check(path / CONFIG, values)
        arguments = _read_json(path / ARGUMENTS) if (path / ARGUMENTS).is_file() else {}
        system = str(arguments.get("system") or "")
        template = _THINKING.get(str(arguments.get("template")))
        own = arguments.get("kfzoo")
        told = ({"thinking": template} if template else {}) | (own if isinstance(own, dict) else {})
        found = cls(
            lora={name: values[name] for name in _HELD if values.get(name) is not None},
            base=str(values.get("base_model_name_or_path") or arguments.get("model") or ""),
            system=_own_system(system),
            trained={name: value for name, value in told.items() if name not in _OF_FILE},
        )
        try:
            found.config()
        except (ValueError, TypeError) as error:
            raise InputError(path / CONFIG, f"cannot be used ({_first_line(error)})", "copy it anew") from error
        return found

    def config(self) -> LoraConfig:
        """Returns PEFT's own form of the settings."""
        from peft import LoraConfig, TaskType

        return LoraConfig(task_type=TaskType.CAUSAL_LM, bias="none", **self.lora)

    def agree(self, settings: Mapping[str, Any], base: str = "language_model") -> dict[str, Any]:
        """Returns the hyper-parameters as they are with this adapter, and warns where others were asked for.

        Rank, alpha and dropout are the adapter's, whatever was asked for. A way of asking and answering that it was
        not trained for is followed, but told; so is a language model of another name.

        Args:
            settings: Hyper-parameters of a model that takes adapters.
            base: The one that names its language model.
        """
        config = self.config()
        own = {name: getattr(config, key) for key, name in _OWN.items()}
        for name, value in own.items():
            if settings[name] != value:
                _warn(f"model.{name} is {settings[name]}, but the adapter's is {value}, and that counts")
        for name, asked in settings.items():
            value = self.trained.get(name, asked)
            if asked != value:
                _warn(f"model.{name} is {asked}, but the adapter was trained with {value}")
        found = hub_name(settings[base])
        if self.base and Path(self.base).name != Path(found).name:
            _warn(f"model.{base} is {found}, but the adapter was trained on {self.base}")
        return {**own, "adapter": {"lora": self.lora, "system": self.system}}

    def put_on(self, model: PreTrainedModel) -> PeftModel:
        """Puts the adapter's layers beside a language model's, with random weights.

        Raises:
            InputError: When the model has no such layers.
        """
        try:
            return add_lora(model, self.config())
        except (ValueError, TypeError) as error:
            problem = f"does not fit a {type(model).__name__} ({_first_line(error)})"
            raise InputError("model.adapter", problem, f"it was trained on {self.base or 'another model'}") from error


def load_weights(model: PeftModel, folder: str | Path) -> None:
    """Loads an adapter's weights into its layers.

    Args:
        model: A language model with the adapter's layers (`Adapter.put_on`).
        folder: Where the adapter lies.

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
        raise InputError(path, f"is damaged or no safetensors file ({error})", "copy it anew") from error
    expected: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    remedy = "give the adapter's own language model, and its folder whole"
    for names, problem in ((expected.keys() - found.keys(), "lacks"), (found.keys() - expected.keys(), "also holds")):
        if names:
            raise InputError(path, f"{problem} {_listed(sorted(names))}, other than this language model needs", remedy)
    for name, values in expected.items():
        if found[name].shape != values.shape:
            shapes = f"{tuple(found[name].shape)}, but this language model needs {tuple(values.shape)}"
            raise InputError(path, f"{name} is {shapes}", remedy)
    set_peft_model_state_dict(model, found)


def save_adapter(
    folder: str | Path, settings: Mapping[str, Any], stored: Mapping[str, Tensor], annotation: str = ""
) -> None:
    """Writes an adapter as a folder that PEFT and ms-swift load; the language model need not be in memory.

    Args:
        folder: Made when it is missing; the configuration is written last.
        settings: Hyper-parameters of an `LLMGenerator`.
        stored: Its weights by name, as `LLMGenerator.stored` gives them and a checkpoint holds them.
        annotation: Kind of descriptions that it was trained on, where that is known.

    Raises:
        InputError: When there is no adapter among the weights, or the folder cannot be written.
    """
    adapter = Adapter.of(settings.get("adapter", ""))
    config: Any = adapter.config() if adapter else lora_config(*own_settings(settings))
    arguments = _arguments(settings, adapter, annotation)
    write_adapter(folder, config, hub_name(settings["language_model"]), arguments, stored)


def own_settings(settings: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Returns LoRA's rank, alpha and dropout among the hyper-parameters of a model that takes adapters."""
    return settings["rank"], settings["alpha"], settings["dropout"]


def write_adapter(
    folder: str | Path, config: Any, base: str, arguments: Mapping[str, Any], stored: Mapping[str, Tensor]
) -> None:
    """Writes an adapter's three files.

    Args:
        folder: Made when it is missing; the configuration is written last.
        config: PEFT's.
        base: Name of the language model, for others.
        arguments: ms-swift's.
        stored: A model's weights by name, those of the adapter among them.

    Raises:
        InputError: As `save_adapter`.
    """
    from safetensors.torch import save_file

    weights = {_peft_name(name): values.detach().cpu() for name, values in stored.items() if "lora_" in name}
    if not weights:
        raise InputError(folder, "there is no adapter to write: the language model answers as it is", "tune it first")
    config.base_model_name_or_path = base
    config.inference_mode = True
    values = {name: sorted(value) if isinstance(value, set) else value for name, value in config.to_dict().items()}
    path = Path(folder)
    _write(path / WEIGHTS, lambda beside: save_file(weights, beside, metadata={"format": "pt"}))
    _write(path / ARGUMENTS, lambda beside: _write_json(beside, arguments))
    _write(path / CONFIG, lambda beside: _write_json(beside, values))


def hub_name(specification: str) -> str:
    """Returns the name of a language model for others: its hub name, or the folder that the user gave."""
    return HUB_NAMES.get(specification, specification.removeprefix("huggingface:"))


def _arguments(settings: Mapping[str, Any], adapter: Adapter | None, annotation: str) -> dict[str, Any]:
    """What ms-swift needs in order to ask as this project asked in training; it finds the template by the model."""
    from kfzoo.models.llm_generator.prompt import system_text

    semantic = settings["representation"] == "semantic"
    own = {name: settings[name] for name in _TRAINED}
    return {
        "model": hub_name(settings["language_model"]),
        "tuner_type": "lora",
        "train_type": "lora",  # the same, before ms-swift 4
        "task_type": "causal_lm",
        "torch_dtype": settings["precision"],
        "system": (adapter.system if adapter else "") or (system_text() if semantic else None),
        "response_prefix": _THOUGHT if settings["thinking"] == "empty" else "",
        "kfzoo": {"version": kfzoo.__version__, **own, **({"annotation": annotation} if annotation else {})},
    }


def _own_system(system: str) -> str:
    from kfzoo.models.llm_generator.prompt import system_text

    return "" if system == system_text() else system


def _check(path: Path, values: Mapping[str, Any]) -> None:
    """Refuses settings that would make another computation of the same weights."""
    if values.get("peft_type") != "LORA":
        raise InputError(path, f"is of a {values.get('peft_type', 'nameless')} adapter", "LoRA alone can be held")
    plain: Any = lora_config()
    default = plain.to_dict()
    told = {name: value for name, value in values.items() if name not in (*_HELD, *_ELSEWHERE)}
    odd = [name for name, value in told.items() if value and value != default.get(name)]
    if values.get("init_lora_weights", True) not in _STARTS:
        odd.append("init_lora_weights")
    if values.get("task_type") not in (None, "CAUSAL_LM"):
        odd.append("task_type")
    if odd:
        shown = ", ".join(f"{name}={json.dumps(values[name])[:60]}" for name in odd)
        raise InputError(path, f"sets {shown}, which cannot be held", "plain LoRA of linear layers can")
    if not isinstance(values.get("r"), int) or not values.get("target_modules"):
        raise InputError(path, "does not tell both r and target_modules", "copy it anew")


def _peft_name(name: str) -> str:
    """`model.base_model.….lora_A.default.weight` without what this module, and PEFT in memory, add to it."""
    return re.sub(r"\.default(?=\.|$)", "", name.removeprefix("model."))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be read ({error})", "copy it anew") from error
    if not isinstance(values, dict):
        raise InputError(path, "is no JSON object", "copy it anew")
    return values


def _write(path: Path, write: Callable[[Path], None]) -> None:
    with replacing(path) as beside:
        write(beside)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
