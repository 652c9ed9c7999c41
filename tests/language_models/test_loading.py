"""Language models by specification, the paper's parameter counts, and LoRA as the paper sets it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from kfzoo.errors import InputError
from kfzoo.language_models.loading import language_config, load_language_model, load_tokenizer
from kfzoo.language_models.lora import LORA_LAYERS, add_lora, lora_config
from tests.language_models.helpers import meta_language_model


def copy_of(specification: str, folder: Path) -> Path:
    shutil.copytree(specification.removeprefix("huggingface:"), folder)
    return folder


@pytest.mark.parametrize(
    ("name", "trainable", "total"),
    [
        ("Qwen/Qwen3-4B-Instruct-2507", 16_515_072, 4_038_983_168),  # KeyframeFace prints 16.5151M of 4038.9832M
        ("Qwen/Qwen3-14B", 32_112_640, 14_800_419_840),  # and 32.1126M of 14800.4198M
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 34_406_400, 14_804_440_064),
    ],
)
def test_parameters_of_the_papers_models_are_counted_without_a_hub(name: str, trainable: int, total: int) -> None:
    model = add_lora(meta_language_model(f"huggingface:{name}"))
    assert model.get_nb_trainable_parameters() == (trainable, total)
    assert {values.device.type for values in model.parameters()} == {"meta"}


def test_a_model_in_a_folder_is_loaded_with_its_tokenizer(tiny_qwen3: str) -> None:
    model, tokenizer = load_language_model(tiny_qwen3)
    assert (model.dtype, model.training, model.config._attn_implementation) == (torch.float32, False, "sdpa")
    assert len(tokenizer) == model.config.vocab_size == language_config(tiny_qwen3).vocab_size
    assert sum(values.numel() for values in meta_language_model(tiny_qwen3).parameters()) == model.num_parameters()
    half, _ = load_language_model(tiny_qwen3, torch.bfloat16)
    assert {values.dtype for values in half.parameters()} == {torch.bfloat16}


def test_a_tokenizer_without_padding_pads_with_its_end(tiny_qwen3: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_qwen3)
    assert tokenizer.pad_token == "<|endoftext|>"
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(f"huggingface:{tmp_path}").pad_token in ("<|im_end|>", "<|endoftext|>")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lora_changes_nothing_at_first_and_trains_nothing_else(tiny_qwen3: str, dtype: torch.dtype) -> None:
    model, _ = load_language_model(tiny_qwen3, dtype)
    tokens = torch.arange(12)[None]
    with torch.no_grad():
        before = model(tokens).logits
        tuned = add_lora(model, lora_config(r=4)).eval()
        torch.testing.assert_close(tuned(tokens).logits, before, rtol=0, atol=0)
    trained = {name: values.dtype for name, values in tuned.named_parameters() if values.requires_grad}
    assert len(trained) == 2 * 2 * len(LORA_LAYERS)  # layers, A and B
    assert all(".lora_" in name and "lm_head" not in name for name in trained)
    assert set(trained.values()) == {torch.float32}
    config: Any = tuned.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout, config.bias) == (4, 32, 0.05, "none")
    assert lora_config().r == 8


def test_lora_needs_all_of_its_layers() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(InputError, match="a GPT2LMHeadModel has no layers named q_proj, k_proj, v_proj, o_proj, gate"):
        add_lora(model)


@pytest.mark.parametrize("specification", ["smollm", "smollm2:x", "huggingface:", "", "qwen"])
def test_an_unknown_specification_is_refused(specification: str) -> None:
    with pytest.raises(InputError, match="expected 'smollm2' or 'huggingface:<name or folder>'"):
        load_language_model(specification)


def test_a_missing_smollm2_is_reported_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFZOO_CACHE", str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_tokenizer("smollm2")
    problem = f"language model 'smollm2': is not in the cache ({tmp_path / 'assets' / 'smollm2'})"
    assert str(caught.value) == f"{problem}; python -m kfzoo assets get smollm2"


@pytest.mark.parametrize("name", ["Qwen/Qwen3-4B-Instruct-2507", "../not/there", "no such"])
def test_a_missing_hub_model_is_reported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_language_model(f"huggingface:{name}")
    text = str(caught.value)
    assert text.startswith(f"language model 'huggingface:{name}': is neither a folder, nor in the hub's cache, nor can")
    assert text.endswith("; without a network, download it elsewhere and give its folder: huggingface:<folder>")
    assert "\n" not in text


def test_missing_weights_are_not_filled_with_random_numbers(tiny_qwen3: str, tmp_path: Path) -> None:
    folder = copy_of(tiny_qwen3, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 of its weights, such as model\.layers\.1\.mlp\.up_proj\.weight;"):
        load_language_model(f"huggingface:{folder}")


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_an_unreadable_folder_is_reported_in_one_line(tiny_qwen3: str, tmp_path: Path, broken: str, how: str) -> None:
    folder = copy_of(tiny_qwen3, tmp_path / "model")
    path = folder / broken
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"^language model 'huggingface:.*': cannot be read \(.*\); ") as caught:
        load_language_model(f"huggingface:{folder}")
    assert "\n" not in str(caught.value)
