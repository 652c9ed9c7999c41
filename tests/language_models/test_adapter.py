"""LoRA adapters of PEFT and ms-swift in and out, and what is refused."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import ARGUMENTS, CONFIG, WEIGHTS, Adapter, hub_name
from kfzoo.language_models.loading import load_language_model
from kfzoo.language_models.lora import LORA_LAYERS
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.llm_generator.prompt import system_text
from kfzoo.training.checkpoint import load_module
from tests.language_models.helpers import save_checkpoint

TOKENS = torch.arange(5, 45).reshape(2, 20)
SWIFT_SYSTEM = "You are a professional facial animator."
SAMPLE = Sample(next(iter(BuiltinScripts(4))), 0, "arkit")
FIRST = "base_model.model.model.layers"


def randomise(model: Any, seed: int = 0) -> None:
    """Gives every LoRA weight a value; with a fresh B of 0, a lost adapter would not be noticed."""
    generator = torch.Generator().manual_seed(seed)
    for name, values in model.named_parameters():
        if "lora_" in name:
            values.data = 0.2 * torch.randn(values.shape, generator=generator)


def logits(model: Any) -> Tensor:
    with torch.inference_mode():
        found: Tensor = model.eval()(TOKENS).logits
    return found


def saved(model: LLMGenerator, folder: Path, annotation: str = "") -> Path:
    LLMGenerator.save_adapter(folder, model.hparams, model.stored(), annotation)
    return folder


def read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def change(folder: Path, **settings: Any) -> None:
    (folder / CONFIG).write_text(json.dumps(read(folder, CONFIG) | settings))


def by_peft(specification: str, folder: Path, **settings: Any) -> Tensor:
    """Writes an adapter with plain PEFT, and returns the logits with it."""
    from peft import LoraConfig, get_peft_model

    base, _ = load_language_model(specification)
    paper: dict[str, Any] = {"task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 32, "lora_dropout": 0.05}
    model = get_peft_model(base, LoraConfig(**paper | {"target_modules": list(LORA_LAYERS)} | settings))
    randomise(model, 1)
    model.save_pretrained(str(folder))
    return logits(model)


def as_swift(folder: Path, **arguments: Any) -> str:
    """Adds the files that ms-swift writes next to PEFT's."""
    (folder / "additional_config.json").write_text(json.dumps({"lora_dtype": None, "lorap_emb_lr": 1e-06}))
    values = {"model": "Qwen/Qwen3-4B-Instruct-2507", "train_type": "lora", "system": None, "torch_dtype": "bfloat16"}
    (folder / ARGUMENTS).write_text(json.dumps(values | {"template": "qwen3_nothinking"} | arguments))
    return str(folder)


def without_warning(*arguments: Any, **settings: Any) -> LLMGenerator:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "model")
        return LLMGenerator(*arguments, **settings)


def reloaded(model: LLMGenerator, path: Path) -> LLMGenerator:
    """Returns the model after a round trip through a checkpoint."""
    return load_module(save_checkpoint(model, path), LLMGenerator)


