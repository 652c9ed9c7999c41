from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from kfzoo.data.batch import Sample
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.models.base import KeyframeModule
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.training.checkpoint import load_module
from tests.commandline import results, run


def config(folder: Path, language_model: str, **settings: Any) -> Path:
    source = {"class_path": "kfzoo.data.sources.builtin.BuiltinScripts", "init_args": {"n": 42}}
    values = {
        "seed_everything": 42,
        "run_dir": str(folder / "run"),
        "model": {
            "class_path": "kfzoo.models.llm_generator.LLMGenerator",
            "init_args": {"language_model": language_model, "representation": "non_semantic", "rank": 2} | settings,
        },
        "data": {
            "class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule",
            "init_args": {"source": source, "batch_size": 3, "whole_scripts": True},
        },
        "trainer": {
            "max_epochs": 1, "limit_train_batches": 4, "limit_val_batches": 2, "accelerator": "cpu", "logger": False,
            "enable_progress_bar": False,
        },
    }  # fmt: skip
    path = folder / "llm.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_qwen3: str) -> Path:
    folder = tmp_path_factory.mktemp("llm")
    assert run("fit", "--config", config(folder, tiny_qwen3, learning_rate=3e-3)) == 0
    return folder / "run"


def samples(count: int = 2) -> list[Sample]:
    script = next(script for script in BuiltinScripts(40) if len(script.keyframes) >= count)
    return [Sample(script, position, "arkit") for position in range(count)]


def test_a_run_is_scored_and_its_checkpoint_holds_the_adapter_alone(trained: Path, tiny_qwen3: str) -> None:
    found = results(trained)
    assert (found["status"], found["invalid"]) == ("complete", 0)
    stored = torch.load(trained / "best.ckpt", weights_only=True)["state_dict"]
    learned = {name for name in stored if "lora_" in name}
    assert stored.keys() == learned | {"train_mean", "train_std"}
    assert any(name.endswith("lora_B.default.weight") and values.any() for name, values in stored.items())
    loaded = load_module(trained / "best.ckpt", KeyframeModule)
    fresh = LLMGenerator(tiny_qwen3, "non_semantic", rank=2).eval()
    assert all(each.generate(each.collate(samples())).valid.all() for each in (loaded, fresh))
    before, after = fresh.state_dict(), loaded.state_dict()
    for name in before.keys() - stored.keys():
        assert torch.equal(before[name], after[name]), name


def test_a_checkpoint_with_the_settings_of_an_earlier_version_is_read(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / "best.ckpt", weights_only=True)
    settings = checkpoint["hyper_parameters"]
    settings["lockstep"], settings["values"] = settings.pop("decode_batch_size") + 1, "likeliest"
    torch.save(checkpoint, tmp_path / "old.ckpt")
    loaded = load_module(tmp_path / "old.ckpt", LLMGenerator)
    assert (loaded.hparams["decode_batch_size"], loaded.hparams["values"]) == (17, "greedy")


def test_the_untuned_model_answers_as_it_is(tmp_path: Path, tiny_qwen3: str) -> None:
    assert run("fit", "--config", config(tmp_path, tiny_qwen3, tune=False)) == 0
    assert results(tmp_path / "run")["invalid"] == 0
    stored = torch.load(tmp_path / "run" / "best.ckpt", weights_only=True)["state_dict"]
    assert stored.keys() == {"train_mean", "train_std"}


def test_the_loss_falls_and_is_that_of_separate_sequences(tiny_qwen3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    tree, plain = (
        LLMGenerator(tiny_qwen3, "semantic", dropout=0.0, learning_rate=1e-2, share_prefixes=shared)
        for shared in (True, False)
    )
    plain.load_state_dict(tree.state_dict())
    batch = tree.collate(samples())
    torch.testing.assert_close(tree.loss(batch)["loss"], plain.loss(batch)["loss"], rtol=1e-5, atol=1e-5)
    # Of the real prompt's thousands of tokens a step takes seconds.
    monkeypatch.setattr("kfzoo.models.llm_generator.prompt.system_text", lambda: 9 * "The mouth opens. ")
    batch = tree.collate(samples())
    optimizer = tree.configure_optimizers()
    losses = []
    for _ in range(12):
        loss = tree.loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_invalid_free_answers_are_marked(tiny_qwen3: str) -> None:
    model = LLMGenerator(tiny_qwen3, "semantic", decoding="free").eval()
    answer = model.generate(model.collate(samples(1)))
    assert not answer.valid.any()  # random weights write no JSON
    assert answer.texts is not None


def test_answers_are_independent_of_the_batch_size(tiny_qwen3: str) -> None:
    assert "decode_batch_size" in LLMGenerator.batching_settings
    models = (LLMGenerator(tiny_qwen3, "non_semantic", decode_batch_size=size).eval() for size in (16, 1))
    together, alone = ([each.text for each in model.answer(samples(2))] for model in models)
    assert together == alone


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gradient_checkpointing": True}, "share_prefixes: excludes gradient_checkpointing"),
        ({"values": "mean", "decoding": "free"}, "values: a free answer has no mean; set values to greedy"),
    ],
)
def test_settings_that_exclude_each_other(tiny_qwen3: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LLMGenerator(tiny_qwen3, **settings)


def test_training_batches_hold_whole_scripts() -> None:
    data = KeyframeDataModule(BuiltinScripts(60), batch_size=4, whole_scripts=True)
    seen: list[str] = []
    for batch in data.train_dataloader():
        scripts = {sample.script.id: sample.script for sample in batch.samples}
        assert 1 <= len(scripts) <= 4
        assert len(batch) == sum(len(script.keyframes) for script in scripts.values())
        seen += batch.ids
    assert sorted(seen) == sorted(sample.id for sample in data.samples("train"))
