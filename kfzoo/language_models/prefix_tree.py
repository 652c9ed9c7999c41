"""The token sequences of a training batch as a tree: a prefix that several examples share is one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kfzoo.language_models.labels import Example, Tokens


@dataclass
class _Node:
    """A part of the text, the answer that its last tokens predict (inner nodes: none), and what follows it."""

    tokens: Tokens
    answer: Tokens = ()
    count: int = 0
    children: dict[tuple[Tokens, Tokens], _Node] = field(default_factory=dict)

    def child(self, tokens: Tokens, answer: Tokens = ()) -> _Node:
        return self.children.setdefault((tokens, answer), _Node(tokens, answer))

    def joined(self) -> _Node:
        (child,) = self.children.values()
        return _Node(self.tokens + child.tokens, child.answer, child.count, child.children)


@dataclass(frozen=True)
class Level:
    """Nodes that are forwarded as one batch; all attributes have one entry a node.

    Attributes:
        tokens: The node's tokens, at least one.
        answers: What its last tokens predict; empty for an inner node.
        counts: How many examples end with this node; 0 for an inner node.
        parents: The parent's row in the level above; 0 in the first level.
        starts: Number of tokens before this node.
    """

    tokens: tuple[Tokens, ...]
    answers: tuple[Tokens, ...]
    counts: tuple[int, ...]
    parents: tuple[int, ...]
    starts: tuple[int, ...]

    def blocks(self, rows: int) -> list[Level]:
        """Cuts it into levels of at most `rows` nodes."""
        cuts = [slice(at, at + rows) for at in range(0, len(self.tokens), rows)]
        return [
            Level(self.tokens[cut], self.answers[cut], self.counts[cut], self.parents[cut], self.starts[cut])
            for cut in cuts
        ]


@dataclass(frozen=True)
class Tree:
    """The texts of a batch, shared prefixes once, from the roots down.

    Attributes:
        levels: The levels; the parents of one are in the level before it.
    """

    levels: tuple[Level, ...]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Tree:
        """Builds the tree; its nodes are in the order of their first appearance.

        Repeated examples are one leaf, which counts as often. A leaf begins with the prompt's last token, which
        predicts the answer's first, so all labels are in leaves. A level of which each node has exactly one child is
        joined with the next: one pass is cheaper than two.

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
