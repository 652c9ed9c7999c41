"""The benchmarks of the diffusion models, on tiny ones: the published loop does what ours does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import benchmarks.__main__ as command
from benchmarks.speed import mdm_sampling, mdm_training
from benchmarks.speed.mdm_published import STEPS, Network, Tables, Training, ancestral, losses, noise_of
from benchmarks.tables import mdm_steps
from kfzoo.data.batch import Sample
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.models import ClipMDM, KeyframeMDM
from tests.benchmarks.pages import cells, number

TINY: dict[str, Any] = {"width": 16, "layers": 1, "heads": 2, "feedforward": 24}


def config(n: int) -> str:
    source = {"class_path": "BuiltinScripts", "init_args": {"n": n}}
    return yaml.safe_dump({"data": {"class_path": "KeyframeDataModule", "init_args": {"source": source}}})


def tiny(encoder: str, **changes: Any) -> KeyframeMDM:
    torch.manual_seed(0)
    return KeyframeMDM(text_encoder=encoder, **TINY | changes).eval()


def samples_of(count: int) -> Sequence[Sample]:
    return KeyframeDataModule(BuiltinScripts(120)).samples("test")[:count]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    """The checkpoint of an untrained model, in the folder of a run."""
    folder = tmp_path_factory.mktemp("run")
    model, data = tiny(tiny_sentence_encoder), KeyframeDataModule(BuiltinScripts(120))
    model.set_statistics(data.statistics)
    model.provenance = {"annotation": "arkit", "data": data.fingerprint, "split": data.split_digest}
    stored: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(stored)
    torch.save(stored, folder / "best.ckpt")
    (folder / "config.yaml").write_text(config(120))
    return folder / "best.ckpt"


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
def test_the_published_loop_draws_what_ours_draws(tiny_sentence_encoder: str, prediction: str) -> None:
    model = tiny(tiny_sentence_encoder, prediction=prediction, scheduler="ddpm", steps=STEPS)
    batch = model.collate(samples_of(3))
    noise = noise_of(model.seeds_of(batch.ids), 61)
    network, texts = Network(model.denoiser, model.vectors).eval(), model.prompts(batch.samples)
    *_, last = ancestral(network, texts, model.hparams["guidance"], noise, prediction)
    with torch.no_grad():
        ours = model.generate(batch).coefficients
    torch.testing.assert_close(model.restored(last[:, :, 0, 0]), ours, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["keyframes", "clips"])
def test_published_and_own_losses_are_the_same(tiny_sentence_encoder: str, kind: str) -> None:
    if kind == "keyframes":
        setup = mdm_training.keyframes_of(tiny(tiny_sentence_encoder))
    else:
        setup = mdm_training.clips_of(ClipMDM(text_encoder=tiny_sentence_encoder, **TINY))
        assert setup.motion.shape == (16, 61, 1, 196)
        assert setup.mask.sum((1, 2, 3)).tolist() == [120] * 16
    model = setup.model.eval()
    motion = setup.motion[:, :, 0].mT
    t, noise = model.diffusion.draw(motion, torch.Generator().manual_seed(0))
    vectors, mask = model.vectors(setup.texts), setup.mask[:, 0, 0]
    with torch.no_grad():
        network = Network(model.denoiser, model.vectors).eval()
        theirs = losses(network, Tables(), setup.motion, setup.texts, setup.mask, t, noise.mT[:, :, None]).mean()
        for length in {mdm_training.FRAMES, 196} if kind == "clips" else {1}:
            part = slice(0, length)
            ours = model.diffusion.loss(model.denoiser, motion[:, part], vectors, t, noise[:, part], mask[:, part])
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_the_published_step_learns_and_drops_texts(tiny_sentence_encoder: str) -> None:
    model = tiny(tiny_sentence_encoder)
    setup = mdm_training.keyframes_of(model)
    network = Network(model.denoiser, model.vectors, text_dropout=1.0)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    Training(network).step(setup.motion, setup.texts, setup.mask)
    moved = {name for name, values in network.state_dict().items() if not torch.equal(values, before[name])}
    assert before.keys() - moved == {"embed_text.weight"}  # no text came through
    own = model.denoiser.state_dict()
    assert all(torch.equal(own[name], values) for name, values in before.items())


def test_texts_are_encoded_in_every_published_step(tiny_sentence_encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = mdm_training.keyframes_of(tiny(tiny_sentence_encoder))
    works, calls = mdm_training._works(setup), list[int]()
    encode = setup.model.text.encoder.forward

    def counted(texts: list[str]) -> Any:
        calls.append(len(texts))
        return encode(texts)

    monkeypatch.setattr(setup.model.text.encoder, "forward", counted)
    for work in works.values():
        work()
    assert calls == [mdm_training.KEYFRAMES]  # only as published


def test_training(tiny_sentence_encoder: str) -> None:
    text = mdm_training.measure(steps=1, rounds=1, text_encoder=tiny_sentence_encoder, width=16, layers=1)
    published = [mdm_training.PUBLISHED, mdm_training.KEPT]
    assert list(cells(text))[1:] == [*published, mdm_training.OURS]
    assert list(cells(text, 1))[1:] == [*published, mdm_training.PADDED, mdm_training.OURS]


def test_sampling(checkpoint: Path) -> None:
    found = cells(mdm_sampling.measure(str(checkpoint), prompts=4, steps=2, rounds=1))
    solvers = ["ours, DDPM, 1,000 steps", "ours, DPM-Solver++, 10 steps"]
    assert list(found)[1:] == [mdm_sampling.PUBLISHED, mdm_sampling.ONCE, *solvers]
    assert number(found[mdm_sampling.PUBLISHED][0]) > number(found[mdm_sampling.ONCE][0])
    assert number(found[solvers[0]][0]) > number(found[solvers[1]][0])


def test_a_checkpoint_of_other_data(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "best.ckpt").write_bytes(checkpoint.read_bytes())
    (tmp_path / "config.yaml").write_text(config(60))
    assert command.main(["mdm_sampling", "--checkpoint", str(tmp_path / "best.ckpt")], tmp_path / "out") == 2
    assert "was not trained on the data of" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_steps_and_quality(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solvers = (mdm_steps.DDPM, ("ddim", 10), ("dpm_solver", 4))
    monkeypatch.setattr(mdm_steps.measure, "__defaults__", (solvers,))
    place = ["--out", str(tmp_path)]
    mdm_steps.main(["--checkpoint", str(checkpoint), "--prompts", "4", "--seeds", "2", *place])
    assert {path.name for path in tmp_path.iterdir()} == {"mdm_steps.json", "mdm_steps.md", "mdm_steps.png"}
    text = (tmp_path / "mdm_steps.md").read_text()
    found = cells(text)
    ways = ["ours, DDPM, 1,000 steps", "ours, DDIM, 10 steps", "ours, DPM-Solver++, 4 steps"]
    assert list(found)[1:] == [*ways, "training faces", "ground truth"]
    assert found["ground truth"][1] == "0.0000"
    assert "(" in found[ways[0]][1]  # two seeds differ
    mdm_steps.main(place)  # from the kept numbers
    assert (tmp_path / "mdm_steps.md").read_text() == text


def test_the_interval_is_students() -> None:
    scores = [{"fid_test": 0.29}, {"fid_test": 0.31}]
    low, high = mdm_steps.interval_of({"ways": {"ddpm 1000": {"scores": scores}}})
    assert high == pytest.approx(0.3 + 12.7062 * 0.01 * 2**0.5 * 1.5**0.5, abs=1e-4)  # one degree of freedom
    assert low == pytest.approx(0.6 - high)


@pytest.mark.parametrize(
    ("words", "said"), [([], "mdm_steps.json does not exist"), (["--seeds", "1"], "--seeds: is 1")]
)
def test_wrong_options(
    words: list[str], said: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--checkpoint", str(checkpoint), *words] if words else []
    with pytest.raises(SystemExit):
        mdm_steps.main([*given, "--out", str(tmp_path)])
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_prompts_are_whole_scripts() -> None:
    samples = samples_of(1000)
    chosen = mdm_steps.some(samples, 10)
    assert len({sample.id for sample in chosen}) == 10
    assert {sample.id for sample in mdm_steps.some(samples, 10_000)} == {sample.id for sample in samples}
    for sample in chosen[:-3]:
        assert sum(each.script.id == sample.script.id for each in chosen) == len(sample.script.keyframes)
