"""Who a sentence is about: pronouns, names and nouns, with what the grammar needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from kfzoo.data.sources.everyday.verbs import Agreement


@dataclass(frozen=True)
class Person:
    """Somebody in a sentence.

    Attributes:
        subject: "she", "the old man", "Anna".
        possessive: "her".
        object: "her", "the old man".
        agreement: What the verb must agree with.
        pronoun: How the person is named a second time: "she".
    """

    subject: str
    possessive: str
    object: str
    agreement: Agreement = "singular"
    pronoun: str = ""


HE, SHE = Person("he", "his", "him", "singular", "he"), Person("she", "her", "her", "singular", "she")
THEY = Person("they", "their", "them", "plural", "they")
YOU = Person("you", "your", "you", "plural", "you")
I = Person("I", "my", "me", "I", "I")  # noqa: E741  the English word


def _named(name: str, gender: str) -> Person:
    possessive, pronoun = {"m": ("his", "he"), "f": ("her", "she"), "n": ("their", "they")}[gender]
    return Person(name, possessive, name, "singular", pronoun)


_MEN = ("the man", "the boy", "the old man", "the actor", "the father", "Tom", "Omar", "Ben")
_WOMEN = ("the woman", "the girl", "the old woman", "the actress", "Anna", "Mei", "Ruth", "Lena")
_ANYBODY = ("the character", "the performer", "the child", "somebody", "the person")

PEOPLE: tuple[Person, ...] = (
    *[HE] * 10, *[SHE] * 10, *[THEY] * 3, I, YOU,
    *(_named(name, "m") for name in _MEN),
    *(_named(name, "f") for name in _WOMEN),
    *(_named(name, "n") for name in _ANYBODY),
)  # fmt: skip
"""Subjects of sentences, as often as they are drawn."""

STRANGERS: tuple[Person, ...] = (
    *(_named(name, "m") for name in ("a man", "a boy", "a young man", "an old man")),
    *(_named(name, "f") for name in ("a woman", "a girl", "a young woman", "an old woman")),
    *(_named(name, "n") for name in ("someone", "a person", "somebody", "a child", "an actor")),
)
"""People who are mentioned for the first time."""


def pick(rng: Random, people: tuple[Person, ...]) -> Person:
    """Draws somebody."""
    return people[int(rng.random() * len(people))]
