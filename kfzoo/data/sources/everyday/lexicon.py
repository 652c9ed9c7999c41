"""The lexicon: entries of wordings and faces, words of intensity, and what may stay still; read from `lexicon/*.toml`.

An entry ties wordings to a face. Its wordings are templates in five forms: `act` (a verb phrase), `clause` (with its
subject), `noun`, `adjective` and `sentence`. In braces stand verbs, as in a dictionary (`{raise}`), and the words
`{poss}` (his, her, their, your, the), `{side}` (left or right, the person's own), `{other}` (the other side) and
`{subj}` (he, she, they, you).

A face names channels at full degree. A name without its side means both sides, or the side that moves where the entry
is `one_sided`; `kfzoo.data.sources.everyday.faces` lists the keys for directions.

Train and test are disjoint: idioms and emotions by whole entries (`part`), movements, visemes and neutral faces by
wordings (`held_out.toml`, or an entry's `test_…` keys).
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from kfzoo.data.sources.everyday.faces import has_direction, is_known
from kfzoo.errors import InputError

EntryKind = Literal["movement", "gaze", "idiom", "emotion", "viseme", "neutral"]
Form = Literal["act", "clause", "noun", "adjective", "sentence"]
FORMS: tuple[Form, ...] = ("act", "clause", "noun", "adjective", "sentence")
HALVES = ("train", "test")

DEGREE = (0.6, 0.9)
"""Range that a degree is drawn from when a sentence has no word of intensity."""

_KINDS: dict[str, EntryKind] = {
    "emotions": "emotion", "idioms": "idiom", "visemes": "viseme", "neutral": "neutral", "gaze": "gaze",
}  # fmt: skip
_OTHER_KEYS = frozenset(
    {"name", "part", "face", "variants", "one_sided", "rest", "degree", "fixed", "attributive", "give", "weight"}
)
_ENTRY_KEYS = _OTHER_KEYS | set(FORMS) | {f"test_{form}" for form in FORMS}


class Wording(NamedTuple):
    """One way to say an entry's face."""

    form: Form
    template: str


@dataclass(frozen=True)
class Entry:
    """Wordings and the face that they mean.

    Attributes:
        name: Unique in the lexicon.
        kind: From the name of the file.
        faces: The faces that the words may mean, at full degree, by key; one of them is drawn.
        train: Wordings of training and validation scripts.
        test: Wordings of test scripts.
        one_sided: Whether the face is one half's.
        directed: Whether the face has a direction, left or right.
        rest: Keys of what must stay at rest.
        degree: Range of the degree without a word of intensity.
        fixed: Whether no word of intensity may be added.
        attributive: Whether the adjectives may stand before a noun.
        give: The verb that joins a person and the noun: "have" a raised brow, "give" a wink.
        weight: How often the entry is drawn, compared with others of its kind.
    """

    name: str
    kind: EntryKind
    faces: tuple[Mapping[str, float], ...]
    train: tuple[Wording, ...]
    test: tuple[Wording, ...]
    one_sided: bool = False
    directed: bool = False
    rest: tuple[str, ...] = ()
    degree: tuple[float, float] = DEGREE
    fixed: bool = False
    attributive: bool = False
    give: str = ""
    weight: float = 1.0

    def wordings(self, half: str) -> tuple[Wording, ...]:
        """The wordings of "train" or "test"."""
        return self.test if half == "test" else self.train


@dataclass(frozen=True)
class Step:
    """One step of intensity: the range of degrees, and its words by place (see `intensities.toml`)."""

    degree: tuple[float, float]
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Still:
    """Clauses that ask a region to stay still."""

    region: str
    rest: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def clauses(self, half: str) -> tuple[str, ...]:
        """The clauses of "train" or "test"."""
        return self.test if half == "test" else self.train


