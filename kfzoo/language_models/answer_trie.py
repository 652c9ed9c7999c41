"""The answers that a layout allows, in a tokeniser's tokens: forced tokens, and choices between them.

An answer must be decoded in the tokens of training: those of the whole answer. They do not respect the layout's
borders: Qwen writes a negative sign into the token `":-`, or `,-` in a vector. So the borders are moved to the nearest
places where a token ends in every answer; a value's trie then contains characters of its neighbours too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import AnswerLayout
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.labels import Tokens

_FEWEST, _MOST = 16, 64  # Whole answers that the borders are checked on; with one decimal they hold every option.
_REMEDY = "decode freely instead (decoding: free), or choose another model"


@dataclass(frozen=True, eq=False)
class Choice:
    """A place in an answer where more than one token may follow.

    Attributes:
        branches: What each of the allowed tokens leads to, the smallest absolute value first.
    """

    branches: Mapping[int, Branch]

    @cached_property
    def tokens(self) -> Tokens:
        """The allowed tokens, ascending: of equally likely ones the first is taken, as by argmax."""
        return tuple(sorted(self.branches))

    @property
    def default(self) -> int:
        """The token that leads to the smallest absolute value: most channels of a face are at rest."""
        return next(iter(self.branches))


@dataclass(frozen=True, eq=False)
class Branch:
    """What one token of a choice leads to.

    Attributes:
        run: The token, and all that is forced after it.
        choice: The next choice within the value, or None where the value is complete.
        values: The values that are still possible, the smallest absolute value first.
    """

    run: Tokens
    choice: Choice | None
    values: tuple[float, ...]


def grow(options: Sequence[tuple[Tokens, float]]) -> Branch:
    """Builds a trie of token sequences in which every node has at least two branches.

    Args:
        options: The allowed sequences, all different, each with the value that it writes, the default first.

    Returns:
        The common prefix, and the choice after it.

    Raises:
        InputError: When a sequence is a prefix of another: its end could not be decoded.
    """
    sequences, values = zip(*options, strict=True)
    first = sequences[0]
    if len(sequences) == 1:
        return Branch(first, None, values)
    shared = next(
        (at for at, tokens in enumerate(zip(*sequences, strict=False)) if len(set(tokens)) > 1),
        min(map(len, sequences)),
    )
    groups: dict[int, list[tuple[Tokens, float]]] = {}
    for sequence, value in options:
        if len(sequence) == shared:
            raise InputError("tokenizer", "the tokens of one value begin those of another", _REMEDY)
        groups.setdefault(sequence[shared], []).append((sequence[shared:], value))
    return Branch(first[:shared], Choice({token: grow(group) for token, group in groups.items()}), values)


@dataclass(frozen=True, eq=False)
class AnswerTrie:
    """All answers of a layout, in tokens.

    Attributes:
        runs: Forced tokens: before the first value's first choice, between two values' choices, after the last.
        choices: The first choice of each value.
        end: The token that closes an answer.
        tokenizer: Decodes tokens.
    """

    runs: tuple[Tokens, ...]
    choices: tuple[Choice, ...]
    end: int
    tokenizer: Any

    @classmethod
    def of(cls, layout: AnswerLayout, chat: ChatFormat) -> AnswerTrie:
        """Returns a layout's answers in a model's tokens; cached.

        Raises:
            InputError: When the tokeniser reports no offsets, or the answers share no borders between tokens.
        """
        return _trie(layout, chat)

    def follow(self, slot: int, choice: Choice, token: int) -> tuple[Tokens, int, Choice | None]:
        """Takes one of the tokens of a choice, which belongs to the value with number `slot`.

        Returns:
            The token and all that is forced after it, and the next choice with its value's number; None at the end.
        """
        branch = choice.branches[token]
        if branch.choice is not None:
            return branch.run, slot, branch.choice
        following = self.choices[slot + 1] if slot + 1 < len(self.choices) else None
        return branch.run + self.runs[slot + 1], slot + 1, following

    def text(self, ids: Sequence[int]) -> str:
        """Returns an answer's tokens as text."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


