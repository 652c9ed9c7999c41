"""The page of plain words: instruction accuracy by kind of sentence, recall by channel, the origin of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.page import NONE, prose, table
from kfzoo.files import replacing

TRUTH: Final = "ground truth"
ENOUGH: Final = 500
"""Training sentences in which each channel should move most."""

KINDS: Final = {
    "movement": "a part of the face moves",
    "gaze": "the eyes look somewhere",
    "asymmetry": "a side is named",
    "idiom": "idioms and everyday verbs",
    "emotion": "emotions, states and what implies them",
    "composite": "two to four movements at once",
    "negation": "something does not move",
    "intensity": "a word says how much",
    "neutral": "a face at rest",
}
"""What the sentences of each kind say."""

Record = Mapping[str, Any]


def write_page(record: Record, out: Path) -> None:
    """Writes `plain_words.md`."""
    with replacing(out / "plain_words.md") as path:
        path.write_text(page(record), encoding="utf-8")
    print(out / "plain_words.md")


def page(record: Record) -> str:
    """Returns the page."""
    said: Record = record["sentences"]
    names = _ordered(record["rows"])
    parts = [
        "# Plain words: do the faces do what the sentences say?",
        "\n".join(record["head"]),
        prose(_how_to_read(said)),
        _by_kind(record, names),
        "## Recall by channel",
        prose(_of_channels(record, names)),
        _by_channel(record, names),
        "## Rows",
        _origins(record["rows"], names),
    ]
    return "\n\n".join(parts) + "\n"


def _ordered(rows: Record) -> list[str]:
    """Names of the rows: the ground truth, then the most accurate model first."""
    return sorted(rows, key=lambda name: (name != TRUTH, -rows[name]["scores"]["instruction_accuracy"]["value"], name))


def _label(rows: Record, name: str) -> str:
    """A model's name, with that of its row where two rows are of one model."""
    model: str = rows[name]["model"]
    alike = [each for each in rows if rows[each]["model"] == model]
    return model if len(alike) == 1 else f"{model} ({name})"


def _how_to_read(said: Record) -> str:
    return f"""{said["count"]:,} sentences of the test part of `{said["source"]}` (seed {said["seed"]}, sha256
        {said["digest"][:12]}…), in wordings that training never shows. A model reads the sentence alone: no background,
        no emotion. *All* is the instruction accuracy in per cent: the share of sentences whose face moves what must
        move at least half as far as meant, keeps at rest what must rest, and leads with the named side;
        {said["graded"]} sentences have a weaker variant, and their faces must be stronger than the variant's.
        Brackets: 95 % interval, bootstrap over the lexicon's entries. Right of the MSE the same by kind of sentence:
        {"; ".join(f"{kind} ({KINDS[kind]})" for kind in said["kinds"])}. *Ground truth* are the performed faces of the
        data; for the weaker variants, which have none, a face at rest. A sentence without a valid answer is not
        followed. Rows with other *training data* (last table) learned from other sentences of the same lexicon: the
        default weights from more everyday ones, so that their lead is not one of the model alone."""


def _by_kind(record: Record, names: Sequence[str]) -> str:
    kinds: Mapping[str, int] = record["sentences"]["kinds"]
    rows = [["sentences", f"{record['sentences']['count']:,}", NONE, *map(str, kinds.values())]]
    for name in names:
        scores = record["rows"][name]["scores"]
        by_kind = [f"{100 * scores[f'instruction_accuracy/{kind}']['value']:.1f}" for kind in kinds]
        cells = [_score(scores["instruction_accuracy"], 100, 1), _score(scores["mse"], 1, 5)]
        rows.append([_label(record["rows"], name), *cells, *by_kind])
    return table(["model", "all", "MSE", *kinds], rows)


def _of_channels(record: Record, names: Sequence[str]) -> str:
    text = """Of the test sentences in which a channel is one of those that move most in the true face (at least 85 % of
        the strongest, relative to each channel's full movement), the share whose face moves it at least half as far, in
        per cent. Sentences that leave the side open are left out. *Training* counts the training sentences of everyday
        English in which the channel moves most."""
    if record["training"] is not None:
        counts = record["training"]["channels"]
        least = min(counts, key=lambda channel: counts[channel])
        few = [name for name in counts if counts[name] < ENOUGH]
        text += f""" Of {record["training"]["count"]:,} training sentences the rarest channel, {least}, leads in
            {counts[least]:,}; below {ENOUGH} are {", ".join(few) if few else "none"}."""
    for name in names:
        if name == TRUTH:
            continue
        lost = [channel for channel, value in record["rows"][name]["recall"].items() if value == 0.0]
        which = f"{len(lost)} channels" if len(lost) > 5 else ", ".join(lost) or "no channel"
        text += f" {_label(record['rows'], name)}: {which} at 0."
    return text


def _by_channel(record: Record, names: Sequence[str]) -> str:
    training = record["training"]["channels"] if record["training"] is not None else {}
    shown = [name for name in names if name != TRUTH]
    rows = []
    for channel, count in record["sentences"]["channels"].items():
        recalls = (record["rows"][name]["recall"][channel] for name in shown)
        cells = [NONE if value is None else f"{100 * value:.0f}" for value in recalls]
        rows.append([channel, f"{training[channel]:,}" if channel in training else NONE, str(count), *cells])
    return table(["channel", "training", "test", *(_label(record["rows"], name) for name in shown)], rows)


def _origins(rows: Record, names: Sequence[str]) -> str:
    lines = []
    for name in names:
        if name != TRUTH:
            row = rows[name]
            hashes = [_short(row[key]) for key in ("checkpoint", "data", "commit")]
            seed = NONE if row["seed"] is None else str(row["seed"])
            lines.append([f"`{name}`", row["model"], seed, *hashes, str(row["invalid"])])
    return table(["row", "model", "seed", "weights", "training data", "trained at commit", "invalid"], lines)


def _short(digest: str | None) -> str:
    return NONE if digest is None else f"{digest[:12]}{'+' if digest.endswith('+') else ''}"


def _score(score: Record, factor: float, decimals: int) -> str:
    value = f"{factor * score['value']:.{decimals}f}"
    if score["interval"] is None:
        return value
    low, high = (f"{factor * end:.{decimals}f}" for end in score["interval"])
    return f"{value} [{low}, {high}]"
