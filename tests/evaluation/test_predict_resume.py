"""A stopped `predict` or `test` goes on where it was: nothing is asked twice, no line is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.data.batch import KeyframeBatch
from kfzoo.errors import InputError
from kfzoo.journal import AnswerBook
from kfzoo.models.base import Generation, KeyframeModule
from tests.commandline import ROOT, results, run

BATCH = 4
TWO = ["--trainer.devices", 2, "--trainer.strategy", "ddp"]


class Writer(KeyframeModule):
    """Answers by a keyframe's name alone, in full float precision, some of it not valid, and with a text.

    It notes whom it was asked about in the file `WRITER_LOG`, and stops at a call as `WRITER_STOP` says: `kill:3`.
    """

    def __init__(self, voice: str = "calm", lockstep: int = 8) -> None:
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
        os.kill(os.getpid(), signal.SIGTERM)  # told at the end of the batch
    if way == "interrupt":
        raise KeyboardInterrupt


def answers(names: list[str], voice: str = "calm") -> Generation:
    numbers = [zlib.crc32(f"{name} {voice}".encode()) for name in names]
    rows = [torch.rand(61, generator=torch.Generator().manual_seed(number)) for number in numbers]
    valid = torch.tensor([number % 5 > 0 for number in numbers])
    return Generation(torch.stack(rows), valid, tuple(f"„{name}“ {voice}\n" for name in names))


class Case:
    """A trained run, and what was asked of its model since the last look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.log = folder / "log"
        self.config = folder / "writer.yaml"
        values = {
            "seed_everything": 3,
            "run_dir": str(self.folder),
            "model": {"class_path": "tests.evaluation.test_predict_resume.Writer"},
            "data": {
                "class_path": "kfzoo.data.keyframe_datamodule.KeyframeDataModule",
                "init_args": {
                    "source": {"class_path": "kfzoo.data.sources.builtin.BuiltinScripts", "init_args": {"n": 63}},
                    "batch_size": BATCH,
                },
            },
            "trainer": {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False, "logger": False},
        }
        self.config.write_text(yaml.safe_dump(values))

    def run(self, command: str, *arguments: object) -> int:
        return run(command, "--config", self.config, *arguments)

    def stopped(self, command: str, call: int, *arguments: object) -> None:
        """Runs a command that is interrupted before it answers its batch of that number."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WRITER_STOP", f"interrupt:{call}")
            assert self.run(command, *arguments) == 130

    def elsewhere(self, command: str, *arguments: object, stop: str = "") -> int:
        """Runs a command in a process of its own."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WRITER_STOP": stop}
        environment = {name: value for name, value in environment.items() if not name.startswith("COV_CORE")}
        line = [sys.executable, "-m", "kfzoo", command, "--config", str(self.config), *map(str, arguments)]
        return subprocess.run(line, capture_output=True, env=environment, timeout=100, check=False).returncode

    def asked(self) -> list[str]:
        found = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return found

    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("*.part-*"))

    def predictions(self) -> bytes:
        return (self.folder / "predictions.jsonl").read_bytes()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    made = Case(tmp_path_factory.mktemp("writer"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WRITER_LOG", str(made.log))
        assert made.run("fit") == 0
        yield made


@pytest.fixture(scope="module")
def whole(case: Case) -> dict[str, Any]:
    """What the run says when nobody stops it."""
    case.asked()
    assert case.run("predict") == 0
    asked = case.asked()
    assert case.run("test") == 0
    assert case.asked() == asked
    assert len(asked) > 4 * BATCH
    assert not case.parts()
    return {"asked": asked, "predictions": case.predictions(), "scores": results(case.folder)["scores"]}


@pytest.fixture(autouse=True)
def fresh(case: Case, whole: dict[str, Any]) -> Iterator[None]:
    """Nothing of another test's lies in the run folder."""
    yield
    case.asked()
    for path in case.parts():
        path.unlink()


def test_a_killed_predict_goes_on(case: Case, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert case.elsewhere("predict", stop="kill:4") == -signal.SIGKILL
    assert case.asked() == whole["asked"][: 3 * BATCH]
    assert case.predictions() == whole["predictions"]  # the finished file of an earlier start still stands
    (part,) = case.parts()
    assert case.run("predict") == 0
    assert f"Going on: {3 * BATCH} answers are in {case.folder}/predictions.part-" in capsys.readouterr().out
    assert case.asked() == whole["asked"][3 * BATCH :]
    assert case.predictions() == whole["predictions"]
    assert not part.exists()
    assert case.run("predict") == 0  # and one that was finished starts anew
    assert case.asked() == whole["asked"]


@pytest.mark.parametrize("cut", [0, 40], ids=["whole lines", "a line cut off"])
def test_a_line_that_was_cut_off_is_asked_again(cut: int, case: Case, whole: dict[str, Any]) -> None:
    case.stopped("predict", 3)
    case.asked()
    (part,) = case.parts()
    part.write_bytes(part.read_bytes()[: -cut or None])
    case.stopped("predict", 2)  # and stopped once more, behind what was repaired
    lost = 1 if cut else 0
    assert case.asked() == whole["asked"][2 * BATCH - lost : 2 * BATCH + (0 if cut else BATCH)]
    assert case.run("predict") == 0
    assert case.asked() == whole["asked"][2 * BATCH + (0 if cut else BATCH) :]
    assert case.predictions() == whole["predictions"]


def test_two_processes_go_on_and_one_where_two_were_killed(case: Case, whole: dict[str, Any]) -> None:
    assert case.elsewhere("predict", *TWO, stop="kill:3") == -signal.SIGKILL
    before = case.asked()
    assert before
    assert len(before) == len(set(before)) < len(whole["asked"])
    stood = {path: path.read_bytes() for path in case.parts()}
    for go_on, devices in ((case.elsewhere, TWO), (case.run, [])):
        for path, written in stood.items():
            path.write_bytes(written)
        (case.folder / "predictions.jsonl").unlink()
        assert go_on("predict", *devices) == 0
        assert sorted([*before, *case.asked()]) == sorted(whole["asked"])
        assert case.predictions() == whole["predictions"]
        assert not case.parts()


def test_a_stopped_test_scores_every_answer(case: Case, whole: dict[str, Any]) -> None:
    case.stopped("test", 4)
    assert case.asked() == whole["asked"][: 3 * BATCH]
    (part,) = case.parts()
    lines = part.read_text().splitlines(keepends=True)
    slow = [line.replace('"seconds": ', '"seconds": 10') for line in lines]
    part.write_text("".join(slow))
    assert case.run("test") == 0
    assert case.asked() == whole["asked"][3 * BATCH :]
    found = results(case.folder)
    assert found["scores"] == whole["scores"]
    assert found["status"] == "complete"
    assert found["seconds"] > 10
    assert not case.parts()


def test_the_test_behind_a_fit_goes_on(whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)
    monkeypatch.setenv("WRITER_LOG", str(case.log))
    case.stopped("fit", 3)
    assert case.asked() == whole["asked"][: 2 * BATCH]
    assert case.run("fit") == 0
    assert case.asked() == whole["asked"][2 * BATCH :]
    assert results(case.folder)["scores"] == whole["scores"]


@pytest.mark.parametrize("way", ["interrupt", "term"])
def test_whoever_stops_it_is_told_how_it_goes_on(
    way: str,
    case: Case,
    whole: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setenv("WRITER_STOP", f"{way}:2")
    assert case.run("predict", "--data.init_args.batch_size", 3) == 130
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr()
    command = f"python -m kfzoo predict --config {case.config} --data.init_args.batch_size 3"
    assert f"Interrupted. It goes on with: {command}\n" in said.out
    assert "kfzoo: interrupted" in said.err
    monkeypatch.delenv("WRITER_STOP")
    count = len(case.asked())
    assert count == {"interrupt": 3, "term": 6}[way]
    assert case.run("predict") == 0  # the size of a batch may change
    assert case.asked() == whole["asked"][count:]
    assert case.predictions() == whole["predictions"]


def test_answers_of_other_settings_are_neither_used_nor_lost(
    case: Case, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    case.stopped("predict", 3)
    case.asked()
    (part,) = case.parts()
    capsys.readouterr()
    assert case.run("predict", "--model.init_args.voice", "loud") == 0
    said = capsys.readouterr().out
    problem = f"{2 * BATCH} answers are left alone (model.voice: calm there, loud now)"
    assert [line for line in said.splitlines() if problem in line]
    assert case.asked() == whole["asked"]
    assert case.predictions() != whole["predictions"]
    assert case.parts() == [part]
    assert case.run("predict", "--data.init_args.annotation", "original") == 0
    assert case.run("predict", "--data.init_args.predict", "val") == 0
    said = capsys.readouterr().out
    assert "(annotation: arkit there, original now)" in said
    assert "(part: test there, val now)" in said
    case.asked()
    assert case.run("predict", "--model.init_args.lockstep", 1) == 0  # this one changes no answer
    assert case.asked() == whole["asked"][2 * BATCH :]
    assert case.predictions() == whole["predictions"]


def test_another_checkpoints_answers_are_left_alone(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.stopped("predict", 3)
    checkpoint = torch.load(case.folder / "best.ckpt", weights_only=True)
    checkpoint["state_dict"]["train_mean"][7] += 0.01
    torch.save(checkpoint, tmp_path / "other.ckpt")
    assert case.run("predict", "--ckpt_path", tmp_path / "other.ckpt") == 0
    assert "answers are left alone (checkpoint: " in capsys.readouterr().out
    assert len(case.parts()) == 1


def test_a_trial_leaves_everything_alone(case: Case, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    case.stopped("predict", 3)
    stood = [path.read_bytes() for path in case.parts()]
    case.asked()
    trial = ["--trainer.fast_dev_run", "true", "--ckpt_path", case.folder / "best.ckpt"]
    assert case.run("predict", *trial) == 0
    assert case.run("test", *trial) == 0
    assert case.asked() == 2 * whole["asked"][:BATCH]
    assert "predictions " not in capsys.readouterr().out
    assert case.predictions() == whole["predictions"]
    assert [path.read_bytes() for path in case.parts()] == stood


def test_a_limit_counts_from_the_start_and_loses_no_answer(case: Case, whole: dict[str, Any]) -> None:
    case.stopped("predict", 4)
    case.asked()
    assert case.run("predict", "--trainer.limit_predict_batches", 0) == 0
    assert case.run("predict", "--trainer.limit_predict_batches", 2) == 0
    assert not case.asked()
    assert case.predictions().splitlines() == whole["predictions"].splitlines()[: 2 * BATCH]
    assert case.run("predict", "--trainer.limit_predict_batches", 4) == 0
    assert case.asked() == whole["asked"][3 * BATCH : 4 * BATCH]
    assert not case.parts()
    assert case.run("predict", "--trainer.limit_predict_batches", 1) == 0
    assert not case.parts()
    assert case.run("predict") == 0


def test_requests_without_truth_go_on(case: Case, tmp_path: Path) -> None:
    content = (
        "Keyframe Description Sequence:\n- Keyframe One: The gaze is lowered.\n- Keyframe Two: A small smile.\n\n"
        "Background: Room {}.\nEmotion: Hope.\n\n"
        "Task Instruction: Generate the facial expression parameters for Keyframe {}."
    )
    asked = [content.format(room, name) for room in range(4) for name in ("One", "Two")]
    requests = tmp_path / "requests.jsonl"
    lines = [json.dumps({"messages": [{"role": "user", "content": text}]}) for text in asked]
    requests.write_text("\n".join(lines) + "\n")
    source = json.dumps({"class_path": "kfzoo.data.sources.chat.ChatJsonl", "init_args": {"path": str(requests)}})
    own: list[object] = ["--data.init_args.source", source, "--data.init_args.annotation", "original"]
    own += ["--data.init_args.predict", "all"]
    stood = case.predictions()
    assert case.run("predict", *own) == 0
    predictions = case.predictions()
    names = case.asked()
    assert len(names) == len(asked)
    case.stopped("predict", 2, *own)
    assert case.asked() == names[:BATCH]
    assert case.run("predict", *own) == 0
    assert case.asked() == names[BATCH:]
    assert case.predictions() == predictions
    (case.folder / "predictions.jsonl").write_bytes(stood)


def test_a_language_model_goes_on(tmp_path: Path, tiny_qwen3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kfzoo.models.llm_generator import LLMGenerator

    case = Case(tmp_path)
    values = yaml.safe_load(case.config.read_text())
    values["model"] = {
        "class_path": "kfzoo.models.llm_generator.LLMGenerator",
        "init_args": {"language_model": tiny_qwen3, "representation": "non_semantic", "tune": False},
    }
    values["trainer"] |= {"limit_val_batches": 1, "limit_test_batches": 3, "limit_train_batches": 1}
    case.config.write_text(yaml.safe_dump(values))
    assert case.run("fit") == 0
    scores = results(case.folder)["scores"]
    generate = LLMGenerator.generate
    asked: list[list[str]] = []

    def stopping(self: LLMGenerator, batch: KeyframeBatch) -> Generation:
        if len(asked) == 2:
            asked.clear()
            raise KeyboardInterrupt
        asked.append(batch.ids)
        return generate(self, batch)

    monkeypatch.setattr(LLMGenerator, "generate", stopping)
    assert case.run("test") == 130
    (case.folder / "results.json").unlink()
    assert case.run("test") == 0
    assert len(asked) == 1
    assert results(case.folder)["scores"] == scores


NAMES = [f"ü {number}#{number % 2}" for number in range(6)]


@given(cut=st.integers(0, 12_000))
@settings(max_examples=60, deadline=None)
def test_a_book_cut_anywhere_holds_what_was_whole(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        final = Path(folder) / "predictions.jsonl"
        told = AnswerBook(final, {"voice": "calm"})
        told.add(NAMES[:4], answers(NAMES[:4]))
        told.close()
        (part,) = Path(folder).iterdir()
        written = part.read_bytes()
        left = written[: cut % (len(written) + 1)]
        part.write_bytes(left)
        whole = max(0, left.count(b"\n") - 1)
        again = AnswerBook(final, {"voice": "calm"})
        assert whole <= again.found <= whole + 1  # a line that lacks nothing but its end is whole, too
        known = [name for name in NAMES if name in again]
        assert known == NAMES[: again.found]
        rest = [name for name in NAMES if name not in again]
        again.add(rest, answers(rest))
        again.close()
        last = AnswerBook(final, {"voice": "calm"}, process=1)
        assert last.found == len(NAMES)
        found, expected = last.answers(NAMES), answers(NAMES)
        assert torch.equal(found.coefficients, expected.coefficients)
        assert torch.equal(found.valid, expected.valid)
        assert found.texts == expected.texts
        lines = [line for line in part.read_bytes().splitlines() if line]
        assert len({json.loads(line)["id"] for line in lines if _is_answer(line)}) == len(NAMES)
        assert sum(_is_answer(line) for line in lines) == len(NAMES)
        last.remove()
        assert not list(Path(folder).iterdir())


def _is_answer(line: bytes) -> bool:
    try:
        return "id" in json.loads(line)
    except ValueError:
        return False


def test_values_that_are_no_numbers_come_back(tmp_path: Path) -> None:
    values = torch.full((1, 61), torch.nan)
    values[0, :2] = torch.tensor([torch.inf, -0.0])
    with_nan = Generation(values, torch.tensor([False]))
    book = AnswerBook(tmp_path / "x.jsonl", {})
    book.add(["a"], with_nan)
    found = AnswerBook(tmp_path / "x.jsonl", {}).answers(["a"])
    assert torch.equal(found.coefficients.view(torch.int32), values.view(torch.int32))
    assert found.texts is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    book = AnswerBook(tmp_path / "file" / "x.jsonl", {})
    with pytest.raises(InputError, match=r"x\.part-[0-9a-f]{8}-0\.jsonl: cannot be written .*; make room"):
        book.add(["a"], answers(["a"]))
