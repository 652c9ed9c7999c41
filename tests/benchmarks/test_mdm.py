"""The benchmarks of the diffusion models, on tiny ones: both ways do the same job, and the tables add up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from benchmarks import mdm_drawing, mdm_sampling, mdm_training
from benchmarks.__main__ import main
from benchmarks.mdm_drawing import DDPM, PublishedLoop, Slice, Way, encoded, some
from benchmarks.mdm_figure import Curve, figure
from benchmarks.mdm_published import Network, Tables, Training
from benchmarks.mdm_sampling import Found, Loop, Results, interval_of, verdicts
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.models.mdm.clips import ClipMDM
from kfzoo.models.mdm.diffusion import Diffusion, Prediction
from kfzoo.models.mdm.keyframes import KeyframeMDM

TINY: dict[str, Any] = {"width": 16, "layers": 1, "heads": 2, "feedforward": 24}
SOURCE = {"class_path": "kfzoo.data.sources.builtin.BuiltinScripts", "init_args": {"n": 120}}


def cells(text: str, table: int = 0) -> list[list[str]]:
    """Returns the rows of one of the tables, without their head."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables[table].splitlines()][2:]


def number(cell: str) -> float:
    return float(re.sub(r"[^0-9.e-]", "", cell.split("(")[0]))


def tiny(encoder: str, **changes: Any) -> KeyframeMDM:
    torch.manual_seed(0)
    return KeyframeMDM(text_encoder=encoder, **TINY | changes).eval()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    """The checkpoint of a model that nobody has trained, in the folder of a run."""
    folder = tmp_path_factory.mktemp("run")
    model, data = tiny(tiny_sentence_encoder), KeyframeDataModule(BuiltinScripts(120))
    model.set_statistics(data.statistics)
    model.provenance = {"annotation": "arkit", "data": data.fingerprint, "split": data.split_digest}
    stored: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(stored)
    torch.save(stored, folder / "best.ckpt")
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"source": SOURCE}}))
    return folder / "best.ckpt"


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
def test_the_published_loop_draws_what_ours_draws(tiny_sentence_encoder: str, prediction: Prediction) -> None:
    model = tiny(tiny_sentence_encoder, prediction=prediction)
    texts = ["the mouth opens", "a frown", "both brows rise"]
    model.vectors(texts)
    loop = PublishedLoop(model, texts, batch=2)
    with pytest.raises(RuntimeError, match="has not taken all"):
        loop.rest()
    slices = [loop.run(300, 1), loop.run(700, 5)]
    assert all(each.texts > 0 and each.kept > 0 for each in slices)
    ours = mdm_drawing.draw(model, texts, DDPM, 0, batch=3)
    assert 0 < ours.texts < ours.seconds
    torch.testing.assert_close(loop.rest(), ours.faces, atol=2e-4, rtol=1e-3)
    few = [mdm_drawing.draw(model, texts, Way("dpm_solver", 4), seed, batch=2).faces for seed in (0, 0, 1)]
    assert torch.equal(few[0], few[1])
    assert (few[0] - few[2]).abs().max() > 0.01