@lru_cache(maxsize=64)
def _trie(layout: AnswerLayout, chat: ChatFormat) -> AnswerTrie:
    chosen = _samples([len(options) for options in layout.options])
    pieces = _Pieces(layout, chat.tokenizer, _borders(layout, chat.tokenizer, chosen))
    (end, *_) = _encode(chat.tokenizer, [chat.closing])[0]
    for sample in chosen:
        expected = chat.answer_ids(layout.filled(sample))
        found = pieces.tokens(sample)
        if expected[: len(found) + 1] != [*found, end]:
            raise InputError("tokenizer", "the tokens of a value depend on its neighbours", _REMEDY)
    roots = [pieces.root(slot) for slot in range(len(layout.options))]
    # The common prefix of a value's options is forced: it belongs to the run before.
    runs = [run + root.run for run, root in zip(pieces.runs, roots, strict=False)]
    choices = tuple(root.choice for root in roots if root.choice is not None)
    if len(choices) < len(roots):
        raise InputError("layout", "a value has fewer than two options")
    return AnswerTrie((*runs, pieces.runs[-1]), choices, end, chat.tokenizer)


def _samples(counts: Sequence[int]) -> list[list[int]]:
    """Returns option numbers for some answers: every option where there are few, with varying neighbours."""
    generator = np.random.default_rng(0)
    answers = min(max(*counts, _FEWEST), _MOST)
    columns = [np.resize(generator.permutation(count), answers) for count in counts]
    return [list(map(int, row)) for row in np.stack([generator.permutation(column) for column in columns], axis=1)]


def _borders(layout: AnswerLayout, tokenizer: Any, chosen: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
    """Returns, for each fixed text, the first and the last place in it where a token ends in all answers."""
    common = [set(range(len(literal) + 1)) for literal in layout.literals]
    for sample in chosen:
        starts = _starts(tokenizer, layout.filled(sample))
        at = 0
        for slot, literal in enumerate(layout.literals):
            common[slot] &= {start - at for start in starts}
            at += len(literal)
            at += len(layout.options[slot][sample[slot]]) if slot < len(sample) else 0
    if not all(common):
        literal = next(literal for literal, places in zip(layout.literals, common, strict=True) if not places)
        raise InputError("tokenizer", f"no token border between two values is the same in all answers ('{literal}')")
    borders = [(min(places), max(places)) for places in common]
    return [(0, borders[0][1]), *borders[1:-1], (borders[-1][0], len(layout.literals[-1]))]


def _starts(tokenizer: Any, text: str) -> set[int]:
    """Returns the places in a text where tokens begin, and its end."""
    if not getattr(tokenizer, "is_fast", False):
        raise InputError("tokenizer", "does not report the offsets of its tokens", _REMEDY)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return {start for start, _ in offsets} | {len(text)}


def _encode(tokenizer: Any, texts: Sequence[str]) -> list[Tokens]:
    rows = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return [tuple(row) for row in rows]


class _Pieces:
    """A layout's fixed texts and values, cut at borders, in tokens.

    Attributes:
        runs: The tokens of what remains of each fixed text.
    """

    def __init__(self, layout: AnswerLayout, tokenizer: Any, borders: Sequence[tuple[int, int]]) -> None:
        self._layout = layout
        self.runs = [
            _encode(tokenizer, [literal[first:last]])[0] if first < last else ()
            for literal, (first, last) in zip(layout.literals, borders, strict=True)
        ]
        literals = layout.literals
        tails = [literal[last:] for literal, (_, last) in zip(literals[:-1], borders[:-1], strict=True)]
        heads = [literal[:first] for literal, (first, _) in zip(literals[1:], borders[1:], strict=True)]
        self._kinds = list(zip(tails, layout.options, heads, strict=True))
        # Most slots have the same texts, so there are few different tries.
        self._values: dict[tuple[str, tuple[str, ...], str], list[Tokens]] = {}
        self._roots: dict[tuple[str, tuple[str, ...], str], Branch] = {}
        for kind in set(self._kinds):
            tail, options, head = kind
            self._values[kind] = _encode(tokenizer, [tail + option + head for option in options])
            order = sorted(range(len(options)), key=lambda number: abs(float(options[number])))
            self._roots[kind] = grow([(self._values[kind][number], float(options[number])) for number in order])

    def root(self, slot: int) -> Branch:
        """Returns the trie of a value."""
        return self._roots[self._kinds[slot]]

    def tokens(self, chosen: Sequence[int]) -> list[int]:
        """Returns the tokens of the answer with one option number for each value."""
        tokens = list(self.runs[0])
        for kind, number, run in zip(self._kinds, chosen, self.runs[1:], strict=True):
            tokens += (*self._values[kind][number], *run)
        return tokens