def test_plain_peft_loads_an_adapter_that_was_saved_here(tmp_path: Path, tiny_qwen3: str) -> None:
    from peft import PeftModel

    model = LLMGenerator(tiny_qwen3, rank=3, alpha=7, dropout=0.1)
    randomise(model)
    folder = saved(model, tmp_path / "adapter")
    assert {each.name for each in folder.iterdir()} == {CONFIG, WEIGHTS, ARGUMENTS}
    base, _ = load_language_model(tiny_qwen3)
    untuned = logits(base)
    found = PeftModel.from_pretrained(base, str(folder))
    torch.testing.assert_close(logits(found), logits(model.model), rtol=0, atol=0)
    assert (logits(found) - untuned).abs().max() > 0.1
    config: Any = found.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (3, 7, 0.1)
    assert config.target_modules == set(LORA_LAYERS)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"target_modules": ["q_proj", "v_proj"], "r": 2, "lora_alpha": 0, "lora_dropout": 0.0},
        {"target_modules": r".*\.layers\.1\..*(up|down)_proj", "use_rslora": True},
        {"layers_to_transform": 0, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 5}},
        {"init_lora_weights": "gaussian"},
    ],
)
def test_an_adapter_of_plain_peft_loads_here(tmp_path: Path, tiny_qwen3: str, settings: dict[str, Any]) -> None:
    expected = by_peft(tiny_qwen3, tmp_path / "theirs", **settings)
    defaults = {"r": 8, "lora_alpha": 32, "lora_dropout": 0.05} | settings
    own = dict(rank=defaults["r"], alpha=defaults["lora_alpha"], dropout=defaults["lora_dropout"])
    model = without_warning(tiny_qwen3, adapter=str(tmp_path / "theirs"), **own)
    torch.testing.assert_close(logits(model.model), expected, rtol=0, atol=0)
    again = without_warning(tiny_qwen3, adapter=str(saved(model, tmp_path / "ours")), **own)
    torch.testing.assert_close(logits(again.model), expected, rtol=0, atol=0)


def test_an_adapter_of_ms_swift_loads_here(tmp_path: Path, tiny_qwen3: str) -> None:
    expected = by_peft(tiny_qwen3, tmp_path, modules_to_save=[])
    model = without_warning(tiny_qwen3, adapter=as_swift(tmp_path), tune=False)
    torch.testing.assert_close(logits(model.model), expected, rtol=0, atol=0)
    assert not any(each.requires_grad for each in model.parameters())
    assert model.configure_optimizers() is None
    assert model.generate(model.collate([SAMPLE])).valid.all()


def test_ms_swift_reads_how_to_ask(tmp_path: Path, tiny_qwen3: str) -> None:
    model = LLMGenerator(tiny_qwen3, "semantic", 3, "empty", precision="bfloat16")
    arguments = read(saved(model, tmp_path, "image"), ARGUMENTS)
    assert arguments["model"] == tiny_qwen3.removeprefix("huggingface:")
    assert arguments["system"] == system_text()
    assert arguments["response_prefix"] == "<think>\n\n</think>\n\n"
    assert arguments["torch_dtype"] == "bfloat16"
    own = arguments["kfzoo"]
    assert own.pop("version")
    assert own == {"representation": "semantic", "decimals": 3, "thinking": "empty", "annotation": "image"}
    plain = read(saved(LLMGenerator(tiny_qwen3, "non_semantic"), tmp_path), ARGUMENTS)
    assert (plain["system"], plain["response_prefix"]) == (None, "")


def test_the_base_has_its_hub_name(tmp_path: Path, tiny_qwen3: str) -> None:
    model = LLMGenerator(tiny_qwen3)
    own = "Qwen/Qwen3-4B-Instruct-2507"
    for given, name in ((f"huggingface:{own}", own), ("smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct")):
        assert hub_name(given) == name
        LLMGenerator.save_adapter(tmp_path, {**model.hparams, "language_model": given}, model.stored())
        assert read(tmp_path, CONFIG)["base_model_name_or_path"] == read(tmp_path, ARGUMENTS)["model"] == name


def test_an_adapter_is_trained_further_and_its_checkpoint_needs_no_folder(tmp_path: Path, tiny_qwen3: str) -> None:
    folder = tmp_path / "theirs"
    before = by_peft(tiny_qwen3, folder, r=4, lora_alpha=16, target_modules=["q_proj", "up_proj"])
    adapter = as_swift(folder, system=SWIFT_SYSTEM)
    model = LLMGenerator(tiny_qwen3, "non_semantic", adapter=adapter, rank=4, alpha=16)
    trained = {name for name, each in model.named_parameters() if each.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if "lora_" in name}
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=1.0)
    model.loss(model.collate([SAMPLE]))["loss"].backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    after = logits(model.model)
    assert (after - before).abs().max() > 1e-3
    shutil.rmtree(folder)
    loaded = reloaded(model, tmp_path / "best.ckpt")
    torch.testing.assert_close(logits(loaded.model), after, rtol=0, atol=0)
    assert loaded._prompt(SAMPLE) == model._prompt(SAMPLE)


