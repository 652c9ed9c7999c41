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
from kfzoo.language_models.adapter import hub_name, save_adapter
from kfzoo.language_models.loading import LORA_LAYERS, load_language_model
from kfzoo.models.base import KeyframeModule
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.llm_generator.prompt import system_text
from kfzoo.training.checkpoint import load_module

TOKENS = torch.arange(5, 45).reshape(2, 20)
WEIGHTS = "adapter_model.safetensors"
SWIFT_SYSTEM = "You are a professional facial animator."


def randomise(model: Any, seed: int = 0) -> None:
    """Gives every LoRA weight a value; a fresh B is 0, and an adapter that is lost would not be missed."""
    generator = torch.Generator().manual_seed(seed)
    for name, values in model.named_parameters():
        if "lora_" in name:
            values.data = 0.2 * torch.randn(values.shape, generator=generator)


def logits(model: Any) -> Tensor:
    with torch.inference_mode():
        found: Tensor = model.eval()(TOKENS).logits
    return found


def saved(model: LLMGenerator, folder: Path, annotation: str = "") -> Path:
    save_adapter(folder, model.hparams, model.stored(), annotation)
    return folder


def by_peft(specification: str, folder: Path, **settings: Any) -> Tensor:
    """Writes an adapter with plain PEFT, and returns the logits with it."""
    from peft import LoraConfig, get_peft_model

    base, _ = load_language_model(specification)
    paper: dict[str, Any] = {"task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 32, "lora_dropout": 0.05}
    model = get_peft_model(base, LoraConfig(**paper | {"target_modules": list(LORA_LAYERS)} | settings))
    randomise(model, 1)
    model.save_pretrained(str(folder))
    return logits(model)


def as_swift(folder: Path, **arguments: Any) -> Path:
    """Adds what ms-swift writes beside PEFT's files."""
    (folder / "additional_config.json").write_text(
        json.dumps({"lora_dtype": None, "lorap_lr_ratio": None, "lorap_emb_lr": 1e-06})
    )
    values = {"model": "Qwen/Qwen3-4B-Instruct-2507", "train_type": "lora", "system": None, "torch_dtype": "bfloat16"}
    (folder / "args.json").write_text(json.dumps(values | {"template": "qwen3_nothinking"} | arguments))
    return folder


def sample() -> Sample:
    return Sample(next(iter(BuiltinScripts(4))), 0, "arkit")


def quiet(*arguments: Any, **settings: Any) -> LLMGenerator:
    """Builds a generator of which nothing is told."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "model")
        return LLMGenerator(*arguments, **settings)


def store(model: LLMGenerator, path: Path) -> Path:
    checkpoint: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def test_plain_peft_loads_an_adapter_that_was_saved_here(tmp_path: Path, tiny_qwen3: str) -> None:
    from peft import PeftModel

    model = LLMGenerator(tiny_qwen3, rank=3, alpha=7, dropout=0.1)
    randomise(model)
    folder = saved(model, tmp_path / "adapter")
    assert sorted(each.name for each in folder.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "args.json"
    ]  # fmt: skip
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
    ids=["all", "attention", "expression", "patterns", "gaussian"],
)
def test_an_adapter_of_plain_peft_loads_here(tmp_path: Path, tiny_qwen3: str, settings: dict[str, Any]) -> None:
    wanted = by_peft(tiny_qwen3, tmp_path / "theirs", **settings)
    own = dict(
        rank=settings.get("r", 8), alpha=settings.get("lora_alpha", 32), dropout=settings.get("lora_dropout", 0.05)
    )
    model = quiet(tiny_qwen3, adapter=str(tmp_path / "theirs"), **own)
    torch.testing.assert_close(logits(model.model), wanted, rtol=0, atol=0)
    again = quiet(tiny_qwen3, adapter=str(saved(model, tmp_path / "ours")), **own)
    torch.testing.assert_close(logits(again.model), wanted, rtol=0, atol=0)


def test_an_adapter_of_ms_swift_loads_here(tmp_path: Path, tiny_qwen3: str) -> None:
    wanted = by_peft(tiny_qwen3, tmp_path, modules_to_save=[])
    model = quiet(tiny_qwen3, adapter=str(as_swift(tmp_path)), tune=False)
    torch.testing.assert_close(logits(model.model), wanted, rtol=0, atol=0)
    assert not any(each.requires_grad for each in model.parameters())
    assert model.configure_optimizers() is None
    assert model.generate(model.collate([sample()])).valid.all()


def test_ms_swift_is_told_how_to_ask(tmp_path: Path, tiny_qwen3: str) -> None:
    model = LLMGenerator(tiny_qwen3, "semantic", 3, "empty", precision="bfloat16")
    arguments = json.loads((saved(model, tmp_path, "image") / "args.json").read_text())
    assert arguments["model"] == tiny_qwen3.removeprefix("huggingface:")
    assert arguments["system"] == system_text()
    assert arguments["response_prefix"] == "<think>\n\n</think>\n\n"
    assert arguments["torch_dtype"] == "bfloat16"
    own = arguments["kfzoo"]
    assert own.pop("version")
    assert own == {"representation": "semantic", "decimals": 3, "thinking": "empty", "annotation": "image"}
    plain = json.loads((saved(LLMGenerator(tiny_qwen3, "non_semantic"), tmp_path) / "args.json").read_text())
    assert plain["system"] is None
    assert plain["response_prefix"] == ""


def test_the_base_is_named_as_others_know_it(tmp_path: Path, tiny_qwen3: str) -> None:
    model = LLMGenerator(tiny_qwen3)
    for given, name in {
        "huggingface:Qwen/Qwen3-4B-Instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
        "smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct",
    }.items():
        assert hub_name(given) == name
        save_adapter(tmp_path, {**model.hparams, "language_model": given}, model.stored())
        assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == name
        assert json.loads((tmp_path / "args.json").read_text())["model"] == name


def test_training_goes_on_from_an_adapter_and_its_checkpoint_needs_no_folder(tmp_path: Path, tiny_qwen3: str) -> None:
    folder = tmp_path / "theirs"
    wanted = by_peft(tiny_qwen3, folder, r=4, lora_alpha=16, target_modules=["q_proj", "up_proj"])
    adapter = str(as_swift(folder, system=SWIFT_SYSTEM))
    model = LLMGenerator(tiny_qwen3, "non_semantic", adapter=adapter, rank=4, alpha=16)
    assert {name for name, each in model.named_parameters() if each.requires_grad} == {
        name for name, _ in model.named_parameters() if "lora_" in name
    }
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=1.0)
    model.loss(model.collate([sample()]))["loss"].backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    learned = logits(model.model)
    assert (learned - wanted).abs().max() > 1e-3
    path = store(model, tmp_path / "best.ckpt")
    shutil.rmtree(folder)
    loaded = load_module(path, KeyframeModule)
    assert isinstance(loaded, LLMGenerator)
    torch.testing.assert_close(logits(loaded.model), learned, rtol=0, atol=0)
    assert loaded._prompt(sample()) == model._prompt(sample())


def test_an_adapter_that_only_answers_is_in_its_checkpoint_too(tmp_path: Path, tiny_qwen3: str) -> None:
    wanted = by_peft(tiny_qwen3, tmp_path / "theirs")
    model = LLMGenerator(tiny_qwen3, tune=False, adapter=str(tmp_path / "theirs"))
    assert any("lora_B" in name and values.any() for name, values in model.stored().items())
    path = store(model, tmp_path / "best.ckpt")
    shutil.rmtree(tmp_path / "theirs")
    loaded: Any = load_module(path, KeyframeModule)
    torch.testing.assert_close(logits(loaded.model), wanted, rtol=0, atol=0)
    assert not any(each.requires_grad for each in loaded.parameters())


def test_it_is_asked_with_the_system_message_that_it_was_trained_with(tmp_path: Path, tiny_qwen3: str) -> None:
    by_peft(tiny_qwen3, tmp_path)
    for system in (SWIFT_SYSTEM, system_text(), None):
        model = LLMGenerator(tiny_qwen3, adapter=str(as_swift(tmp_path, system=system)))
        text = model.chat.tokenizer.decode([token for part in model._prompt(sample()) for token in part])
        assert text.count(system or system_text()) == 1
        assert text.count("<|im_start|>system") == 1


def test_what_the_adapter_contradicts_is_told(tmp_path: Path, tiny_qwen3: str) -> None:
    by_peft(tiny_qwen3, tmp_path, r=4, lora_dropout=0.0)
    as_swift(tmp_path, template="qwen3", kfzoo={"representation": "non_semantic", "decimals": 3})
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "Qwen/Qwen3-14B"}))
    with pytest.warns(UserWarning, match="^model") as told:
        model = LLMGenerator(tiny_qwen3, adapter=str(tmp_path), rank=8, alpha=32, dropout=0.05)
    base = tiny_qwen3.removeprefix("huggingface:")
    assert [said for each in told if (said := str(each.message)).startswith("model.")] == [
        "model.rank is 8, but the adapter's is 4, and that counts",
        "model.dropout is 0.05, but the adapter's is 0.0, and that counts",
        "model.representation is semantic, but the adapter was trained with non_semantic",
        "model.decimals is 1, but the adapter was trained with 3",
        "model.thinking is none, but the adapter was trained with empty",
        f"model.language_model is {base}, but the adapter was trained on Qwen/Qwen3-14B",
    ]
    assert (model.hparams["rank"], model.hparams["alpha"], model.hparams["dropout"]) == (4, 32, 0.0)
    assert model.hparams["representation"] == "semantic"


def refused(specification: str, folder: Path) -> str:
    with pytest.raises(InputError) as told:
        LLMGenerator(specification, adapter=str(folder))
    assert "\n" not in str(told.value)
    return str(told.value).replace(f"{folder}/", "").replace(f"{folder}: ", "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"use_dora": True}, "adapter_config.json: sets use_dora=true, which cannot be held; plain LoRA"),
        ({"modules_to_save": ["lm_head"]}, 'sets modules_to_save=["lm_head"], which cannot be held'),
        ({"init_lora_weights": "pissa"}, 'sets init_lora_weights="pissa", which cannot be held'),
        ({"bias": "all"}, 'sets bias="all", which cannot be held'),
        ({"task_type": "SEQ_CLS"}, 'sets task_type="SEQ_CLS", which cannot be held'),
        ({"new_of_2030": {"x": 1}}, 'sets new_of_2030={"x": 1}, which cannot be held'),
        ({"peft_type": "IA3"}, "is of a IA3 adapter; LoRA alone can be held"),
        ({"r": None}, "does not tell both r and target_modules"),
        ({"layers_pattern": "layers"}, "cannot be used (When `layers_pattern` is specified"),
        ({"target_modules": ["c_attn"]}, "model.adapter: does not fit a Qwen3ForCausalLM (Target modules"),
        ({"r": 6}, "adapter_model.safetensors: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight is "),
        ({"target_modules": ["q_proj"]}, "adapter_model.safetensors: also holds base_model.model.model.layers.0.mlp"),
    ],
)
def test_an_adapter_that_cannot_be_held_is_refused(
    tmp_path: Path, tiny_qwen3: str, settings: dict[str, Any], message: str
) -> None:
    by_peft(tiny_qwen3, tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | settings))
    assert message in refused(tiny_qwen3, tmp_path)


def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, tiny_qwen3: str) -> None:
    assert refused(tiny_qwen3, tmp_path).startswith("holds no adapter_config.json; give the folder that PEFT")
    assert refused(tiny_qwen3, tmp_path / "nowhere").startswith("holds no adapter_config.json")
    by_peft(tiny_qwen3, tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    assert refused(tiny_qwen3, tmp_path).startswith("adapter_model.safetensors: is damaged or no safetensors file (")
    weights.unlink()
    assert refused(tiny_qwen3, tmp_path).startswith("adapter_model.safetensors: no such file; adapter_model.bin is not")
    (tmp_path / "args.json").write_text("[1]")
    assert refused(tiny_qwen3, tmp_path) == "args.json: is no JSON object; copy it anew"
    (tmp_path / "adapter_config.json").write_text('{"r":')
    assert refused(tiny_qwen3, tmp_path).startswith("adapter_config.json: cannot be read (")


def test_missing_and_unknown_weights_are_named(tmp_path: Path, tiny_qwen3: str) -> None:
    from safetensors.torch import load_file, save_file

    by_peft(tiny_qwen3, tmp_path, target_modules=["q_proj"])
    weights = load_file(tmp_path / "adapter_model.safetensors")
    lost = sorted(weights)[0]
    save_file({name: values for name, values in weights.items() if name != lost}, tmp_path / WEIGHTS)
    assert refused(tiny_qwen3, tmp_path).startswith(f"{WEIGHTS}: lacks {lost}, other than this language model needs;")
    save_file(weights | {"base_model.model.lm_head.weight": torch.ones(2, 2)}, tmp_path / WEIGHTS)
    assert "also holds base_model.model.lm_head.weight, other than" in refused(tiny_qwen3, tmp_path)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden_size": 32}, "q_proj.lora_A.weight is (8, 64), but this language model needs (8, 32); give the"),
        ({"num_hidden_layers": 1}, "also holds base_model.model.model.layers.1.mlp.down_proj.lora_A.weight, "),
        ({"num_hidden_layers": 3}, "lacks base_model.model.model.layers.2.mlp.down_proj.lora_A.weight, "),
    ],
    ids=["narrower", "shallower", "deeper"],
)
def test_an_adapter_of_another_base_is_refused(
    tmp_path: Path, tiny_qwen3: str, sizes: dict[str, int], message: str
) -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    by_peft(tiny_qwen3, tmp_path / "adapter")
    other = tmp_path / "other"
    shutil.copytree(tiny_qwen3.removeprefix("huggingface:"), other)
    config = Qwen3Config.from_pretrained(other)
    for name, size in sizes.items():
        setattr(config, name, size)
    config.layer_types = ["full_attention"] * config.num_hidden_layers
    Qwen3ForCausalLM(config).save_pretrained(other)
    assert message in refused(f"huggingface:{other}", tmp_path / "adapter")


def test_a_language_model_as_it_is_has_no_adapter_to_write(tmp_path: Path, tiny_qwen3: str) -> None:
    with pytest.raises(InputError, match="there is no adapter to write: the language model answers as it is; tune it"):
        saved(LLMGenerator(tiny_qwen3, tune=False), tmp_path / "out")
    assert not (tmp_path / "out").exists()
