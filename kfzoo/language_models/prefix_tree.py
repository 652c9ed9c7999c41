"""The texts of a training batch as a tree whose branches share their beginnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

_Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A training sequence: prompt and answer.

    Attributes:
        prefix: The prompt in parts, for example system, script, instruction; examples share equal leading parts.
        answer: What the model shall write, its end token included.

    Raises:
        ValueError: When the prompt or the answer holds no token.
    """

    prefix: tuple[_Tokens, ...]
    answer: _Tokens

    def __post_init__(self) -> None:
        if not any(self.prefix) or not self.answer:
            raise ValueError("expected an example with at least one token of prompt and one of answer")

    @property
    def inputs(self) -> _Tokens:
        """What the model reads: prompt and answer without the last token, behind which there is nothing to say."""
        return (*chain.from_iterable(self.prefix), *self.answer[:-1])


@dataclass
class _Node:
    """A part of the text, the answer that its last tokens predict (inner parts: none), and what follows it."""

    tokens: _Tokens
    answer: _Tokens = ()
    count: int = 0
    children: dict[tuple[_Tokens, _Tokens], _Node] = field(default_factory=dict)

    def child(self, tokens: _Tokens, answer: _Tokens = ()) -> _Node:
        return self.children.setdefault((tokens, answer), _Node(tokens, answer))

    def joined(self) -> _Node:
        (child,) = self.children.values()
        return _Node(self.tokens + child.tokens, child.answer, child.count, child.children)


@dataclass(frozen=True)
class Level:
    """Parts that are forwarded as one batch; all attributes have one entry a part.

    Attributes:
        tokens: The part's tokens, at least one.
        answers: What its last tokens predict; empty for a part that others follow.
        counts: How many examples end with this part; 0 for a part that others follow.
        parents: The row, in the level above, of the part before this one; 0 in the first level.
        starts: Number of tokens before this part.
    """

    tokens: tuple[_Tokens, ...]
    answers: tuple[_Tokens, ...]
    counts: tuple[int, ...]
    parents: tuple[int, ...]
    starts: tuple[int, ...]

    def blocks(self, rows: int) -> list[Level]:
        """Cuts it into levels of at most `rows` parts."""
        cuts = [slice(at, at + rows) for at in range(0, len(self.tokens), rows)]
        return [
            Level(self.tokens[cut], self.answers[cut], self.counts[cut], self.parents[cut], self.starts[cut])
            for cut in cuts
        ]


@dataclass(frozen=True)
class Tree:
    """The texts of a batch, shared parts once, from the roots down.

    Attributes:
        levels: The levels; the parents of one are in the level before it.
    """

    levels: tuple[Level, ...]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Tree:
        """Builds the tree; the order of its parts is that of their first appearance.

        Repeated examples are one leaf, which counts as often. A leaf begins with the last token of the prompt, which
        predicts the answer's first, so that all labels are in leaves. A level of which each part has exactly one
        successor is joined with the next: one pass is cheaper than two.

        Raises:
            ValueError: When there are no examples.
        """
        if not examples:
            raise ValueError("expected at least one example")
        root = _Node(())
        for example in examples:
            node = root
            *shared, last = filter(None, example.prefix)
            for part in filter(None, (*shared, last[:-1])):
                node = node.child(part)
            node.child((last[-1], *example.answer[:-1]), example.answer).count += 1
        levels = []
        rows = [(0, 0, node) for node in root.children.values()]
        while rows:
            while all(len(node.children) == 1 for _, _, node in rows):
                rows = [(parent, start, node.joined()) for parent, start, node in rows]
            parents, starts, nodes = zip(*rows, strict=True)
            tokens, answers, counts = zip(*((node.tokens, node.answer, node.count) for node in nodes), strict=True)
            levels.append(Level(tokens, answers, counts, parents, starts))
            rows = [
                (row, start + len(node.tokens), child)
                for row, (_, start, node) in enumerate(rows)
                for child in node.children.values()
            ]
        return cls(tuple(levels))

    @property
    def size(self) -> int:
        """Number of tokens, without padding."""
        return sum(len(part) for level in self.levels for part in level.tokens)


def token_counts(examples: Sequence[Example]) -> tuple[int, int]:
    """Counts the tokens, without padding, that a batch takes through the model; their quotient bounds the gain.

    Args:
        examples: The batch.

    Returns:
        Tokens forwarded as a tree, and as separate sequences.
    """
    return Tree.of(examples).size, sum(len(example.inputs) for example in examples)
