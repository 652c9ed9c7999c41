from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy.special import log_softmax

from kfzoo.data.batch import Sample
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.evaluation.evaluator import TextMotionEvaluator, check_evaluator, info_nce, load_evaluator
from kfzoo.evaluation.motion_encoder import MotionEncoder
from kfzoo.models import KeyframeModule
from kfzoo.training.checkpoint import load_module
from tests.commandline import results, run


def encoder() -> MotionEncoder:
    torch.manual_seed(0)
    return MotionEncoder(61, dim=8, width=16, layers=2, heads=2, dropout=0.1).eval()


def test_info_nce_is_the_mean_of_both_cross_entropies() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 5, 7))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    similarity = a @ b.T / 0.07
    expected = -(np.diag(log_softmax(similarity, axis=1)).mean() + np.diag(log_softmax(similarity, axis=0)).mean()) / 2
    found = info_nce(torch.from_numpy(a), torch.from_numpy(b), 0.07)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_one_keyframe_is_a_sequence_of_length_one() -> None:
    motion = torch.rand(4, 61)
    with torch.no_grad():
        torch.testing.assert_close(encoder()(motion), encoder()(motion.unsqueeze(1)))


@pytest.mark.parametrize("padding", [0.0, 1e9, float("nan")])
def test_padding_does_not_matter(padding: float) -> None:
    motion = torch.rand(3, 5, 61)
    lengths = torch.tensor([5, 2, 1])
    mask = torch.arange(5) < lengths[:, None]
    padded = torch.where(mask.unsqueeze(-1), motion, padding)
    longer = torch.cat([padded, torch.full((3, 4, 61), padding)], dim=1)
    more = torch.cat([mask, torch.zeros(3, 4, dtype=torch.bool)], dim=1)
    with torch.no_grad():
        together = encoder()(padded, mask)
        torch.testing.assert_close(encoder()(longer, more), together)
        for row, length in enumerate(lengths.tolist()):
            torch.testing.assert_close(encoder()(motion[row : row + 1, :length]), together[row : row + 1])


def test_the_order_of_keyframes_matters() -> None:
    motion = torch.rand(1, 4, 61)
    with torch.no_grad():
        assert not torch.allclose(encoder()(motion), encoder()(motion.flip(1)), atol=1e-4)


def test_bad_masks() -> None:
    with pytest.raises(ValueError, match=r"mask: expected \(2, 3\)"):
        encoder()(torch.rand(2, 3, 61), torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="at least one keyframe"):
        encoder()(torch.rand(2, 3, 61), torch.zeros(2, 3, dtype=torch.bool))


def test_constant_channels_do_not_break_it(tiny_sentence_encoder: str) -> None:
    evaluator = TextMotionEvaluator(text_encoder=tiny_sentence_encoder, dim=8, width=16, heads=2).eval()
    evaluator.train_std.zero_()
    assert evaluator.embed_motion(torch.rand(3, 61)).isfinite().all()


def configuration(run_dir: Path, model: dict[str, Any], epochs: int = 1, **data: Any) -> Path:
    """A configuration of a model on 150 built-in scripts; `n` and `seed` are of the source."""
    source = {"n": data.pop("n", 150), "seed": data.pop("seed", 0)}
    source_path = "kfzoo.data.sources.builtin.BuiltinScripts"
    values = {
        "seed_everything": 42,
        "run_dir": str(run_dir),
        "model": model,
        "data": {
            "class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule",
            "init_args": {"source": {"class_path": source_path, "init_args": source}, **data},
        },
        "trainer": {"max_epochs": epochs, "accelerator": "cpu", "logger": False, "enable_progress_bar": False},
    }
    path = run_dir.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(values))
    return path


def config(folder: Path, text_encoder: str, n: int = 150) -> Path:
    sizes = {"text_encoder": text_encoder, "dim": 16, "width": 32, "heads": 2, "learning_rate": 3e-3}
    model = {"class_path": "kfzoo.evaluation.evaluator.TextMotionEvaluator", "init_args": sizes}
    return configuration(folder / "run", model, epochs=2, n=n, batch_size=32)


def model_config(folder: Path, annotation: str = "arkit") -> Path:
    return configuration(folder / "model", {"class_path": "kfzoo.models.MeanFace"}, annotation=annotation)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    folder = tmp_path_factory.mktemp("evaluator")
    assert run("fit", "--config", config(folder, tiny_sentence_encoder)) == 0
    return folder / "run"


