"""Thirty sentences of all kinds with the faces that a checkpoint makes of them."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from random import Random

from kfzoo.commands.inference import answer
from kfzoo.evaluation.plain_words import PlainWords
from kfzoo.models.base import KeyframeModule
from kfzoo.rendering.contact_sheet import Row, contact_sheet
from kfzoo.rendering.save_image import save_image
from kfzoo.training.checkpoint import load_module

COUNT, COLUMNS = 30, 6
SIZE = 168


def draw(board: PlainWords, checkpoint: str, out: Path) -> None:
    """Draws the figure.

    Args:
        board: The sentences.
        checkpoint: A path, or `default`.
        out: The figure's file.

    Raises:
        InputError: For a checkpoint that cannot be used.
    """
    places = chosen(board)
    samples = board.samples()
    faces = answer(load_module(checkpoint, KeyframeModule), [samples[place] for place in places]).coefficients.numpy()
    cells = [(board.asked[place].text, face) for place, face in zip(places, faces, strict=True)]
    rows = [Row("", cells[start : start + COLUMNS]) for start in range(0, len(cells), COLUMNS)]
    save_image(contact_sheet(rows, size=SIZE), out)
    print(out)


def chosen(board: PlainWords, seed: int = 0) -> list[int]:
    """Draws sentences by chance, as many of one kind as of another, each of entries that no other one says.

    Args:
        board: The sentences.
        seed: Of the draw.

    Returns:
        Places of at most `COUNT` sentences, kind by kind.
    """
    order = list(range(len(board.asked)))
    Random(seed).shuffle(order)
    by_kind: dict[str, list[int]] = {kind: [] for kind in board.kinds}
    said: set[str] = set()
    for place in order:
        entries = set(board.asked[place].entries)
        if not entries & said:
            said |= entries
            by_kind[board.asked[place].kind].append(place)
    in_turn = [place for turn in zip_longest(*by_kind.values()) for place in turn if place is not None]
    kinds = list(by_kind)
    return sorted(in_turn[:COUNT], key=lambda place: kinds.index(board.asked[place].kind))