@dataclass(frozen=True)
class Lexicon:
    """All tables."""

    entries: tuple[Entry, ...]
    steps: tuple[Step, ...]
    stills: tuple[Still, ...]
    by_kind: Mapping[EntryKind, tuple[Entry, ...]] = field(init=False)

    def __post_init__(self) -> None:
        groups: dict[EntryKind, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            groups[entry.kind].append(entry)
        object.__setattr__(self, "by_kind", {kind: tuple(found) for kind, found in groups.items()})


@cache
def lexicon() -> Lexicon:
    """Returns the lexicon of the package, read once.

    Raises:
        InputError: For an unknown key or channel, a value of the wrong kind, or a repeated name.
    """
    tables = {}
    for path in files(__package__).joinpath("lexicon").iterdir():
        if path.name.endswith(".toml"):
            tables[path.name.removesuffix(".toml")] = tomllib.loads(path.read_text(encoding="utf-8"))
    return read_lexicon(dict(sorted(tables.items())))


def read_lexicon(tables: Mapping[str, Mapping[str, Any]]) -> Lexicon:
    """Puts a lexicon together.

    Args:
        tables: The content of the TOML files, by the file's name.

    Raises:
        InputError: As `lexicon`.
    """
    held_out = tables.get("held_out", {})
    entries: dict[str, Entry] = {}
    for file, table in tables.items():
        for row in table.get("entry", ()):
            entry = _entry(file, row, held_out)
            if entry.name in entries:
                raise _fault(file, entry.name, "occurs twice", "give each entry a name of its own")
            entries[entry.name] = entry
    if unknown := sorted(set(held_out) - set(entries)):
        raise _fault("held_out", unknown[0], "names no entry", "use the name of an entry")
    steps = tuple(_step(row) for row in tables.get("intensities", {}).get("step", ()))
    stills = tuple(
        Still(row["region"], tuple(row["rest"]), tuple(row["clause"]), tuple(row["held_out"]))
        for row in tables.get("stillness", {}).get("still", ())
    )
    return Lexicon(tuple(entries.values()), steps, stills)


def _entry(file: str, row: Mapping[str, Any], held_out: Mapping[str, Any]) -> Entry:
    name = str(row.get("name", "?"))
    if unknown := sorted(set(row) - _ENTRY_KEYS):
        raise _fault(file, name, f"has the unknown key '{unknown[0]}'", f"known are {', '.join(sorted(_ENTRY_KEYS))}")
    faces = (row["face"], *row.get("variants", ()))
    for key in (*(key for face in faces for key in face), *row.get("rest", ())):
        if not is_known(key):
            raise _fault(file, name, f"names the unknown channel '{key}'", "see kfzoo.data.sources.everyday.faces")
    if any(not 0.0 < value <= 1.0 for face in faces for value in face.values()):
        raise _fault(file, name, "has a value outside (0, 1]", "write values of the full degree")
    kind = _KINDS.get(file.split("_")[0], "movement")
    test: dict[str, Any] = {form: row.get(f"test_{form}", ()) for form in FORMS}
    train = _wordings(row)
    if row.get("part", "train") == "test":
        train, test = (), {form: row.get(form, ()) for form in FORMS}
    extra = held_out.get(name, {})
    if unknown := sorted(set(extra) - set(FORMS)):
        raise _fault("held_out", name, f"has the unknown key '{unknown[0]}'", f"known are {', '.join(FORMS)}")
    return Entry(
        name=name,
        kind=kind,
        faces=faces,
        train=train,
        test=_wordings(test) + _wordings(extra),
        one_sided=bool(row.get("one_sided", False)),
        directed=any(has_direction(face) for face in faces),
        rest=tuple(row.get("rest", ())),
        degree=tuple(row.get("degree", DEGREE)),
        fixed=bool(row.get("fixed", False)),
        attributive=bool(row.get("attributive", False)),
        give=str(row.get("give", "")),
        weight=float(row.get("weight", 1.0)),
    )


def _wordings(row: Mapping[str, Any]) -> tuple[Wording, ...]:
    return tuple(Wording(form, template) for form in FORMS for template in row.get(form, ()))


def _step(row: Mapping[str, Any]) -> Step:
    words = {place: tuple(words) for place, words in row.items() if place != "degree"}
    low, high = row["degree"]
    return Step((low, high), words)


def _fault(file: str, name: str, problem: str, remedy: str) -> InputError:
    return InputError(f"lexicon/{file}.toml: entry '{name}'", problem, remedy)
