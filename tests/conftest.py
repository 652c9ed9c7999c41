"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from kfzoo.arkit.channels import CHANNELS
from kfzoo.recordings.live_link import write_take
from tests import real_data

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# On tensors as small as the tests' two threads only wait for each other, and for whatever else the machine does.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

WITHOUT_DATA = "without real data"


def pytest_configure() -> None:
    real_data.check(os.environ.get(real_data.VARIABLE, ""))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Puts the tests that need real data into a category of their own, so that `-ra` does not list each of them."""
    if report.skipped and isinstance(report.longrepr, tuple) and report.longrepr[2].endswith(real_data.REASON):
        return WITHOUT_DATA, "s", "SKIPPED"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the tests that were skipped for want of real data, in one line."""
    if count := len(terminalreporter.getreports(WITHOUT_DATA)):
        contents = "livelink/, released/, mediapipe/ and ict_facekit.tar.xz"
        terminalreporter.write_line(
            f"{count} tests skipped without real data: set {real_data.VARIABLE} to the folder that holds {contents}."
        )


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An embedding cache of the session's own: nothing is read from, or left in, the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KFZOO_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def takes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short takes of smooth, made-up motion in Live Link Face's format, 12 s each."""
    folder = tmp_path_factory.mktemp("takes")
    seconds = np.arange(0, 12, 1 / 60)
    for number, emotion in enumerate(("Angry", "Sad", "Fearful", "Happy", "Neutral")):
        generator = np.random.default_rng(number)
        rates, phases = generator.uniform(0.1, 0.6, (2, len(CHANNELS)))
        waves = np.sin(2 * np.pi * (rates * seconds[:, None] + phases))
        coefficients = np.clip(0.6 * waves * generator.uniform(0, 1, len(CHANNELS)), 0, 1)
        write_take(folder / f"{emotion}_{number}.csv", coefficients.astype(np.float32))
    return folder


@pytest.fixture(scope="session")
def express4d_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty short recordings of made-up motion in Express4D's layout, the last of them shorter than a second."""
    folder = tmp_path_factory.mktemp("express4d")
    for name in ("data", "texts"):
        (folder / name).mkdir()
    names = [f"{number:06d}" for number in range(30)]
    for number, name in enumerate(names):
        generator = np.random.default_rng(number)
        seconds = np.arange(30 if number == 29 else 80 + 10 * number) / 60
        waves = np.sin(2 * np.pi * (generator.uniform(0.1, 0.6, len(CHANNELS)) * seconds[:, None]))
        np.save(folder / "data" / f"{name}.npy", (0.5 + 0.4 * waves).astype(np.float32))
        words = f"the left brow rises, {number}#the/DET left/ADJ brow/NOUN\n"
        (folder / "texts" / f"{name}.txt").write_text(words)
    (folder / "train.txt").write_text("\n".join(names[:24]))
    (folder / "test.txt").write_text("\n".join(names[24:]))
    return folder


@pytest.fixture(scope="session")
def tiny_sentence_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Specification of a sentence-transformers model of a few thousand random weights, on disk."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("sentence")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *ascii_lowercase, *".,;", *(f"##{letter}" for letter in ascii_lowercase)]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    transformer = Transformer(str(folder), max_seq_length=64)
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(folder / "model"))
    return f"sentence-transformers:{folder / 'model'}"


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Specification of an open_clip model of a few thousand random weights, on disk."""
    import open_clip
    import torch

    folder = tmp_path_factory.mktemp("clip")
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"open_clip:local-dir:{folder}"


@pytest.fixture(scope="session")
def tiny_vision(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Specification of a vision transformer of transformers with a few thousand random weights, on disk."""
    import torch
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    folder = tmp_path_factory.mktemp("vision")
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=224, patch_size=56
    )
    ViTModel(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 224, "width": 224}).save_pretrained(folder)
    return f"huggingface:{folder}"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts of nine subjects in our own format, each keyframe with its image, drawn; and `few.jsonl` of them."""
    from dataclasses import replace

    from kfzoo.data.sources.builtin import BuiltinScripts
    from kfzoo.data.sources.jsonl import write_scripts
    from kfzoo.rendering.drawing.draw import draw_face

    folder = tmp_path_factory.mktemp("images")
    scripts = []
    for number, script in enumerate(BuiltinScripts(180)):
        keyframes = []
        for keyframe in script.keyframes:
            path = folder / f"{number}-{keyframe.index}.png"
            assert keyframe.coefficients is not None
            draw_face(keyframe.coefficients, 32).save(path)
            keyframes.append(replace(keyframe, image_path=str(path)))
        scripts.append(replace(script, subject=f"S{number % 9}", part=None, keyframes=tuple(keyframes)))
    write_scripts(folder / "faces.jsonl", scripts)
    write_scripts(folder / "few.jsonl", scripts[:18])
    return folder / "faces.jsonl"


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
DECODER: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, **_HEADS}
DECODER["initializer_range"] = 0.2  # far apart logits: rounding does not change which token is most likely


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Specification of a Qwen3 of two layers and random weights, with a small tokenizer of Qwen's make, on disk.

    As with Qwen, digits are tokens of their own, `":-` is one token, and `<think>` is a token that is not special.
    """
    import torch
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

    folder = tmp_path_factory.mktemp("qwen3")
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    lines = [
        "You are a system that turns the description of a facial expression into ARKit parameters.",
        "The background of the scene, the emotion, and the description of each keyframe of the script.",
        "Generate the parameters of Keyframe one; values between -1.0 and 1.0. Output JSON only.",
        *20 * ["system user assistant\n\n"],
        "The mouth opens, the left eye blinks, the right brow rises, the head turns a little to the left.",
        *(f'{{"Keyframe_one":{{"{name}":0.0,"{name}":-0.2,"{name}":1.0}}}}\n[0.0,-0.2,1.0]' for name in CHANNELS),
    ]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    )
    learned = json.loads(learner.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],  # type: ignore[misc]
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
    )
    tokenizer.add_tokens([AddedToken(each, special=False, normalized=False) for each in ("<think>", "</think>")])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": len(tokenizer), "max_position_embeddings": 16384, **DECODER}
    ends: dict[str, Any] = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = Qwen3Config(**sizes, **ends, tie_word_embeddings=True)
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return f"huggingface:{folder}"


@pytest.fixture(scope="session")
def tiny_qwen3_vl(tmp_path_factory: pytest.TempPathFactory, tiny_qwen3: str) -> str:
    """Specification of a Qwen3-VL of two layers and random weights, with a small tokenizer of Qwen's make, on disk."""
    import torch
    from transformers import AutoTokenizer, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    folder = tmp_path_factory.mktemp("qwen3_vl")
    tokenizer = AutoTokenizer.from_pretrained(tiny_qwen3.removeprefix("huggingface:"))
    pieces = ["<|im_start|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": pieces})
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    text: dict[str, Any] = {"max_position_embeddings": 8192, "rope_parameters": rope, **DECODER}
    text["vocab_size"] = len(tokenizer) + 7  # as Qwen's, some rows belong to no token
    vision: dict[str, Any] = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2}
    vision |= {"out_hidden_size": 64, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    vision |= {"initializer_range": 0.2}
    names = ("vision_start_token_id", "image_token_id", "vision_end_token_id")
    tokens: dict[str, Any] = {name: len(tokenizer) - 3 + number for number, name in enumerate(names)}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **tokens)
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    return f"huggingface:{folder}"
