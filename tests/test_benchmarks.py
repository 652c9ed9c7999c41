"""Every benchmark runs with tiny sizes and gives a table whose numbers belong together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import generation, livelink, startup
from benchmarks.__main__ import main
from benchmarks.report import interleaved, page, table, verdict
from kfzoo.arkit.livelink import write_take
from kfzoo.data.builtin import BuiltinScripts


def cells(text: str) -> list[list[str]]:
    """Returns the table's rows, without its head."""
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
    assert "'livelnk' is no benchmark, expected startup, livelink, training, generation" in capsys.readouterr().err


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
