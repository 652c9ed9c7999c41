"""How fast a language model answers keyframes: by free generation, held to a grammar alone, and by ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.llm_answers import ARMS, LIMIT, Found
from benchmarks.llm_setup import KEYFRAMES, apart, libraries, prose, told
from benchmarks.llm_work import Machine, Pass, Sizes
from benchmarks.report import table, verdict
from kfzoo.files import replacing

TITLE = "Answering with a language model"
TARGETS = {"drafted": ("one keyframe", 5.0), "script": ("a script of three", 10.0)}
"""What an arm answers at a time, and how many times as fast as free generation it shall be."""

ANSWERS = (
    "An answer is *the same* when all its tokens are. *The grammar's* answer is the reference: the greedy walk, one "
    "token a pass. The last column counts only keyframes that free generation answered validly."
)


def measure(
    checkpoint: str | None = None,
    language_model: str = "smollm2",
    scripts: int = 16,
    slow: int = KEYFRAMES,
    merged: bool = False,
    arms: Sequence[str] = tuple(ARMS),
    record: Path | None = None,
) -> str:
    """Answers the same keyframes in all ways, each in a process of its own, and returns the tables.

    Args:
        checkpoint: Of a tuned generator; by default an untuned one answers.
        language_model: Which, where there is no checkpoint.
        scripts: Number of scripts of three keyframes, of the built-in test part.
        slow: Keyframes for the slow arms, the first ones; rounded up to whole scripts.
        merged: Measure with the adapter added to the weights.
        arms: Some of `ARMS`.
        record: File for the numbers as JSON.
    """
    few = min(-(-slow // KEYFRAMES), scripts)
    settings: dict[str, Any] = {"checkpoint": checkpoint, "language_model": language_model, "merged": merged}
    found = {
        name: Found(*apart("llm_answers.run", name=name, scripts=few if ARMS[name].slow else scripts, **settings))
        for name in tqdm(arms, desc="Answering", unit=" ways", leave=False)
    }
    machine = Machine(*apart("llm_work.machine"))
    model = told(checkpoint, language_model, merged)
    if record is not None:
        with replacing(record) as path:
            path.write_text(json.dumps(_recorded(model, found, machine), indent=1) + "\n", encoding="utf-8")
    return "\n".join(
        [
            _introduction(model, found, scripts, few),
            "",
            _speed_table(found),
            "",
            *(f"{line}\n" for line in verdicts(found)),
            "## Answers",
            "",
            prose(ANSWERS),
            "",
            _answers_table(found),
            "",
            "## Limits",
            "",
            _limits_introduction(found, machine),
            "",
            _limits_table(found, machine),
        ]
    )


def verdicts(found: Mapping[str, Found]) -> list[str]:
    """Returns a line for each target that the arms can tell of."""
    lines = []
    for name, (words, target) in TARGETS.items():
        if not {"free", name} <= found.keys():
            continue
        ratio = _times(found, name)
        reached = f"{ratio:.1f} ×"
        if f"{name}_kept" in found:
            reached += f", with the system prompt kept {_times(found, f'{name}_kept'):.1f} ×"
        if name == "script" and "free_script" in found:
            reached += f"; {ratio / _times(found, 'free_script'):.1f} × free generation of the three as a batch"
        goal = f"{words} at least {target:g} × as fast as free generation, one at a time"
        lines.append(verdict(goal, reached, ratio >= target))
    ours = [name for name in found if ARMS[name].ours]
    valid = list(chain.from_iterable(found[name].valid for name in ours))
    if valid:
        lines.append(verdict("all of our answers valid", f"{sum(valid)} of {len(valid)}", all(valid)))
    for other, words in (("grammar", "the grammar's"), ("free", "free generation's wherever that is valid")):
        same = list(chain.from_iterable(_same(found, name, other) for name in ours))
        if same:
            lines.append(verdict(f"our answers are {words}", f"{sum(same)} of {len(same)}", all(same)))
    return lines


def _by_keyframe(found: Mapping[str, Found], name: str) -> list[float]:
    """Returns the seconds of each keyframe: its share of what was answered with it."""
    size, count = ARMS[name].size, len(found[name].ids)
    counts = [min(size, count - start) for start in range(0, count, size)]
    return [taken / n for taken, n in zip(found[name].seconds, counts, strict=True) for _ in range(n)]


def _times(found: Mapping[str, Found], name: str) -> float:
    """Returns how many times as fast as free generation an arm is, on the keyframes that both answered."""
    free, own = (_by_keyframe(found, each) for each in ("free", name))
    common = min(len(free), len(own))
    return sum(free[:common]) / sum(own[:common])


def _same(found: Mapping[str, Found], name: str, other: str) -> list[bool]:
    """Says of the keyframes that two arms answered, the other validly, whether they did alike."""
    if name == other or other not in found:
        return []
    theirs = found[other]
    answers = zip(found[name].ids, theirs.ids, theirs.valid, strict=False)
    return [own == their for own, their, valid in answers if valid]


def _introduction(model: str, found: Mapping[str, Found], scripts: int, few: int) -> str:
    seconds = max(each.templates for each in found.values())
    broken = (
        """Not all free answers are valid, and one that does not end runs to the limit: to be so many times as fast as
        those tells little."""
        if not all(found["free"].valid if "free" in found else [True])
        else ""
    )
    return prose(
        f"""Model: {model}; {libraries()}; {torch.get_num_threads()} threads. {scripts * KEYFRAMES} keyframes: the first
        {scripts} scripts with three keyframes of the built-in test part. Each way in a process of its own, one after
        the other; the model is loaded and has answered before the clock starts. The slow ways (free, grammar only)
        answer the first {few * KEYFRAMES} keyframes alone; ratios are taken on the keyframes that both ways answered.
        To lay the answers out in tokens takes {seconds:.1f} s, once a process, and is not counted. *Free* is
        transformers' `generate`, greedy, at most {LIMIT:,} new tokens. *Grammar only* is the same with
        `prefix_allowed_tokens_fn`, which masks every token to those that the template allows. *Template* and *drafted*
        are ours. *System prompt kept*: the model has read it before, as from `predict`'s second batch on. {broken}"""
    )