def test_the_checkpoint_of_an_untrained_adapter_holds_it(tmp_path: Path, tiny_qwen3: str) -> None:
    expected = by_peft(tiny_qwen3, tmp_path / "theirs")
    model = LLMGenerator(tiny_qwen3, tune=False, adapter=str(tmp_path / "theirs"))
    assert any("lora_B" in name and values.any() for name, values in model.stored().items())
    shutil.rmtree(tmp_path / "theirs")
    loaded = reloaded(model, tmp_path / "best.ckpt")
    torch.testing.assert_close(logits(loaded.model), expected, rtol=0, atol=0)
    assert not any(each.requires_grad for each in loaded.parameters())


@pytest.mark.parametrize("system", [SWIFT_SYSTEM, system_text(), None], ids=["theirs", "ours", "none"])
def test_the_prompt_has_the_system_message_of_the_adapter(tmp_path: Path, tiny_qwen3: str, system: str | None) -> None:
    by_peft(tiny_qwen3, tmp_path)
    model = LLMGenerator(tiny_qwen3, adapter=as_swift(tmp_path, system=system))
    text = model.chat.tokenizer.decode([token for part in model._prompt(SAMPLE) for token in part])
    assert text.count(system or system_text()) == 1
    assert text.count("<|im_start|>system") == 1


def test_settings_that_the_adapter_contradicts_are_reported(tmp_path: Path, tiny_qwen3: str) -> None:
    by_peft(tiny_qwen3, tmp_path, r=4, lora_dropout=0.0)
    as_swift(tmp_path, template="qwen3", kfzoo={"representation": "non_semantic", "decimals": 3})
    change(tmp_path, base_model_name_or_path="Qwen/Qwen3-14B")
    with pytest.warns(UserWarning, match="^model") as caught:
        model = LLMGenerator(tiny_qwen3, adapter=str(tmp_path), rank=8, alpha=32, dropout=0.05)
    base = tiny_qwen3.removeprefix("huggingface:")
    assert [text for each in caught if (text := str(each.message)).startswith("model.")] == [
        "model.rank is 8, but the adapter's is 4, which is used",
        "model.dropout is 0.05, but the adapter's is 0.0, which is used",
        "model.representation is semantic, but the adapter was trained with non_semantic",
        "model.decimals is 1, but the adapter was trained with 3",
        "model.thinking is none, but the adapter was trained with empty",
        f"model.language_model is {base}, but the adapter was trained on Qwen/Qwen3-14B",
    ]
    assert (model.hparams["rank"], model.hparams["alpha"], model.hparams["dropout"]) == (4, 32, 0.0)
    assert model.hparams["representation"] == "semantic"


def refused(specification: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        LLMGenerator(specification, adapter=str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "").replace(f"{folder}: ", "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"use_dora": True}, f"{CONFIG}: sets use_dora=true, which is not supported; use plain LoRA"),
        ({"modules_to_save": ["lm_head"]}, 'sets modules_to_save=["lm_head"], which is not supported'),
        ({"init_lora_weights": "pissa"}, 'sets init_lora_weights="pissa", which is not supported'),
        ({"bias": "all"}, 'sets bias="all", which is not supported'),
        ({"task_type": "SEQ_CLS"}, 'sets task_type="SEQ_CLS", which is not supported'),
        ({"new_of_2030": {"x": 1}}, 'sets new_of_2030={"x": 1}, which is not supported'),
        ({"peft_type": "IA3"}, "is of a IA3 adapter; only LoRA is supported"),
        ({"r": None}, "lacks r or target_modules"),
        ({"layers_pattern": "layers"}, "cannot be used (When `layers_pattern` is specified"),
        ({"target_modules": ["c_attn"]}, "model.adapter: does not fit a Qwen3ForCausalLM (Target modules"),
        ({"r": 6}, f"{WEIGHTS}: {FIRST}.0.self_attn.q_proj.lora_A.weight is "),
        ({"target_modules": ["q_proj"]}, f"{WEIGHTS}: also holds {FIRST}.0.mlp"),
    ],
)
def test_an_unsupported_adapter_is_refused(
    tmp_path: Path, tiny_qwen3: str, settings: dict[str, Any], message: str
) -> None:
    by_peft(tiny_qwen3, tmp_path)
    change(tmp_path, **settings)
    assert message in refused(tiny_qwen3, tmp_path)