def test_texts_are_encoded_anew(tiny_sentence_encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny(tiny_sentence_encoder)
    encode, calls = model.text.encoder.forward, []

    def counted(texts: list[str]) -> torch.Tensor:
        calls.append(len(texts))
        return encode(texts)

    monkeypatch.setattr(model.text.encoder, "forward", counted)
    kept = model.vectors(["a", "b"])
    assert torch.equal(encoded(model, ["a", "b"]), kept)
    assert torch.equal(model.vectors(["b", "a"]), kept.flip(0))
    assert calls == [2, 2]
    # Twice a step, as published: with the text and without it.
    loop = PublishedLoop(model, ["a", "b"], batch=2)
    loop.run(5, 3)
    assert calls == [2] * 8


def test_published_and_own_losses_are_the_same(tiny_sentence_encoder: str) -> None:
    for prepared in (
        mdm_training.keyframes_of(tiny(tiny_sentence_encoder)),
        mdm_training.clips_of(ClipMDM(text_encoder=tiny_sentence_encoder, **TINY)),
    ):
        losses = mdm_training.first_losses(prepared)
        assert set(losses) == {mdm_training.PUBLISHED, *prepared.batches}
        assert list(losses.values()) == pytest.approx([losses["ours"]] * len(losses), rel=1e-5)
    assert prepared.motion.shape == (16, 61, 1, 196)
    assert prepared.mask.sum((1, 2, 3)).tolist() == [120] * 16
    assert [prepared.batches[name].motion.shape[1] for name in (mdm_training.PADDED, "ours")] == [196, 120]


def test_the_published_step_learns_and_drops_texts(tiny_sentence_encoder: str) -> None:
    model = tiny(tiny_sentence_encoder)
    prepared = mdm_training.keyframes_of(model)
    network = Network(model.denoiser, model.vectors, text_dropout=1.0)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    Training(network).step(prepared.motion, prepared.texts, prepared.mask)
    moved = {name for name, values in network.state_dict().items() if not torch.equal(values, before[name])}
    assert before.keys() - moved == {"embed_text.weight"}  # no text came through
    own = model.denoiser.state_dict()
    assert all(torch.equal(own[name], values) for name, values in before.items())


def test_published_tables_are_our_process() -> None:
    motion, noise = torch.randn(3, 61, 1, 2), torch.randn(3, 61, 1, 2)
    t = torch.tensor([0, 500, 999])
    ours = Diffusion().noised(motion[:, :, 0].mT, t, noise[:, :, 0].mT)
    torch.testing.assert_close(Tables().noised(motion, t, noise)[:, :, 0].mT, ours, atol=1e-6, rtol=1e-5)


def test_sampling(checkpoint: Path, tmp_path: Path) -> None:
    ways = (DDPM, Way("ddim", 10), Way("dpm_solver", 4), Way("dpm_solver", 10))
    text = mdm_sampling.measure(
        str(checkpoint), prompts=10, seeds=2, timed=5, ways=ways, batch=16,
        record=tmp_path / "found.json", image=tmp_path / "mdm_steps.png",
    )  # fmt: skip
    assert (tmp_path / "mdm_steps.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "mdm_steps.png").stat().st_size < 60_000
    rows, parts = cells(text), cells(text, 1)
    assert [row[1] for row in rows] == ["1,000", "1,000", "1,000", "10", "4", "10", "–", "–"]
    assert {len(row) for row in rows} == {10}
    found = json.loads((tmp_path / "found.json").read_text())
    for row, way in zip(rows[2:6], found["ways"].values(), strict=True):
        assert number(row[2]) == pytest.approx(sum(way["seconds"]) / 2, rel=0.01)
        assert number(row[3]) == pytest.approx(10 / number(row[2]), rel=0.01)
        published = [1000 * (each["texts"] + each["kept"]) for each in found["loop"]["slices"]]
        ratios = [theirs / ours for theirs, ours in zip(published, way["seconds"], strict=True)]
        assert number(row[4]) == pytest.approx(sum(ratios) / 2, rel=0.01, abs=0.6)
        assert number(row[6]) == pytest.approx(sum(each["fid_test"] for each in way["scores"]) / 2, abs=1e-4)
    assert [row[0] for row in parts] == ["as published", *(row[0] for row in rows[2:6])]
    # The same noise gives the same faces, hence the same scores.
    assert number(rows[0][6]) == pytest.approx(found["ways"]["ddpm 1000"]["scores"][0]["fid_test"], abs=1e-3)
    assert found["loop"]["apart"] < 1e-3
    assert rows[-1][6] == "0.0000"
    assert text.count("Target: at least 30 × as fast as published") in (1, 2)
    assert "10 keyframes of the test part" in " ".join(text.split())


def test_prompts_are_whole_scripts() -> None:
    data = KeyframeDataModule(BuiltinScripts(120))
    samples = data.samples("test")
    chosen = some(samples, 10)
    assert len({sample.id for sample in chosen}) == 10
    assert {sample.id for sample in some(samples, 10_000)} == {sample.id for sample in samples}
    for sample in chosen[:-3]:
        assert sum(each.script.id == sample.script.id for each in chosen) == len(sample.script.keyframes)


def test_targets_of_sampling() -> None:
    def way(seconds: float, fid: float) -> Found:
        return Found([seconds] * 2, [0.5] * 2, [{"fid_test": fid - 0.01}, {"fid_test": fid + 0.01}], (0.0, 1.0))

    ten, four = Way("dpm_solver", 10), Way("dpm_solver", 4)
    loop = Loop([Slice(0.08, 0.02)] * 2, {"fid_test": 0.3}, 0.0)
    ways = {DDPM: way(10.0, 0.3), ten: way(2.0, 0.35), four: way(1.0, 0.9)}
    results = Results(loop, ways, {}, 0.1)
    # Two seeds: Student's t with one degree of freedom.
    low, high = interval_of(ways[DDPM])
    assert high == pytest.approx(0.3 + 12.7062 * 0.01 * 2**0.5 * 1.5**0.5, abs=1e-4)
    assert low == pytest.approx(0.6 - high)
    said = "DPM-Solver++, 10 steps"
    tail = "FID 0.3500; 10.0 × the same loop with its texts encoded once, 5.0 × our own 1,000 steps. **Met.**"
    goal = (
        f"Target: at least 30 × as fast as published, at an FID (test) within the DDPM's own {low:.4f} to {high:.4f}."
    )
    assert verdicts(results, ten) == [
        f"{goal} Reached: ours, {said} (by default): 50 ×, {tail}",
        f"{goal} Reached: ours, {said} (fastest that is as good): 50 ×, {tail}",
    ]
    assert [line.rsplit("**")[1] for line in verdicts(results, four)] == ["Missed.", "Met."]
    better = Results(loop, {**ways, ten: way(2.0, low - 0.01)}, {}, 0.1)
    assert "better than all of it" in verdicts(better, ten)[0]


def test_the_figure_takes_wide_and_narrow_ranges(tmp_path: Path) -> None:
    curves = [
        Curve("DDPM", [1000], [1.0], [[0.3, 0.31]]),
        Curve("DPM-Solver++", [4, 10], [0.1, 0.2], [[9.0, 9.1], [0.3, 0.32]]),
        Curve("as published", [1000], [50.0], [[0.3]]),
    ]
    for name, shown in (("wide", curves), ("narrow", [curves[0], curves[2]])):
        marked = ("DPM-Solver++", 10, 250.0) if name == "wide" else None
        figure(shown, (0.28, 0.32), 0.2, tmp_path / f"{name}.png", marked)
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_training(tiny_sentence_encoder: str, tmp_path: Path) -> None:
    record = tmp_path / "found.json"
    text = mdm_training.measure(steps=1, rounds=2, text_encoder=tiny_sentence_encoder, record=record, **TINY)
    seconds = json.loads(record.read_text())["seconds_a_step"]
    for place, (name, samples, ways) in enumerate((("keyframes", 64, 3), ("clips", 16, 4))):
        rows = cells(text, place)
        assert [row[0] for row in rows] == list(seconds[name])
        assert len(rows) == ways
        for row in rows:
            taken = seconds[name][row[0]]
            assert number(row[1]) == pytest.approx(sum(taken) / 2, rel=0.01)
            assert number(row[4]) == pytest.approx(samples / number(row[1]), rel=0.01)
            theirs = seconds[name]["as published"]
            ratios = [one / other for one, other in zip(theirs, taken, strict=True)]
            assert number(row[5]) == pytest.approx(sum(ratios) / 2, abs=0.01)
    assert len(re.findall(r"the losses differ by \S+e-0[5-9] of one at most|differ by 0 of", text)) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--checkpoint: is missing; give that of a KeyframeMDM, such as runs/<name>/best.ckpt"),
        (["--seeds", "1"], "--seeds: is 1; choose at least 2: one seed tells nothing of the spread"),
        (["--timed", "3"], "--timed: is 3, expected 5, one a round, to 1000"),
    ],
)
def test_wrong_options(
    checkpoint: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ["--checkpoint", str(checkpoint), *words] if words else []
    with pytest.raises(SystemExit):
        main(["mdm_sampling", *given, "--out", str(tmp_path)])
    assert capsys.readouterr().err.strip().endswith(said)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_other_data(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(checkpoint.read_bytes())
    other = {"class_path": SOURCE["class_path"], "init_args": {"n": 60}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": {"source": other}}))
    with pytest.raises(InputError, match="was not trained on the data that"):
        mdm_drawing.load(tmp_path / "best.ckpt")
