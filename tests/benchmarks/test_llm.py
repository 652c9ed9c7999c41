"""The benchmarks of the language model, on a tiny one: their counts are right, and all ways do the same job."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import llm_answers, llm_decoding, llm_gpu, llm_setup, llm_training, llm_ways
from benchmarks.__main__ import main
from benchmarks.llm_work import Machine, Pass, Sizes, counted, separate_work, tree_work
from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import load_language_model
from kfzoo.language_models.lora import add_lora
from tests.language_models.helpers import token_counts


def cells(text: str, table: int = 0) -> list[list[str]]:
    """Returns the rows of one of the tables, without their head."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables[table].splitlines()][2:]


def number(cell: str) -> float:
    return float(re.sub(r"[^0-9.e-]", "", cell))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways in this process, as to start one each takes longer than they do; and a short system prompt."""
    monkeypatch.setattr("kfzoo.models.llm_generator.prompt.system_text", lambda: 9 * "The mouth opens. ")
    for module in (llm_decoding, llm_training, llm_gpu):
        monkeypatch.setattr(module, "apart", llm_setup.called)


def test_a_way_runs_in_a_process_of_its_own_and_may_print(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def noisy(times: int) -> list[int]:
        print("noise")
        return [times]

    assert llm_setup.apart("llm_setup.prose", text="a \n b") == "a b"
    monkeypatch.setattr(llm_setup, "noisy", noisy, raising=False)
    llm_setup.answer("llm_setup.noisy", '{"times": 2}')
    assert capsys.readouterr() == ("[2]\n", "noise\n")


@pytest.mark.parametrize("tuned", [False, True])
def test_operations_are_those_that_torch_counts(tiny_qwen3: str, tuned: bool) -> None:
    model: Any = load_language_model(tiny_qwen3)[0].requires_grad_(False)
    model.set_attn_implementation("eager")  # it computes every key for every query
    if tuned:
        model = add_lora(model).train()
    count, kept = 192, 5
    ids = torch.arange(count)[None]
    with FlopCounterMode(display=False) as counter:
        logits = model(input_ids=ids, logits_to_keep=kept).logits
        if tuned:
            logits.sum().backward()
    sizes = Sizes.of(model)
    # What the first block reads needs no gradient: torch leaves those products out.
    first = [
        each.numel() for name, each in model.named_parameters() if re.search(r"\.0\.self_attn\.[qkv].*(base|_A)", name)
    ]
    left_out = 2 * count * sum(first)
    assert (len(first), left_out > 0) == ((6, True) if tuned else (0, False))
    found = (sizes.training if tuned else sizes.forward)(count, count * count, kept)
    assert found == pytest.approx(counter.get_total_flops() + left_out, rel=1e-6)


def test_passes_are_counted_as_they_are_computed(tiny_qwen3: str) -> None:
    loaded: Any = load_language_model(tiny_qwen3)
    model, tokenizer = loaded
    sizes, before = Sizes.of(model), [len(each._forward_pre_hooks) for each in model.modules()]
    prompt = tokenizer.encode("The mouth opens.", add_special_tokens=False)
    with counted(model) as passes:
        model.generate(input_ids=torch.tensor([prompt]), max_new_tokens=3, do_sample=False, eos_token_id=None)
    assert passes == [Pass(1, len(prompt), 0, 1), Pass(1, 1, len(prompt), 1), Pass(1, 1, len(prompt) + 1, 1)]
    assert [one.pairs for one in passes] == [len(prompt) * (len(prompt) + 1) // 2, len(prompt) + 1, len(prompt) + 2]
    assert before == [len(each._forward_pre_hooks) for each in model.modules()]
    assert sizes.weights == 4 * (sizes.blocks + sizes.head)
    # Bound by reading, then by arithmetic.
    slow, fast = 1e3, 1e30
    assert sizes.least(passes[1:2], Machine(fast, slow)) == pytest.approx(sizes.read(passes[1]) / slow)
    assert sizes.least(passes, Machine(slow, fast)) == pytest.approx(
        sum(sizes.forward(one.tokens, one.pairs, 1) for one in passes) / slow
    )


def test_what_a_batch_needs() -> None:
    system, script = (1, 2, 3, 4), (5, 6)
    examples = [Example((system, script, (7, key)), (9, 9, 9)) for key in (10, 11)]
    assert separate_work(examples) == (20, 2 * 55, 6)
    # Seven tokens are shared, and three each see them and one another.
    assert tree_work(examples) == (7 + 2 * 3, 28 + 2 * (3 * 7 + 6), 6)
    assert (tree_work(examples).tokens, separate_work(examples).tokens) == token_counts(examples)


def test_answering(here: None, tiny_qwen3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_answers, "LIMIT", 380)  # one of the tiny model's answers has 372 tokens
    arms = ("free", "grammar", "drafted", "script", "lockstep")
    text = llm_decoding.measure(language_model=tiny_qwen3, scripts=2, slow=2, arms=arms, record=tmp_path / "found.json")
    speeds, answers, limits = (cells(text, table) for table in range(3))
    assert [row[1] for row in speeds] == ["3", "3", "6", "6", "6"]
    record = json.loads((tmp_path / "found.json").read_text())["arms"]
    assert list(record) == list(arms)
    for row, arm in zip(speeds, record.values(), strict=True):
        assert number(row[2]) == pytest.approx(sum(arm["seconds"]) / int(row[1]), rel=0.01)
        assert number(row[3]) == pytest.approx(int(row[1]) / sum(arm["seconds"]), rel=0.01)
        assert number(row[5]) == pytest.approx(arm["passes"] / int(row[1]), abs=0.05)
    first = [sum(record[name]["seconds"][:3]) for name in ("free", "drafted")]
    assert number(speeds[2][4]) == pytest.approx(first[0] / first[1], abs=0.06)
    # `generate` runs once a token, and once more for the token that ends the answer.
    assert number(speeds[1][5]) == pytest.approx(sum(record["grammar"]["tokens"]) / 3 + 1, abs=0.06)
    fed = [number(row[6]) for row in speeds]
    assert fed[4] < fed[3] < fed[2]
    assert [row[2] for row in answers] == ["0 of 3", "3 of 3", "6 of 6", "6 of 6", "6 of 6"]
    assert [row[3] for row in answers] == ["0 of 3", "–", "3 of 3", "3 of 3", "3 of 3"]
    assert {row[5] for row in answers} == {"–"}
    assert "Not all free answers are valid" in text
    for row in limits:
        assert number(row[5]) == pytest.approx(100 * number(row[4]) / number(row[1]), abs=1)
        assert number(row[6]) <= number(row[4]) * 1.01  # no way needs less than any way


def found(seconds: list[float], ids: list[list[int]], valid: list[bool]) -> llm_answers.Found:
    return llm_answers.Found(seconds, ids, valid, [], [], {}, 0.0, 0.0, 0.0)


def test_targets_of_answering() -> None:
    same = [[1, 2], [3, 4], [5, 6]]
    results = {
        "free": found([10.0, 20.0, 30.0], [[1, 2], [0], [5, 6]], [True, False, True]),
        "free_script": found([36.0], same, [True] * 3),
        "grammar": found([20.0] * 3, same, [True] * 3),
        "drafted": found([2.0, 2.0, 4.0, 100.0], [*same, [9]], [True] * 4),
        "script": found([9.0, 100.0], [*same, [9]], [True] * 4),
        "script_kept": found([4.0, 100.0], [*same, [8]], [True] * 4),
    }
    assert llm_decoding.verdicts(results) == [
        "Target: one keyframe at least 5 × as fast as free generation, one at a time. Reached: 7.5 ×. **Met.**",
        "Target: a script of three at least 10 × as fast as free generation, one at a time. Reached: 6.7 ×, with the "
        "system prompt kept 15.0 ×; 4.0 × free generation of the three as a batch. **Missed.**",
        "Target: all of our answers valid. Reached: 12 of 12. **Met.**",
        "Target: our answers are the grammar's. Reached: 9 of 9. **Met.**",
        "Target: our answers are free generation's wherever that is valid. Reached: 6 of 6. **Met.**",
    ]
    other = {**results, "drafted": found([2.0] * 3, [[1, 2], [3, 4], [5, 7]], [True, True, False])}
    assert [line[-12:] for line in llm_decoding.verdicts(other)[2:]] == [" **Missed.**"] * 3


def test_tuning(here: None, tiny_qwen3: str, tmp_path: Path) -> None:
    text = llm_training.measure(
        language_model=tiny_qwen3, scripts=2, steps=2, rows=2, precisions=("float32",), ways=tuple(llm_ways.WAYS),
        record=tmp_path / "found.json",
    )  # fmt: skip
    speeds, losses, limits = (cells(text, table) for table in range(3))
    record = json.loads((tmp_path / "found.json").read_text())["ways"]["float32"]
    assert list(record) == ["trainer", "separate", "tree", "whole_tree"]
    assert "Trainer`, 2 at a time" in speeds[0][0]
    seconds = [sum(record[way]["seconds"]) / 2 for way in record]
    tokens = [number(row[4]) for row in speeds]
    assert tokens[0] == tokens[1] + 6  # the last of each sequence
    assert tokens[2] == tokens[3] < 0.9 * tokens[1]
    for row, taken in zip(speeds, seconds, strict=True):
        assert number(row[2]) == pytest.approx(taken, rel=0.01)
        assert number(row[3]) == pytest.approx(6 / taken, rel=0.01)
        assert number(row[5]) == pytest.approx(seconds[1] / taken, abs=0.01)
        assert number(row[6]) == pytest.approx(seconds[0] / taken, abs=0.01)
    for step in (2, 3):
        assert [number(row[step]) for row in losses] == pytest.approx(
            4 * [number(losses[1][step])], rel=2e-6
        )  # one job
    assert losses[0][2] != losses[0][3]
    for row, count, taken in zip(limits, tokens, seconds, strict=True):
        assert number(row[2]) == pytest.approx(taken / seconds[2], abs=0.01)
        assert number(row[3]) == pytest.approx(count / tokens[2], abs=0.01)
        assert number(row[4]) == pytest.approx(100 * number(row[2]) / number(row[3]), abs=1.5)
    assert number(limits[0][5]) > number(limits[1][5]) > 1
    assert text.count("Target: float32: ") == 3
    assert re.search(r"losses of the first step at most 1e-05 apart, as a share. Reached: \S+. \*\*Met", text)


def test_targets_of_tuning() -> None:
    def way(seconds: list[float], tokens: int, loss: float) -> llm_ways.Found:
        sizes = {"blocks": 1, "adapter": 0, "head": 0, "attention": 0, "cached": 0, "width": 4}
        return llm_ways.Found(seconds, [loss], [[tokens, 0, 0]], sizes, 0.0, 0.0)

    results = {
        "trainer": way([9.0, 6.0, 6.0], 401, 2.0),
        "separate": way([4.0], 400, 2.0),
        "tree": way([2.0], 100, 2.0),
    }
    assert llm_training.verdicts({"float32": results}) == [
        "Target: float32: at least 75% of the gain over separate sequences that the tokens allow. Reached: 50%, and "
        "50% of what the arithmetic allows. **Missed.**",
        "Target: float32: at least 2.5 × as fast as the Trainer. Reached: 3.00 ×. **Met.**",
        "Target: float32: losses of the first step at most 1e-05 apart, as a share. Reached: 0. **Met.**",
    ]
    apart = {**results, "tree": way([2.0], 100, 1.99)}
    assert llm_training.verdicts({"float32": apart})[-1].endswith("Reached: 0.005. **Missed.**")
    assert llm_training.verdicts({"bfloat16": apart})[-1].endswith("Reached: 0.005. **Met.**")


def test_a_graphics_card(here: None, tiny_qwen3: str, tmp_path: Path) -> None:
    """The same code, on the CPU."""
    text = llm_gpu.measure(
        architecture=tiny_qwen3, tokenizer=tiny_qwen3, scripts=1, steps=1, ways=("separate", "whole_tree", "lockstep"),
        device="cpu", record=tmp_path / "found.json",
    )  # fmt: skip
    found = json.loads((tmp_path / "found.json").read_text())
    for row, way in zip(cells(text), found["ways"].values(), strict=True):
        assert number(row[2]) == pytest.approx(3 / way["seconds"], rel=0.01)
        assert number(row[3]) == pytest.approx(way["tokens"] / way["seconds"], rel=0.01)
        assert number(row[6]) == pytest.approx(100 * way["flops"] / way["seconds"] / found["peak"], abs=0.06)
    assert found["ways"]["whole_tree"]["tokens"] < 0.9 * found["ways"]["separate"]["tokens"]
    assert found["ways"]["whole_tree"]["flops"] < found["ways"]["separate"]["flops"]


def test_without_memory_or_card(monkeypatch: pytest.MonkeyPatch, tiny_qwen3: str, tmp_path: Path) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(llm_gpu, "_tune", full)
    monkeypatch.setattr(llm_gpu, "apart", llm_setup.called)
    text = llm_gpu.measure(architecture=tiny_qwen3, tokenizer=tiny_qwen3, scripts=1, ways=["tree"], device="cpu")
    assert cells(text)[0][1] == "the memory does not suffice"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    main(["llm_gpu", "--out", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["llm_gpu.md"]
    assert "No GPU could be had: not measured." in (tmp_path / "llm_gpu.md").read_text()


def test_the_command_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    for module in (llm_decoding, llm_training):
        monkeypatch.setattr(module, "measure", lambda **settings: given.update(settings) or "measured")
    main(["llm_decoding", "--checkpoint", "a.ckpt", "--merged", "--slow", "6", "--steps", "9", "--out", str(tmp_path)])
    assert given == {"checkpoint": "a.ckpt", "merged": True, "slow": 6, "record": tmp_path / "llm_decoding.json"}
    said = (tmp_path / "llm_decoding.md").read_text()
    assert "- command: `python -m benchmarks llm_decoding --checkpoint a.ckpt --merged --slow 6`\n\nmeasured" in said
    given.clear()
    main(["llm_training", "--precisions", "float32", "bfloat16", "--rows", "2", "--out", str(tmp_path)])
    assert given == {"precisions": ["float32", "bfloat16"], "rows": 2, "record": tmp_path / "llm_training.json"}