def test_an_incomplete_folder_is_refused(tmp_path: Path, tiny_qwen3: str) -> None:
    assert refused(tiny_qwen3, tmp_path).startswith(f"holds no {CONFIG}; give the folder that PEFT")
    assert refused(tiny_qwen3, tmp_path / "nowhere").startswith(f"holds no {CONFIG}")
    by_peft(tiny_qwen3, tmp_path)
    weights = tmp_path / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    assert refused(tiny_qwen3, tmp_path).startswith(f"{WEIGHTS}: is damaged or no safetensors file (")
    weights.unlink()
    assert refused(tiny_qwen3, tmp_path).startswith(f"{WEIGHTS}: no such file; adapter_model.bin is not")
    (tmp_path / ARGUMENTS).write_text("[1]")
    assert refused(tiny_qwen3, tmp_path) == f"{ARGUMENTS}: is no JSON object; copy it again"
    (tmp_path / CONFIG).write_text('{"r":')
    assert refused(tiny_qwen3, tmp_path).startswith(f"{CONFIG}: cannot be read (")


def test_missing_and_unknown_weights_are_named(tmp_path: Path, tiny_qwen3: str) -> None:
    from safetensors.torch import load_file, save_file

    by_peft(tiny_qwen3, tmp_path, target_modules=["q_proj"])
    weights = load_file(tmp_path / WEIGHTS)
    lost = min(weights)
    save_file({name: values for name, values in weights.items() if name != lost}, tmp_path / WEIGHTS)
    assert refused(tiny_qwen3, tmp_path).startswith(f"{WEIGHTS}: lacks {lost}, unlike this language model;")
    save_file(weights | {"base_model.model.lm_head.weight": torch.ones(2, 2)}, tmp_path / WEIGHTS)
    assert "also holds base_model.model.lm_head.weight, unlike" in refused(tiny_qwen3, tmp_path)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden_size": 32}, "q_proj.lora_A.weight is (8, 64), but this language model needs (8, 32); give the"),
        ({"num_hidden_layers": 1}, f"also holds {FIRST}.1.mlp.down_proj.lora_A.weight, "),
        ({"num_hidden_layers": 3}, f"lacks {FIRST}.2.mlp.down_proj.lora_A.weight, "),
    ],
)
def test_an_adapter_of_another_base_is_refused(
    tmp_path: Path, tiny_qwen3: str, sizes: dict[str, Any], message: str
) -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    by_peft(tiny_qwen3, tmp_path / "adapter")
    other = tmp_path / "other"
    shutil.copytree(tiny_qwen3.removeprefix("huggingface:"), other)
    layers = ["full_attention"] * sizes.get("num_hidden_layers", 2)
    config = Qwen3Config.from_pretrained(other, layer_types=layers, **sizes)
    Qwen3ForCausalLM(config).save_pretrained(other)
    assert message in refused(f"huggingface:{other}", tmp_path / "adapter")


def test_an_untuned_language_model_has_no_adapter_to_write(tmp_path: Path, tiny_qwen3: str) -> None:
    with pytest.raises(InputError, match="there is no adapter to write: the language model was not tuned; tune it"):
        saved(LLMGenerator(tiny_qwen3, tune=False), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("template", "thinking"), [("qwen3", "empty"), ("qwen3_nothinking", "none"), ("deepseek_r1", "none")]
)
def test_a_template_of_ms_swift_says_what_precedes_an_answer(
    tmp_path: Path, tiny_qwen3: str, template: str, thinking: str
) -> None:
    by_peft(tiny_qwen3, tmp_path)
    assert Adapter.read(as_swift(tmp_path, template=template)).trained == {"thinking": thinking}
