"""Every benchmark runs with tiny sizes and gives a table whose numbers belong together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks import generation, livelink, startup
from benchmarks.__main__ import main
from benchmarks.report import interleaved, page, table, verdict
from kfzoo.arkit.livelink import write_take
from kfzoo.data.sources.builtin import BuiltinScripts


def cells(text: str, table: int = 0) -> list[list[str]]:
    """Returns the rows of one of the tables, without their head."""
    starts = [match.start() for match in re.finditer(r"^\|.*\n\| ---", text, re.MULTILINE)] + [len(text)]
    text = text[starts[table] : starts[table + 1]]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert len({len(row) for row in rows}) == 1
    return rows[2:]


def test_all_readers_read_the_same(tmp_path: Path) -> None:
    faces = livelink.faces(90)
    write_take(tmp_path / "take.csv", faces)
    assert {"`kfzoo.arkit.livelink.read_take`", "`numpy.loadtxt`"} <= livelink.readers().keys()
    for read in livelink.readers().values():
        np.testing.assert_allclose(read(tmp_path / "take.csv"), faces, rtol=0, atol=1e-7)


def test_livelink() -> None:
    rows = cells(livelink.measure(seconds=(1, 2), runs=1))
    assert [row[1] for row in rows] == ["1"] * (len(rows) // 2) + ["2"] * (len(rows) // 2)
    for _, length, milliseconds, frames, _ in rows:
        assert float(frames.replace(",", "")) == pytest.approx(int(length) * 60e3 / float(milliseconds), rel=1e-2)
    assert rows[0][4] == "1.00 ×"


def test_startup_finds_help_fast() -> None:
    text = startup.measure(runs=2)
    assert [row[0] for row in cells(text)] == ["`python -m kfzoo --help`", "`python -c pass`"]
    assert all(0 < float(row[2]) <= float(row[1]) <= float(row[3]) for row in cells(text))
    assert "Target: `--help` below 0.3 s." in text


def test_generation_measures_the_process_that_makes_scripts() -> None:
    held = np.ones(2**27, dtype=np.uint8)  # this process is large; the fresh one must not show it
    text = generation.measure(sizes=(60, 30))
    rows = cells(text)
    assert [row[0] for row in rows] == ["30", "60"]
    keyframes = sum(len(script.keyframes) for script in BuiltinScripts(60))
    _, _, scripts, found, before, after = (float(cell.replace(",", "")) for cell in rows[1])
    assert found / scripts == pytest.approx(keyframes / 60, rel=0.05)
    assert 5 < before <= after < held.nbytes / 2**20
    assert "memory is flat" in text
    assert "Target" not in generation.measure(sizes=(10,))


def test_training(tiny_sentence_encoder: str) -> None:
    from benchmarks import training

    text = training.measure(
        scripts=60, epochs=2, runs=1, text_encoder=tiny_sentence_encoder, width=16, latent=16, variants=0
    )
    rows = cells(text)
    assert len(rows) == 2
    assert float(rows[0][-1]) == pytest.approx(float(rows[1][1]) / float(rows[0][1]), rel=0.01)
    assert rows[1][-1] == "1"
    found = re.search(r"that differ by (\S+) at most", text)
    assert found is not None
    assert float(found[1]) < 1e-6  # both ways did the same work


def test_evaluation(tmp_path: Path) -> None:
    main(["evaluation", "--sizes", "128", "64", "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.md", "evaluation.png"}
    assert (tmp_path / "evaluation.png").read_bytes()[:4] == b"\x89PNG"
    text = (tmp_path / "evaluation.md").read_text()
    assert "](evaluation.png)" in text
    whole, parts, compared = (cells(text, table) for table in range(3))
    assert [row[0] for row in whole] == [row[0] for row in parts] == ["64", "128"]
    for row, part in zip(whole, parts, strict=True):
        size, *steps, seconds, microseconds = (float(cell.replace(",", "")) for cell in row[:6])
        assert sum(steps) == pytest.approx(seconds, abs=0.02)
        assert microseconds == pytest.approx(seconds * 1e6 / size, abs=0.01 * 1e6 / size)
        assert sum(map(float, part[1:])) == pytest.approx(seconds, abs=0.02)
        torch, imported, ready, peak, scoring = (float(cell.replace(",", "")) for cell in row[6:])
        assert 100 < torch < imported < ready < peak
        assert scoring == pytest.approx(peak - ready, abs=2)
    assert len(compared) == 7
    assert "Target: a keyframe of 128 takes at most 1.5 ×" in text
    assert "= 1/32 with ties averaged" in text


def test_evaluation_says_which_targets_were_met() -> None:
    from benchmarks.evaluation import FULL_SET, verdicts
    from benchmarks.suite_run import Taken

    found = {
        10_000: Taken([1.0, 2.0, 3.0], {FULL_SET: 1.0}, [10, 500, 800, 850, 1050], []),
        100_000: Taken([10.0, 30.0, 50.0], {FULL_SET: 0.0}, [10, 500, 800, 900, 2000], []),
    }
    assert verdicts(found) == [
        "Target: 10,000 keyframes in 10 s. Reached: 6.0 s. **Met.**",
        "Target: 10,000 keyframes with 1,024 MiB at the peak of the whole process. Reached: 1,050 MiB, of which "
        "490 MiB are torch, 300 the suite's other imports and 200 the scoring itself. **Missed.**",
        "Target: a keyframe of 100,000 takes at most 1.5 × the time of one of 10,000. Reached: 1.50 ×, and 1.80 × "
        "without retrieval in the full set. **Met.**",
    ]
    assert verdicts({500: found[10_000]}) == []


def test_the_usual_loops_give_what_ours_give() -> None:
    import torch

    from benchmarks import peers
    from kfzoo.metrics.functional.frechet import frechet_distance, moments

    given = peers.inputs(320)
    assert all(values.std(axis=0).min() > 0 for values in given)
    for pair in peers.pairs(given):
        if pair.remark != "other pairs":
            tolerance = 1.1 / 320 if "N − 1" in pair.remark else 1e-9
            np.testing.assert_allclose(pair.theirs(), pair.ours(), rtol=tolerance, err_msg=pair.metric)
    by_loop = peers.diversity_by_loop(given.answers)
    assert by_loop == pytest.approx(peers.diversity_by_pdist(given.answers), rel=0.1)
    answers, training = (moments(torch.from_numpy(each)) for each in (given.answers, given.training))
    by_sqrtm = peers.frechet_by_sqrtm(given.answers, given.training, ddof=0)
    assert by_sqrtm == pytest.approx(float(frechet_distance(answers, training)), rel=1e-9)


def test_the_usual_loops_break_ties_by_index() -> None:
    from benchmarks import peers

    queries, gallery = np.random.default_rng(0).normal(size=(64, 8)), np.ones((64, 8))
    drawn = np.arange(64).reshape(2, 32)
    np.testing.assert_array_equal(peers.r_precision_by_query(queries, gallery, drawn), [1, 1, 1])
    assert peers.r_precision_by_pool(queries, gallery, drawn).max() < 0.2


def test_a_part_is_charged_for_its_own_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from benchmarks import suite_run

    now = 0.0
    monkeypatch.setattr("benchmarks.suite_run.time.perf_counter", lambda: now)

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    def outer() -> str:
        pass_time(2)
        program.inner()
        pass_time(4)
        return "done"

    program = SimpleNamespace(inner=lambda: pass_time(8), outer=outer)
    watch = suite_run.Stopwatch("rest")
    watch.watch("in", program, "inner")
    watch.watch("out", program, "outer")
    pass_time(100)
    watch.restart()
    pass_time(1)
    assert program.outer() == "done"
    pass_time(16)
    watch.lap()
    assert watch.seconds == {"rest": 17, "out": 6, "in": 8}


def test_made_up_keyframes_are_like_real_ones() -> None:
    from benchmarks.suite_run import UntrainedEvaluator, made_up_question
    from kfzoo.arkit.channels import LOWER, UPPER

    question = made_up_question(2000)
    target = question.targets.numpy()
    assert ((target >= LOWER) & (target <= UPPER)).all()
    assert 0.4 < (target == 0).mean() < 0.7
    assert 0.01 < target.var(axis=0).mean() < 0.04
    assert len(question.ids) == len(set(question.ids)) == 2000
    assert len({sample.script.id for sample in question.samples}) == pytest.approx(1000, rel=0.1)
    order = [5, 3, 1999]
    evaluator = UntrainedEvaluator(question)
    found = evaluator.embed_samples([question.samples[place] for place in order])
    assert found.equal(evaluator.embed_samples(question.samples)[order])
    assert found.shape == evaluator.embed_motion(question.predictions[order]).shape == (3, 128)


def test_the_command_writes_one_page_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["generation", "--sizes", "10", "20", "--out", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["generation.md"]
    said = (tmp_path / "generation.md").read_text()
    assert said in capsys.readouterr().out
    for part in ("# Making built-in scripts", "- hardware: ", "- versions: Python 3.", "- commit: ", "| 20 |"):
        assert part in said


def test_an_unknown_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["livelnk"])
    _, problem, told = capsys.readouterr().err.rpartition("'livelnk' is no benchmark, expected ")
    assert problem
    modules = {path.stem for path in Path(benchmarks.__file__).parent.glob("*.py") if "\nTITLE = " in path.read_text()}
    assert sorted(told.strip().split(", ")) == sorted(modules)  # what has a title is a benchmark that can be named


def test_parts() -> None:
    calls = []

    def job(name: str, value: float) -> float:
        calls.append(name)
        return value

    found = interleaved({"a": lambda: job("a", 1.0), "b": lambda: job("b", 2.0)}, 2, "x")
    assert calls == ["a", "b"] * 3  # the first of each is not counted
    assert found == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    assert verdict("below 3", "4", met=False) == "Target: below 3. Reached: 4. **Missed.**"
    assert page("x", "T", "body").startswith("# T\n\n- hardware: ")


def test_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import rendering

    monkeypatch.delenv("KFZOO_ICT_FACEKIT", raising=False)
    text = rendering.measure(sizes=(32, 128), scripts=3, runs=1)
    rows = cells(text)
    assert [row[0] for row in rows] == ["`DrawnFaces`, 32²", "`DrawnFaces`, 128²"]
    assert all(float(cell.replace(",", "")) > 0 for row in rows for cell in row[1:])
    assert "`MeshFaces` was not measured" in text
    assert "Target: 200 images a second and core of `DrawnFaces` at 128²" in text