def _speed_table(found: Mapping[str, Found]) -> str:
    rows = []
    for name, each in found.items():
        seconds, passes = _by_keyframe(found, name), [Pass(*one) for one in each.passes]
        count = len(seconds)
        rows.append(
            [
                ARMS[name].title,
                f"{count}",
                f"{mean(seconds):.3g}",
                f"{1 / mean(seconds):.3g}",
                f"{_times(found, name):.1f} ×" if "free" in found else "–",
                f"{len(passes) / count:.1f}",
                f"{sum(one.tokens for one in passes) / count:,.0f}",
                f"{each.peak:,.0f}",
                f"{each.peak - each.loaded:,.0f}",
            ]
        )
    columns = (
        "keyframes",
        "s a keyframe",
        "keyframes/s",
        "as fast as free",
        "passes a keyframe",
        "tokens fed a keyframe",
    )
    return table(["way", *columns, "peak, MiB", "of it answering, MiB"], rows)


def _answers_table(found: Mapping[str, Found]) -> str:
    rows = [
        [
            ARMS[name].title,
            f"{mean(map(len, each.ids)):.0f}",
            _share(each.valid),
            *(_share(_same(found, name, other)) for other in ("grammar", "template", "free")),
        ]
        for name, each in found.items()
    ]
    same = ("the same as the grammar's", "as the template's", "as the free")
    return table(["way", "tokens an answer", "valid", *same], rows)


def _share(found: Sequence[bool]) -> str:
    return f"{sum(found)} of {len(found)}" if found else "–"


def _limits_introduction(found: Mapping[str, Found], machine: Machine) -> str:
    sizes = Sizes(**next(iter(found.values())).sizes)
    return prose(
        f"""This machine was seen to do {machine.flops / 1e9:,.0f} GFLOP/s in a product of two large matrices, and to
        read {machine.bandwidth / 1e9:.1f} GB/s in that of a matrix and a vector, float32. A pass reads the weights,
        {sizes.weights / 2**20:,.0f} MiB, and the cache; a token takes {sizes.forward(1, 0, 0) / 1e6:,.0f} MFLOP in the
        blocks, {sizes.forward(0, 1, 0) / 1e3:,.0f} kFLOP for each token that it sees, and its logits
        {sizes.forward(0, 0, 1) / 1e6:,.0f} MFLOP. *Passes at best* is the time of the way's own passes if each took its
        arithmetic or its reading alone, whichever is longer. *Any way at best* counts what no way to these answers can
        do without: each token of prompt and answer once (what keyframes that go together share, once for all; a system
        prompt that is kept, not at all) and logits where the answer has a choice, at the speed of the matrix
        product."""
    )


def _limits_table(found: Mapping[str, Found], machine: Machine) -> str:
    rows = []
    for name, each in found.items():
        sizes, passes, count = Sizes(**each.sizes), [Pass(*one) for one in each.passes], len(each.ids)
        taken = sum(each.seconds) / count
        passing = sizes.least(passes, machine) / count
        least = sizes.forward(*each.least) / machine.flops / count
        flops = sum(sizes.forward(one.tokens, one.pairs, one.logits) for one in passes)
        rows.append(
            [
                ARMS[name].title,
                f"{taken:.3g}",
                f"{sum(map(sizes.read, passes)) / count / 2**30:.2f}",
                f"{flops / count / 1e9:,.0f}",
                *(f"{passing:.3g}", f"{passing / taken:.0%}"),
                *(f"{least:.3g}", f"{least / taken:.0%}"),
            ]
        )
    columns = ["s a keyframe", "read, GiB a keyframe", "GFLOP a keyframe"]
    return table(["way", *columns, "passes at best, s", "reached", "any way at best, s", "reached"], rows)


def _recorded(model: str, found: Mapping[str, Found], machine: Machine) -> dict[str, Any]:
    """Returns the numbers of all arms; of the answers only their lengths."""
    arms = {
        name: {
            **{key: value for key, value in each._asdict().items() if key not in ("ids", "passes")},
            "tokens": list(map(len, each.ids)),
            "passes": len(each.passes),
        }
        for name, each in found.items()
    }
    return {"model": model, "threads": torch.get_num_threads(), "machine": machine._asdict(), "arms": arms}
