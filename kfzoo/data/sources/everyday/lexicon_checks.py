"""What is wrong with a lexicon: faults that reading cannot see because they lie between entries or in the wording."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from kfzoo.data.sources.everyday.grammar import WORD
from kfzoo.data.sources.everyday.lexicon import Entry, Lexicon, Step, Wording

_NOT_VERBS = frozenset({"poss", "side", "other", "subj", "it"})


def faults(lexicon: Lexicon) -> list[str]:
    """Lists the faults of a lexicon.

    Args:
        lexicon: What was read.

    Returns:
        A line for each: a wording that occurs twice or in both halves, that has no verb where one is needed or a side
        that the entry does not have, an entry without wordings, steps that overlap or share words.
    """
    found = [fault for entry in lexicon.entries for fault in _entry_faults(entry)]
    found += _shared(lexicon)
    found += _step_faults(lexicon.steps)
    return found


def plain(wording: Wording) -> str:
    """A wording reduced to what a reader would call the same: no braces, no small words."""
    words = re.sub(r"[^a-z' ]", "", wording.template.lower().replace("{poss}", "the")).split()
    return " ".join(word for word in words if word not in {"the", "a", "an", "own", "both"})


def _entry_faults(entry: Entry) -> Iterator[str]:
    wordings = entry.train + entry.test
    if not wordings:
        yield f"{entry.name}: no wordings"
    for form, template in wordings:
        where = f"{entry.name}: '{template}'"
        braced = [match[1] for match in WORD.finditer(template)]
        verbs = [word for word in braced if word not in _NOT_VERBS]
        if template.count("{") != len(braced) or template.count("}") != len(braced):
            yield f"{where}: braces hold one word each"
        if form == "act" and (not verbs or not template.startswith("{" + verbs[0])):
            yield f"{where}: an act begins with its verb, in braces"
        if form == "clause" and (not verbs or template.startswith("{" + verbs[0])):
            yield f"{where}: a clause has a subject, and its verb in braces"
        if form in ("noun", "adjective", "sentence") and verbs:
            yield f"{where}: a {form} has no verb in braces"
        if {"side", "other"} & set(braced) and not (entry.one_sided or entry.directed):
            yield f"{where}: the entry has no side"
    for half, found in (("train", entry.train), ("test", entry.test)):
        for wording, times in Counter(found).items():
            if times > 1:
                yield f"{entry.name}: '{wording.template}' occurs twice in {half}"


def _shared(lexicon: Lexicon) -> Iterator[str]:
    """Wordings of two entries, or of both halves."""
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in lexicon.entries:
        for half in ("train", "test"):
            for wording in entry.wordings(half):
                owners[plain(wording)].add((half, entry.name))
    for words, found in owners.items():
        if len({name for _, name in found}) > 1:
            yield f"'{words}' means two things: {', '.join(sorted({name for _, name in found}))}"
        if len({half for half, _ in found}) > 1:
            yield f"'{words}' is in train and in test: {', '.join(sorted({name for _, name in found}))}"


def _step_faults(steps: tuple[Step, ...]) -> Iterator[str]:
    for weaker, stronger in pairwise(steps):
        if weaker.degree[1] >= stronger.degree[0]:
            yield f"steps {weaker.degree} and {stronger.degree} overlap"
    uses: dict[str, set[int]] = defaultdict(set)
    for place, step in enumerate(steps):
        for words in step.words.values():
            for word in words:
                uses[word].add(place)
    yield from (f"'{word}' is in {len(found)} steps" for word, found in uses.items() if len(found) > 1)
