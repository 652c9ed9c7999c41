from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.images import as_array
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.errors import InputError
from kfzoo.language_models.lora import lora_config
from kfzoo.language_models.vision_language import DECODER_LAYERS, tower_of
from kfzoo.models.base import KeyframeModule
from kfzoo.models.vlm_estimator import VLMEstimator
from kfzoo.models.vlm_estimator.answer import SEMANTICS, Semantics, question
from kfzoo.rendering.drawing.draw import draw_face
from kfzoo.training.checkpoint import load_module
from tests.language_models.helpers import meta_language_model, save_checkpoint
from tests.real_data import SEMANTICFACE, needs_real_data


def drawn(count: int, size: int = 64) -> KeyframeBatch:
    """Faces of the built-in scripts, drawn, without files."""
    every = (Sample(script, at, "arkit") for script in BuiltinScripts(count) for at in range(len(script.keyframes)))
    samples = list(islice(every, count))
    known = [sample.keyframe.coefficients for sample in samples]
    faces = np.stack([each for each in known if each is not None])
    images = np.stack([as_array(draw_face(face, size)) for face in faces])
    return KeyframeBatch(tuple(samples), torch.from_numpy(faces), torch.from_numpy(images))


def tiny(semantics: Semantics, **settings: Any) -> VLMEstimator:
    torch.manual_seed(0)
    return VLMEstimator(semantics=semantics, **{"size": 64, "width": 32, "layers": 2} | settings)


@pytest.mark.parametrize("semantics", SEMANTICS)
@pytest.mark.parametrize("decimals", [1, 2])
def test_random_weights_give_only_valid_answers(semantics: Semantics, decimals: int) -> None:
    model = tiny(semantics, decimals=decimals, max_analysis_tokens=24).eval()
    batch = drawn(6)
    found = model.generate(batch)
    assert found.valid.all()
    assert found.texts is not None
    for text, face in zip(found.texts, found.coefficients.numpy(), strict=True):
        answer = parse_answer(text)
        assert answer.valid
        np.testing.assert_allclose(np.asarray(answer.coefficients), face, atol=1e-6)
        assert text.startswith("[" if semantics == "A0" else "{") or semantics == "A2"


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_hub_models_answer_validly_too(semantics: Semantics, tiny_qwen3_vl: str) -> None:
    model = VLMEstimator(tiny_qwen3_vl, semantics, size=64, max_analysis_tokens=24, tune=False).eval()
    assert model.generate(drawn(3)).valid.all()


