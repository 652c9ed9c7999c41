"""How fast a language model is tuned: with prefix trees, on separate sequences, and by transformers' Trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.llm_setup import KEYFRAMES, apart, libraries, prose
from benchmarks.llm_ways import WAYS, Found
from benchmarks.llm_work import Machine, Sizes, Work
from benchmarks.report import table, verdict
from kfzoo.files import replacing

TITLE = "Tuning a language model"
TARGET_SHARE = 0.75
"""Of the gain over separate sequences that the numbers of tokens allow."""

TARGET_TRAINER = 2.5
"""How many times as fast as the Trainer."""

CLOSE = {"float32": 1e-5, "bfloat16": 1e-2}
"""How far apart the losses of the first step may be, by precision; as a share of the loss."""

Results = Mapping[str, Found]


def measure(
    language_model: str = "smollm2",
    scripts: int = 4,
    steps: int = 2,
    rows: int = 1,
    precisions: Sequence[str] = ("float32", "bfloat16"),
    ways: Sequence[str] = ("trainer", "separate", "tree"),
    record: Path | None = None,
) -> str:
    """Tunes on the same scripts in all ways, each in a process of its own, and returns the tables.

    Args:
        language_model: Which.
        scripts: Of three keyframes each, a step.
        steps: Of each way.
        rows: Sequences that the Trainer puts through the model at a time; it accumulates the rest.
        precisions: Of the weights.
        ways: Some of `WAYS`, with "tree".
        record: File for the numbers as JSON.
    """
    settings: dict[str, Any] = {"language_model": language_model, "scripts": scripts, "steps": steps, "rows": rows}
    found: dict[str, dict[str, Found]] = {precision: {} for precision in precisions}
    jobs = [(precision, way) for precision in precisions for way in ways]
    for precision, way in tqdm(jobs, desc="Tuning", unit=" ways", leave=False):
        found[precision][way] = Found(*apart("llm_ways.run", way=way, precision=precision, **settings))
    machines = {precision: Machine(*apart("llm_work.machine", precision=precision)) for precision in precisions}
    if record is not None:
        with replacing(record) as path:
            path.write_text(json.dumps(_recorded(settings, found, machines), indent=1) + "\n", encoding="utf-8")
    titles = {way: WAYS[way].format("one" if rows == 1 else rows) for way in ways}
    samples = scripts * KEYFRAMES
    return "\n".join(
        [
            _introduction(language_model, scripts, steps, rows),
            "",
            _speed_table(found, titles, samples),
            "",
            *(f"{line}\n" for line in verdicts(found)),
            "## The same losses",
            "",
            "LoRA without dropout, from the same numbers; the loss is the mean over all answer tokens of a step.",
            "",
            _loss_table(found, titles),
            "",
            "## Limits",
            "",
            _limits_introduction(next(iter(found.values())), machines),
            "",
            _limits_table(found, titles, machines),
        ]
    )


def gain(found: Results, way: str) -> float:
    """Returns how many times as fast as another way the prefix tree is, by the medians of their steps."""
    return median(found[way].seconds) / median(found["tree"].seconds)


def token_bound(found: Results, way: str) -> float:
    """Returns how many times as many tokens another way puts through the model."""
    return _total(found[way]).tokens / _total(found["tree"]).tokens


def arithmetic_bound(found: Results, way: str) -> float:
    """Returns how many times as much arithmetic another way needs, attention and logits included."""
    sizes = Sizes(**found["tree"].sizes)
    return sizes.training(*_total(found[way])) / sizes.training(*_total(found["tree"]))


def _total(found: Found) -> Work:
    return Work(*(sum(column) for column in zip(*found.work, strict=True)))


def verdicts(found: Mapping[str, Results]) -> list[str]:
    """Returns a line for each target, by precision."""
    lines = []
    for precision, results in found.items():
        if "separate" in results:
            share = gain(results, "separate") / token_bound(results, "separate")
            goal = f"{precision}: at least {TARGET_SHARE:.0%} of the gain over separate sequences that the tokens allow"
            said = f"{share:.0%}, and {gain(results, 'separate') / arithmetic_bound(results, 'separate'):.0%} of what "
            lines.append(verdict(goal, f"{said}the arithmetic allows", share >= TARGET_SHARE))
        if "trainer" in results:
            times = gain(results, "trainer")
            goal = f"{precision}: at least {TARGET_TRAINER} × as fast as the Trainer"
            lines.append(verdict(goal, f"{times:.2f} ×", times >= TARGET_TRAINER))
        first = [each.losses[0] for each in results.values()]
        apart_by = (max(first) - min(first)) / max(first)
        goal = f"{precision}: losses of the first step at most {CLOSE[precision]:g} apart, as a share"
        lines.append(verdict(goal, f"{apart_by:.1g}", apart_by <= CLOSE[precision]))
    return lines


def _introduction(language_model: str, scripts: int, steps: int, rows: int) -> str:
    together = "one padded sequence" if rows == 1 else f"{rows} padded sequences"
    return prose(
        f"""Model: `{language_model}` with LoRA on all linear layers; {libraries()}; {torch.get_num_threads()} threads.
        A step: {scripts} scripts of {KEYFRAMES} keyframes of the built-in training part, semantic prompts with the full
        system prompt, AdamW, gradients clipped. {steps} steps, each on other scripts, the same for all ways; each way
        in a process of its own, one after the other, after a short pass that is not counted; medians. The Trainer has
        its default settings but for these: {together} at a time and {scripts * KEYFRAMES // rows} accumulated (a whole
        step at a time would not fit into the memory: it makes logits for every token), the order of the sequences, a
        constant rate; it is given sequences that are tokenised, with labels on the answers. The bare loop and the tree
        make logits for answers alone, and tokenise within the step."""
    )


def _speed_table(found: Mapping[str, Results], titles: Mapping[str, str], samples: int) -> str:
    rows = []
    for precision, results in found.items():
        for way, each in results.items():
            seconds = median(each.seconds)
            rows.append(
                [
                    titles[way],
                    precision,
                    f"{seconds:.3g}",
                    f"{samples / seconds:.3g}",
                    f"{_total(each).tokens / len(each.work):,.0f}",
                    *(_times(results, way, other) for other in ("separate", "trainer")),
                    f"{each.peak:,.0f}",
                    f"{each.peak - each.loaded:,.0f}",
                ]
            )
    columns = ["weights", "s a step", "samples/s", "tokens a step", "as fast as separate", "as the Trainer"]
    return table(["way", *columns, "peak, MiB", "of it tuning, MiB"], rows)


def _times(results: Results, way: str, other: str) -> str:
    if other not in results:
        return "–"
    return f"{median(results[other].seconds) / median(results[way].seconds):.2f} ×"


def _loss_table(found: Mapping[str, Results], titles: Mapping[str, str]) -> str:
    rows = [
        [titles[way], precision, *(f"{loss:.6f}" for loss in each.losses)]
        for precision, results in found.items()
        for way, each in results.items()
    ]
    return table(["way", "weights", *(f"step {step}" for step in range(1, len(rows[0]) - 1))], rows)


def _limits_introduction(results: Results, machines: Mapping[str, Machine]) -> str:
    sizes, tree = Sizes(**results["tree"].sizes), _total(results["tree"])
    attention = 1 - sizes.training(tree.tokens, 0, tree.logits) / sizes.training(*tree)
    seen = ", ".join(f"{each.flops / 1e9:,.0f} GFLOP/s in {precision}" for precision, each in machines.items())
    return prose(
        f"""How many times as fast as another way a prefix tree can be: *by tokens*, the quotient of those that go
        through the model; *by arithmetic*, that of the operations forward and backward, with logits and with attention,
        in which each token sees all before it, shared or not ({attention:.0%} of the tree's operations). A frozen
        weight costs two products a token, forward and backward, a trained one three. *Of the machine's best*: of what
        it was seen to do in a product of two large matrices, {seen}."""
    )


def _limits_table(found: Mapping[str, Results], titles: Mapping[str, str], machines: Mapping[str, Machine]) -> str:
    rows = []
    for precision, results in found.items():
        for way, each in results.items():
            sizes, total = Sizes(**each.sizes), _total(each)
            flops = sizes.training(*total) / len(each.work)
            bounds: list[str] = []
            for bound in (token_bound, arithmetic_bound):
                value = bound(results, way)
                bounds += [f"{value:.2f} ×", f"{gain(results, way) / value:.0%}"]
            best = flops / median(each.seconds) / machines[precision].flops
            rows.append(
                [titles[way], precision, f"{gain(results, way):.2f} ×", *bounds, f"{flops / 1e12:.3g}", f"{best:.0%}"]
            )
    bounds = ["by tokens at most", "reached", "by arithmetic at most", "reached"]
    return table(["beside", "weights", "the tree is faster", *bounds, "TFLOP a step", "of the machine's best"], rows)


def _recorded(
    settings: Mapping[str, Any], found: Mapping[str, Results], machines: Mapping[str, Machine]
) -> dict[str, Any]:
    ways = {precision: {way: each._asdict() for way, each in results.items()} for precision, results in found.items()}
    seen = {precision: each._asdict() for precision, each in machines.items()}
    return {**settings, "threads": torch.get_num_threads(), "machines": seen, "ways": ways}
