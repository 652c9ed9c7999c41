"""Language models by specification, counted as the paper counts them, and LoRA as the paper sets it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from kfzoo.errors import InputError
from kfzoo.language_models.loading import (
    LORA_LAYERS,
    add_lora,
    language_config,
    load_language_model,
    load_tokenizer,
    lora_config,
    meta_language_model,
)


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


def test_the_tiny_tokenizer_is_of_qwens_make(tiny_qwen3: str) -> None:
    tokenizer = load_tokenizer(tiny_qwen3)
    ids = tokenizer.encode('{"HeadYaw":-0.12}<think>\n\n</think>Head\n\n<|im_end|>')
    assert tokenizer.convert_ids_to_tokens(ids)[1:] == [
        *("HeadYaw", '":-', "0", ".", "1", "2", "}", "<think>", "ĊĊ", "</think>", "Head", "ĊĊ", "<|im_end|>")
    ]
    assert tokenizer.decode(tokenizer.encode("ünï 😀\n 12")) == "ünï 😀\n 12"
    assert str(tokenizer.decode(ids, skip_special_tokens=True)).endswith("</think>Head\n\n")
    chat = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>system\na<|im_end|>\n<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_tokenizer_without_padding_pads_with_its_end(tiny_qwen3: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_qwen3)
    assert tokenizer.pad_token == "<|endoftext|>"
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(f"huggingface:{tmp_path}").pad_token in ("<|im_end|>", "<|endoftext|>")


def test_lora_changes_nothing_at_first_and_trains_nothing_else(tiny_qwen3: str) -> None:
    model, _ = load_language_model(tiny_qwen3)
    tokens = torch.arange(12)[None]
    with torch.no_grad():
        before = model(tokens).logits
        tuned = add_lora(model, lora_config(r=4)).eval()
        torch.testing.assert_close(tuned(tokens).logits, before, rtol=0, atol=0)
    trained = [name for name, values in tuned.named_parameters() if values.requires_grad]
    assert len(trained) == 2 * 2 * len(LORA_LAYERS)  # layers, A and B
    assert all(".lora_" in name for name in trained)
    assert not any("lm_head" in name for name in trained)
    config: Any = tuned.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout, config.bias) == (4, 32, 0.05, "none")
    assert lora_config().r == 8


def test_lora_of_a_bfloat16_model_is_float32(tiny_qwen3: str) -> None:
    model = add_lora(load_language_model(tiny_qwen3, torch.bfloat16)[0])
    assert {values.dtype for values in model.parameters() if values.requires_grad} == {torch.float32}


def test_lora_wants_all_of_its_layers() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(InputError, match="a GPT2LMHeadModel has no layers named q_proj, k_proj, v_proj, o_proj, gate"):
        add_lora(model)


@pytest.mark.parametrize("specification", ["smollm", "smollm2:x", "huggingface:", "", "qwen"])
def test_an_unknown_specification_is_told(specification: str) -> None:
    with pytest.raises(InputError, match="expected 'smollm2' or 'huggingface:<name or folder>'"):
        load_language_model(specification)


def test_smollm2_that_is_not_there_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFZOO_CACHE", str(tmp_path))
    with pytest.raises(InputError) as told:
        load_tokenizer("smollm2")
    assert str(told.value) == (
        f"language model 'smollm2': is not in the cache ({tmp_path / 'assets' / 'smollm2'}); "
        "python -m kfzoo assets get smollm2"
    )


@pytest.mark.parametrize("name", ["Qwen/Qwen3-4B-Instruct-2507", "../not/there", "no such"])
def test_a_hub_model_that_is_not_there_is_told_with_both_ways(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError) as told:
        load_language_model(f"huggingface:{name}")
    text = str(told.value)
    assert text.startswith(f"language model 'huggingface:{name}': is neither a folder, nor on this machine, nor to")
    assert "where there is a network its name is enough; without one, download it elsewhere and give its folder" in text
    assert "\n" not in text


def test_weights_that_lack_a_part_are_not_filled_with_chance(tiny_qwen3: str, tmp_path: Path) -> None:
    folder = copy_of(tiny_qwen3, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 of its weights, such as model\.layers\.1\.mlp\.up_proj\.weight;"):
        load_language_model(f"huggingface:{folder}")


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_folder_that_cannot_be_read_is_told_in_one_line(
    tiny_qwen3: str, tmp_path: Path, broken: str, how: str
) -> None:
    folder = copy_of(tiny_qwen3, tmp_path / "model")
    path = folder / broken
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"^language model 'huggingface:.*': cannot be read \(.*\); ") as told:
        load_language_model(f"huggingface:{folder}")
    assert "\n" not in str(told.value)
