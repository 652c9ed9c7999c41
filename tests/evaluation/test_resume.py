"""A stopped `predict` or `test` resumes: nothing is generated twice, no line is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import yaml

from kfzoo.data.batch import KeyframeBatch
from kfzoo.evaluation.resume_callback import from_entries, to_entries
from kfzoo.journal import Journal
from kfzoo.models.base import Generation, KeyframeModule
from tests.commandline import results, run
from tests.processes import elsewhere

BATCH = 4


class Writer(KeyframeModule):
    """Generates from a keyframe's name alone, in full float precision, some of it not valid, and with a text.

    It appends the names to the file `WRITER_LOG`, and stops at a call as `WRITER_STOP` says: `kill:3`.
    """

    batching_settings: ClassVar = {"rows": 1}

    def __init__(self, voice: str = "calm", rows: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self._calls = 0

    def loss(self, batch: KeyframeBatch) -> dict[str, torch.Tensor]:
        return {"loss": torch.zeros(())}

    def generate(self, batch: KeyframeBatch) -> Generation:
        if not self.trainer.validating and not self.trainer.training:
            self._calls += 1
            way, _, call = os.environ.get("WRITER_STOP", "").partition(":")
            if way and self._calls == int(call):
                stop(way)
            with Path(os.environ["WRITER_LOG"]).open("a") as file:
                file.write("".join(f"{name}\n" for name in batch.ids))
        return answers(batch.ids, self.hparams["voice"])


def stop(way: str) -> None:
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "term":
        os.kill(os.getpid(), signal.SIGTERM)  # takes effect at the end of the batch
    if way == "interrupt":
        raise KeyboardInterrupt


def answers(names: Sequence[str], voice: str) -> Generation:
    numbers = [zlib.crc32(f"{name} {voice}".encode()) for name in names]
    rows = [torch.rand(61, generator=torch.Generator().manual_seed(number)) for number in numbers]
    valid = torch.tensor([number % 5 > 0 for number in numbers])
    return Generation(torch.stack(rows), valid, tuple(f"„{name}“ {voice}\n" for name in names))


class Case:
    """A run of `Writer`; `names`, `expected` and `scores` are what an uninterrupted run generates."""

    names: list[str]
    expected: bytes
    scores: dict[str, Any]

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.predictions = self.folder / "predictions.jsonl"
        self.log = folder / "log"
        self.config = folder / "writer.yaml"
        source = {"class_path": "kfzoo.data.sources.builtin.BuiltinScripts", "init_args": {"n": 63}}
        data = {"class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule"}
        self.configure(
            seed_everything=3,
            run_dir=str(self.folder),
            model={"class_path": "tests.evaluation.test_resume.Writer"},
            data=data | {"init_args": {"source": source, "batch_size": BATCH}},
            trainer={"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False, "logger": False},
        )

    def configure(self, **values: object) -> None:
        before = yaml.safe_load(self.config.read_text()) if self.config.exists() else {}
        self.config.write_text(yaml.safe_dump(before | values))

    def run(self, command: str, *arguments: object) -> int:
        return run(command, "--config", self.config, *arguments)

    def stopped(self, command: str, call: int, *arguments: object) -> list[str]:
        """Runs a command that is interrupted before its batch of that number; returns the generated keyframes."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WRITER_STOP", f"interrupt:{call}")
            assert self.run(command, *arguments) == 130
        return self.generated()

    def generated(self) -> list[str]:
        """Returns the keyframes that were generated since the last call."""
        found = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return found

    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("*.part-*"))

    def predicts_as_expected(self, *arguments: object) -> list[str]:
        """Runs `predict` to its end, checks its file, and returns the generated keyframes."""
        assert self.run("predict", *arguments) == 0
        assert self.predictions.read_bytes() == self.expected
        return self.generated()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    made = Case(tmp_path_factory.mktemp("writer"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WRITER_LOG", str(made.log))
        assert made.run("fit") == 0
        made.generated()
        assert made.run("predict") == 0
        made.names, made.expected = made.generated(), made.predictions.read_bytes()
        assert made.run("test") == 0
        assert made.generated() == made.names
        assert len(made.names) > 4 * BATCH
        made.scores = results(made.folder)["scores"]
        assert not made.parts()
        yield made


@pytest.fixture
def case(uninterrupted: Case) -> Iterator[Case]:
    """The run, as it was before any test."""
    yield uninterrupted
    uninterrupted.generated()
    uninterrupted.predictions.write_bytes(uninterrupted.expected)
    for path in uninterrupted.parts():
        path.unlink()


def test_a_killed_predict_resumes(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere("predict", "--config", case.config, code=-signal.SIGKILL, WRITER_STOP="kill:4")
    assert case.generated() == case.names[: 3 * BATCH]
    assert case.predictions.read_bytes() == case.expected  # the finished file of an earlier start is still there
    (part,) = case.parts()
    assert case.predicts_as_expected() == case.names[3 * BATCH :]
    assert f"Going on: {3 * BATCH} answers are in {case.folder}/predictions.part-" in capsys.readouterr().out
    assert not part.exists()
    assert case.predicts_as_expected() == case.names  # one that was finished starts again


@pytest.mark.parametrize("cut", [0, 40], ids=["complete lines", "a line cut off"])
def test_a_line_that_was_cut_off_is_generated_again(cut: int, case: Case) -> None:
    case.stopped("predict", 3)
    (part,) = case.parts()
    part.write_bytes(part.read_bytes()[: -cut or None])
    first, last = (2 * BATCH - 1, 2 * BATCH) if cut else (2 * BATCH, 3 * BATCH)
    assert case.stopped("predict", 2) == case.names[first:last]  # stopped once more, after what was repaired
    assert case.predicts_as_expected() == case.names[last:]


def test_two_processes_resume_and_one_where_two_were_killed(case: Case) -> None:
    predict = ("predict", "--config", case.config)
    elsewhere(*predict, processes=2, code=-signal.SIGKILL, WRITER_STOP="kill:3")
    before = case.generated()
    assert before
    assert len(before) == len(set(before)) < len(case.names)
    written = {path: path.read_bytes() for path in case.parts()}
    for processes in (2, 1):
        for path, content in written.items():
            path.write_bytes(content)
        case.predictions.unlink()
        elsewhere(*predict, processes=processes)
        assert sorted([*before, *case.generated()]) == sorted(case.names)
        assert case.predictions.read_bytes() == case.expected
        assert not case.parts()


def test_a_stopped_test_scores_every_answer(case: Case) -> None:
    assert case.stopped("test", 4) == case.names[: 3 * BATCH]
    (part,) = case.parts()
    part.write_text(part.read_text().replace('"seconds": ', '"seconds": 10'))
    assert case.run("test") == 0
    assert case.generated() == case.names[3 * BATCH :]
    found = results(case.folder)
    assert found["scores"] == case.scores
    assert found["status"] == "complete"
    assert found["seconds"] > 10
    assert not case.parts()


def test_the_test_after_a_fit_resumes(uninterrupted: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)
    monkeypatch.setenv("WRITER_LOG", str(case.log))
    assert case.stopped("fit", 3) == uninterrupted.names[: 2 * BATCH]
    assert case.run("fit") == 0
    assert case.generated() == uninterrupted.names[2 * BATCH :]
    assert results(case.folder)["scores"] == uninterrupted.scores


@pytest.mark.parametrize(("way", "count"), [("interrupt", 3), ("term", 6)])
def test_an_interrupted_command_says_how_it_resumes(
    way: str, count: int, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setenv("WRITER_STOP", f"{way}:2")
    assert case.run("predict", "--data.init_args.batch_size", 3) == 130
    assert signal.getsignal(signal.SIGINT) is before
    printed = capsys.readouterr()
    command = f"python -m kfzoo predict --config {case.config} --data.init_args.batch_size 3"
    assert command in printed.out
    assert "kfzoo: interrupted" in printed.err
    monkeypatch.delenv("WRITER_STOP")
    assert case.generated() == case.names[:count]
    assert case.predicts_as_expected() == case.names[count:]  # with another batch size


def test_answers_of_other_settings_are_neither_used_nor_lost(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.stopped("predict", 3)
    (part,) = case.parts()
    checkpoint = torch.load(case.folder / "best.ckpt", weights_only=True)
    checkpoint["state_dict"]["train_mean"][7] += 0.01
    del checkpoint["kfzoo"]["weights"]  # the digest of the others
    torch.save(checkpoint, tmp_path / "other.ckpt")
    for setting, value, why in (
        ("--model.init_args.voice", "loud", "(model.voice: calm there, loud now)"),
        ("--data.init_args.annotation", "original", "(annotation: arkit there, original now)"),
        ("--data.init_args.predict", "val", "(part: test there, val now)"),
        ("--ckpt_path", tmp_path / "other.ckpt", "(checkpoint: "),
    ):
        capsys.readouterr()
        assert case.run("predict", setting, value) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "not used" in line]
        assert f"{2 * BATCH} entries are not used {why}" in line
        assert setting.endswith("predict") or case.generated() == case.names
        assert case.parts() == [part]
        case.generated()
    assert case.predicts_as_expected("--model.init_args.rows", 1) == case.names[2 * BATCH :]  # changes no answer


def test_a_trial_leaves_everything_alone(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.stopped("predict", 3)
    before = {path: path.read_bytes() for path in case.folder.iterdir()}
    trial = ["--trainer.fast_dev_run", "true", "--ckpt_path", case.folder / "best.ckpt"]
    assert case.run("predict", *trial) == 0
    assert case.run("test", *trial) == 0
    assert case.generated() == 2 * case.names[:BATCH]
    assert "predictions " not in capsys.readouterr().out
    assert {path: path.read_bytes() for path in case.folder.iterdir()} == before


def test_a_limit_counts_from_the_start_and_loses_no_answer(case: Case) -> None:
    case.stopped("predict", 4)
    assert case.run("predict", "--trainer.limit_predict_batches", 0) == 0
    assert case.run("predict", "--trainer.limit_predict_batches", 2) == 0
    assert not case.generated()
    assert case.predictions.read_bytes().splitlines() == case.expected.splitlines()[: 2 * BATCH]
    assert case.run("predict", "--trainer.limit_predict_batches", 4) == 0
    assert case.generated() == case.names[3 * BATCH : 4 * BATCH]
    assert not case.parts()
    assert case.run("predict", "--trainer.limit_predict_batches", 1) == 0
    assert not case.parts()


def test_requests_without_ground_truth_resume(case: Case, tmp_path: Path) -> None:
    content = (
        "Keyframe Description Sequence:\n- Keyframe One: The gaze is lowered.\n- Keyframe Two: A small smile.\n\n"
        "Background: Room {}.\nEmotion: Hope.\n\n"
        "Task Instruction: Generate the facial expression parameters for Keyframe {}."
    )
    requests = [content.format(room, name) for room in range(4) for name in ("One", "Two")]
    lines = [json.dumps({"messages": [{"role": "user", "content": text}]}) for text in requests]
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(lines) + "\n")
    source = json.dumps({"class_path": "kfzoo.data.sources.chat.ChatJsonl", "init_args": {"path": str(path)}})
    own: list[object] = ["--data.init_args.source", source, "--data.init_args.annotation", "original"]
    own += ["--data.init_args.predict", "all"]
    assert case.run("predict", *own) == 0
    predictions, names = case.predictions.read_bytes(), case.generated()
    assert len(names) == len(requests)
    assert case.stopped("predict", 2, *own) == names[:BATCH]
    assert case.run("predict", *own) == 0
    assert case.generated() == names[BATCH:]
    assert case.predictions.read_bytes() == predictions


def test_a_language_model_resumes(tmp_path: Path, tiny_qwen3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kfzoo.models.llm_generator import LLMGenerator

    case = Case(tmp_path)
    settings = {"language_model": tiny_qwen3, "representation": "non_semantic", "tune": False}
    limits = {"limit_val_batches": 1, "limit_test_batches": 3, "limit_train_batches": 1}
    case.configure(
        model={"class_path": "kfzoo.models.llm_generator.LLMGenerator", "init_args": settings},
        trainer=yaml.safe_load(case.config.read_text())["trainer"] | limits,
    )
    assert case.run("fit") == 0
    scores = results(case.folder)["scores"]
    generate = LLMGenerator.generate
    calls: list[list[str]] = []

    def stopping(self: LLMGenerator, batch: KeyframeBatch) -> Generation:
        if len(calls) == 2:
            calls.clear()
            raise KeyboardInterrupt
        calls.append(batch.ids)
        return generate(self, batch)

    monkeypatch.setattr(LLMGenerator, "generate", stopping)
    assert case.run("test") == 130
    (case.folder / "results.json").unlink()
    assert case.run("test") == 0
    assert len(calls) == 1
    assert results(case.folder)["scores"] == scores


@pytest.mark.parametrize("texts", [None, ("„a“\n", "")])
def test_answers_come_back_from_a_journal_bit_by_bit(texts: tuple[str, ...] | None, tmp_path: Path) -> None:
    values = torch.rand(2, 61)
    values[0, :3] = torch.tensor([torch.nan, torch.inf, -0.0])
    journal = Journal(tmp_path / "x.jsonl", {})
    journal.add(to_entries(["a", "b"], Generation(values, torch.tensor([False, True]), texts)))
    journal.close()
    again = Journal(tmp_path / "x.jsonl", {})
    found = from_entries([again["a"], again["b"]])
    assert torch.equal(found.coefficients.view(torch.int32), values.view(torch.int32))
    assert found.valid.tolist() == [False, True]
    assert found.texts == texts