def test_one_seed_gives_one_hash_and_another_gives_another(
    trained: Path, tmp_path: Path, tiny_sentence_encoder: str
) -> None:
    again = config(tmp_path, tiny_sentence_encoder)
    assert run("fit", "--config", again) == 0
    first, second = (json.loads((folder / "evaluator.json").read_text()) for folder in (trained, tmp_path / "run"))
    assert first["digest"] == second["digest"]
    assert first["references"] == second["references"]
    assert run("fit", "--config", again, "--seed_everything", 43, "--run_dir", tmp_path / "other") == 0
    assert json.loads((tmp_path / "other" / "evaluator.json").read_text())["digest"] != first["digest"]


def test_both_sides_learn(trained: Path, tiny_sentence_encoder: str) -> None:
    torch.manual_seed(42)
    fresh = TextMotionEvaluator(text_encoder=tiny_sentence_encoder, dim=16, width=32, heads=2)
    after = load_evaluator(trained).state_dict()
    moved = {name for name, values in fresh.state_dict().items() if not torch.equal(values, after[name])}
    assert any(name.startswith("encoder.") and "layer.0" in name for name in moved)
    assert any(name.startswith("motion.") for name in moved)


def test_it_learns_a_batch_by_heart(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    evaluator = TextMotionEvaluator(
        text_encoder=tiny_sentence_encoder, dim=16, width=64, heads=2, dropout=0.0, learning_rate=5e-3
    )
    data = KeyframeDataModule(BuiltinScripts(42))
    samples = data.samples("train")[:32]
    evaluator.train_mean.copy_(data.statistics.mean)
    evaluator.train_std.copy_(data.statistics.std)
    batch = evaluator.collate(samples)
    optimizer = torch.optim.AdamW(evaluator.parameters(), lr=5e-3)
    losses = []
    for _ in range(150):
        condition = torch.nn.functional.normalize(evaluator.embed_condition(batch), dim=-1)
        motion = torch.nn.functional.normalize(evaluator.encode_motion(batch.targets), dim=-1)
        loss = info_nce(condition, motion, 0.07)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_results_hold_its_hash_and_its_scores(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_config(tmp_path, annotation="original")
    assert run("fit", "--config", model) == 0
    alone = results(tmp_path / "model")
    assert alone["evaluator"] is None
    assert "r_precision_1" not in alone["scores"]
    capsys.readouterr()
    assert run("test", "--config", model, "--evaluator", trained) == 0
    scored = results(tmp_path / "model")
    own = json.loads((trained / "evaluator.json").read_text())
    assert scored["evaluator"] == own["digest"]
    assert own["digest"][:8] in capsys.readouterr().out
    assert scored["scores"]["r_precision_1"]["value"] == pytest.approx(1 / 32, abs=1e-12)
    # It reads the descriptions that it was trained on, not those that the model reads.
    assert scored["references"]["ground_truth"]["r_precision_1"] == own["references"]["ground_truth"]["r_precision_1"]
    assert {name: scored["scores"][name] for name in alone["scores"]} == alone["scores"]


def test_its_own_descriptions_are_read(trained: Path) -> None:
    evaluator = load_evaluator(trained)
    script = next(iter(BuiltinScripts(1)))
    assert evaluator.annotation == "arkit"
    first, second = (evaluator.embed_samples([Sample(script, 0, kind)]) for kind in ("arkit", "original"))
    torch.testing.assert_close(first, second)


def test_another_split_of_the_same_data_is_refused(trained: Path) -> None:
    evaluator = load_evaluator(trained)
    data, split = evaluator.provenance["data"], evaluator.provenance["split"]
    check_evaluator(evaluator, data, split)
    check_evaluator(evaluator, "other data", "any split")
    with pytest.raises(InputError, match="was trained on another split of this data"):
        check_evaluator(evaluator, data, "another")


def test_models_and_evaluators_are_not_mixed_up(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_config(tmp_path)
    assert run("fit", "--config", model) == 0
    with pytest.raises(InputError, match="which is no MotionEvaluator"):
        load_evaluator(tmp_path / "model")
    with pytest.raises(InputError, match="which is no KeyframeModule"):
        load_module(trained / "best.ckpt", KeyframeModule)
    with pytest.raises(InputError, match="no such file"):
        load_evaluator(tmp_path)
    capsys.readouterr()
    assert run("test", "--config", model, "--evaluator", tmp_path / "nowhere") == 2
    assert capsys.readouterr().err.startswith(f"kfzoo: {tmp_path / 'nowhere'}: no such file")


def test_a_validation_part_smaller_than_a_pool_is_refused(
    tmp_path: Path, tiny_sentence_encoder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", "--config", config(tmp_path, tiny_sentence_encoder, n=42)) == 2
    assert "R-Precision needs at least 32" in capsys.readouterr().err