@pytest.mark.parametrize("semantics", ["A0", "A2"])
def test_decoding_modes_and_batch_sizes_agree(semantics: Semantics) -> None:
    batch = drawn(5)
    answers = [
        tiny(semantics, max_analysis_tokens=20, **settings).eval().generate(batch).texts
        for settings in ({"decoding": "drafted"}, {"decoding": "template"}, {"decode_batch_size": 2})
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_it_overfits_to_eight_images(semantics: Semantics) -> None:
    model = tiny(semantics, layers=1, learning_rate=5e-3, warmup_steps=10)
    batch = drawn(8)
    found = model.configure_optimizers()
    optimizer, schedule = found["optimizer"], found["lr_scheduler"]["scheduler"]
    for _ in range(240):
        loss = model.loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    answers = model.eval().generate(batch)
    target = batch.targets
    assert answers.texts is not None
    error = (answers.coefficients - target).square().mean()
    assert error < 0.1 * (target - target.mean(0)).square().mean()
    if semantics == "A2":
        opening = "1. **Facial Expression Category**: "
        assert all(parse_answer(text).analysis.startswith(opening) for text in answers.texts)


@pytest.fixture
def shapes(tmp_path: Path) -> list[Sample]:
    """Three faces in images of two shapes, the first of which is again the last."""
    every = drawn(3).samples
    found = []
    for number, (sample, size) in enumerate(zip(every, [(150, 70), (64, 64), (150, 70)], strict=True)):
        path = tmp_path / f"{number}.png"
        assert sample.keyframe.coefficients is not None
        draw_face(sample.keyframe.coefficients, 64).resize(size).save(path)
        keyframe = replace(sample.keyframe, image_path=str(path))
        found.append(Sample(replace(sample.script, keyframes=(keyframe,)), 0, "arkit"))
    return found


def test_images_with_their_own_aspect_are_answered_one_by_one_or_together(shapes: list[Sample]) -> None:
    model = tiny("A1", size=None).eval()
    batch = model.collate(shapes)
    assert isinstance(batch.pixels, tuple)
    assert [tuple(image.shape) for image in batch.to("cpu").pixels or ()] == [(3, 64, 160), (3, 64, 64), (3, 64, 160)]
    alone = [model.generate(model.collate([sample])).texts for sample in shapes]
    together = model.generate(batch).texts
    assert together is not None
    assert list(together) == [texts[0] for texts in alone if texts is not None]


def test_the_loss_over_images_of_several_shapes_is_the_mean_over_their_tokens(shapes: list[Sample]) -> None:
    model = tiny("A2", size=None).eval()
    with torch.no_grad():
        losses = [float(model.loss(model.collate([sample]))["loss"]) for sample in shapes]
        together = float(model.loss(model.collate(shapes))["loss"])
    tokens = [len(model.answer_ids(sample)) for sample in shapes]
    assert together == pytest.approx(np.average(losses, weights=tokens), rel=1e-5)


def test_large_images_are_scaled_down_to_the_most_tokens(shapes: list[Sample]) -> None:
    assert tiny("A0", size=None, max_image_tokens=8).collate(shapes[:1]).images.shape == (1, 3, 32, 128)
    assert tiny("A0", size=96).collate(shapes).images.shape == (3, 3, 96, 96)


def test_lora_and_its_checkpoint_are_of_the_language_decoder_only(tiny_qwen3_vl: str) -> None:
    model = VLMEstimator(tiny_qwen3_vl, "A1", size=64, dropout=0.0, learning_rate=1e-2)
    learned = {name for name, each in model.named_parameters() if each.requires_grad}
    assert learned
    assert all("language_model.layers." in name and "lora_" in name for name in learned)
    kinds = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in learned} == set(kinds)
    assert model.stored().keys() == learned | {"train_mean", "train_std"}
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    optimizer = model.configure_optimizers()
    for _ in range(2):  # LoRA's B is zero at first, and A learns from the second step on
        optimizer.zero_grad()
        model.loss(drawn(2))["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, each in model.named_parameters():
        if name in learned:
            assert not torch.equal(each, before[name]), name
        else:
            assert each.grad is None, name
            assert torch.equal(each, before[name]), name
    assert any("visual.merger" in name for name in before)


def test_trainable_parameters_of_the_papers_model() -> None:
    from peft import get_peft_model

    model = meta_language_model("huggingface:Qwen/Qwen3-VL-4B-Instruct")
    tower = sum(each.numel() for each in tower_of(model).parameters())
    assert model.num_parameters() == 4_437_815_808
    assert tower == 415_347_712
    tuned = get_peft_model(model, lora_config(layers=DECODER_LAYERS))
    # The decoder's blocks are those of Qwen3-4B, which KeyframeFace tunes.
    assert tuned.get_nb_trainable_parameters()[0] == 16_515_072


def test_first_only_the_tower_of_tiny_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = drawn(4)
    model = tiny("A1", tower_steps=2)
    model.train_mean.copy_(batch.targets.mean(0))
    loss = model.loss(batch)["loss"]
    expected = (batch.targets - batch.targets.mean(0)).square().mean()  # It starts as the mean face.
    torch.testing.assert_close(loss, expected)
    assert model.reading is not None
    torch.nn.init.normal_(model.reading.weight, std=0.02)
    model.loss(batch)["loss"].backward()  # type: ignore[no-untyped-call]
    learned = {name for name, each in model.named_parameters() if each.grad is not None and each.grad.any()}
    assert any(".visual." in name for name in learned)
    assert not any(".language_model." in name for name in learned)
    assert all(each.grad is not None for each in model.parameters())  # as DDP expects
    model.on_before_optimizer_step(torch.optim.SGD(model.parameters()))
    assert {name for name, each in model.named_parameters() if each.grad is not None} >= learned
    assert not any(".language_model." in name for name, each in model.named_parameters() if each.grad is not None)
    monkeypatch.setattr(VLMEstimator, "global_step", 2)
    torch.testing.assert_close(model.loss(batch)["loss"], tiny_loss(model, batch))


def tiny_loss(model: VLMEstimator, batch: KeyframeBatch) -> torch.Tensor:
    """The loss of the same weights without tower steps."""
    other = tiny("A1")
    other.load_state_dict({name: each for name, each in model.state_dict().items() if not name.startswith("reading")})
    return other.loss(batch)["loss"]


def test_a_checkpoint_of_tiny_is_complete(tmp_path: Path) -> None:
    model = tiny("A2", max_analysis_tokens=24).eval()
    path = save_checkpoint(model, tmp_path / "best.ckpt")
    checkpoint = torch.load(path, weights_only=True)
    settings = checkpoint["hyper_parameters"]
    settings["longest_analysis"] = settings.pop("max_analysis_tokens")  # its name in an earlier version
    torch.save(checkpoint, path)
    loaded = load_module(path, KeyframeModule)
    batch = drawn(2)
    assert loaded.generate(batch).texts == model.generate(batch).texts


def test_settings_that_exclude_each_other(tiny_qwen3: str, tiny_qwen3_vl: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tune": False}, "has random weights"),
        ({"vision_language_model": tiny_qwen3}, "is a qwen3, expected a qwen3_vl"),
        ({"vision_language_model": tiny_qwen3_vl, "size": 64, "tower_steps": 5}, r"model\.tower_steps: is for `tiny`"),
        ({"size": None, "tower_steps": 5}, r"model\.tower_steps: needs images of one size; set model\.size"),
        ({"max_image_tokens": 1}, r"model\.max_image_tokens: is 1, expected at least 4"),
    ]
    for settings, message in cases:
        with pytest.raises(InputError, match=message):
            VLMEstimator(**settings)


def test_keyframes_without_images_are_refused() -> None:
    model = tiny("A0")
    with pytest.raises(InputError, match="keyframe 'builtin-0-000000#0': has no image; give a source"):
        model.collate(drawn(1).samples)


@needs_real_data
def test_released_answers_are_written_exactly() -> None:
    model = tiny("A2", annotator="data")
    lines = (SEMANTICFACE / "example_result.jsonl").read_text().splitlines()
    scripts = list(ChatJsonl(SEMANTICFACE / "example.jsonl", SEMANTICFACE / "example_result.jsonl"))
    for script, line in zip(scripts, lines, strict=False):
        ids = model.answer_ids(Sample(script, 0, "arkit"))
        text = model.chat.tokenizer.decode(ids, skip_special_tokens=True)
        # One form for one face: -0.0 is 0.0.
        assert text == json.loads(line)["response"].replace("-0.0,", "0.0,").replace("-0.0}", "0.0}")


def test_questions_differ_only_in_the_requested_answer() -> None:
    assert "analysis" not in question("A1").replace("expression analysis", "")
    assert "analysis" not in question("A0").replace("expression analysis", "")
    for semantics in SEMANTICS:
        assert all(f'"{name}"' in question(semantics) for name in CHANNELS)
