"""English verbs: third person, past and present participle, by rule and by a table of irregular ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

VerbForm = Literal["present", "past", "ing", "base"]
Agreement = Literal["I", "singular", "plural"]
"""What the subject asks of a verb: "I am", "she is", "they are" (and "you are")."""

_PASTS = """
be was, bear bore, beat beat, become became, begin began, bend bent, bet bet, bid bid, bind bound, bite bit,
bleed bled, blow blew, break broke, breed bred, bring brought, build built, burst burst, buy bought, can could,
cast cast, catch caught, choose chose, cling clung, come came, cost cost, creep crept, cut cut, deal dealt, dig dug,
do did, draw drew, drink drank, drive drove, eat ate, fall fell, feed fed, feel felt, fight fought, find found,
flee fled, fling flung, fly flew, forget forgot, forgive forgave, freeze froze, get got, give gave, go went,
grind ground, grow grew, hang hung, have had, hear heard, hide hid, hit hit, hold held, hurt hurt, keep kept,
kneel knelt, know knew, lay laid, lead led, leave left, lend lent, let let, lie lay, light lit, lose lost, make made,
mean meant, meet met, overcome overcame, pay paid, put put, quit quit, read read, ride rode, ring rang, rise rose,
run ran, say said, see saw, seek sought, sell sold, send sent, set set, shake shook, shed shed, shine shone,
shoot shot, shrink shrank, shut shut, sing sang, sink sank, sit sat, sleep slept, slide slid, slit slit,
speak spoke, spend spent, spin spun, spit spat, split split, spread spread, spring sprang, stand stood, steal stole,
stick stuck, sting stung, stink stank, strike struck, strive strove, swear swore, sweep swept,
swim swam, swing swung, take took, teach taught, tear tore, tell told, think thought, throw threw, thrust thrust,
understand understood, undo undid, upset upset, wake woke, wear wore, weave wove, weep wept, win won, wind wound,
withdraw withdrew, wring wrung, write wrote, forbid forbade, foresee foresaw, withhold withheld, bespeak bespoke,
beget begot, tread trod, slay slew, outdo outdid, mislead misled, misunderstand misunderstood
"""

PASTS: Mapping[str, str] = MappingProxyType(dict(pair.split() for pair in _PASTS.replace("\n", " ").split(",")))
"""Past of the verbs that have no regular one."""

_DOUBLING = """
admit begin commit compel control defer equip excel expel forbid forget impel incur occur omit patrol permit prefer
propel rebel refer regret repel submit transmit upset
"""

DOUBLING = frozenset(_DOUBLING.split())
"""Verbs of several syllables that double their last letter: the stress is on the last syllable."""

_THIRDS = {"be": "is", "have": "has", "do": "does", "go": "goes", "can": "can"}
_INGS = {"die": "dying", "lie": "lying", "tie": "tying", "vie": "vying", "be": "being", "singe": "singeing"}
_SYLLABLES = re.compile(r"[aeiouy]+")
_SHORT = re.compile(r"(?:^|[^aeiou]|qu)[aeiou][^aeiouwxy]$")


@cache
def inflected(lemma: str, form: VerbForm, agreement: Agreement = "singular") -> str:
    """Returns a verb's form: "raises", "raised", "raising", "raise".

    Args:
        lemma: The verb as in a dictionary.
        form: Which form.
        agreement: What the subject asks for; only for "present", and for the past of "be".
    """
    if form == "base":
        return lemma
    if form == "ing":
        return _ing(lemma)
    if form == "past":
        return "were" if lemma == "be" and agreement == "plural" else _past(lemma)
    if agreement == "singular":
        return _third(lemma)
    return {"I": "am", "plural": "are"}[agreement] if lemma == "be" else lemma


def _third(lemma: str) -> str:
    if lemma in _THIRDS:
        return _THIRDS[lemma]
    if _ends_in_y(lemma):
        return lemma[:-1] + "ies"
    return lemma + ("es" if lemma.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def _past(lemma: str) -> str:
    if lemma in PASTS:
        return PASTS[lemma]
    if lemma.endswith("e"):
        return lemma + "d"
    if _ends_in_y(lemma):
        return lemma[:-1] + "ied"
    return _stem(lemma) + "ed"


def _ing(lemma: str) -> str:
    if lemma in _INGS:
        return _INGS[lemma]
    if lemma.endswith("e") and not lemma.endswith(("ee", "oe", "ye")):
        return lemma[:-1] + "ing"
    return _stem(lemma) + "ing"


def _stem(lemma: str) -> str:
    """The verb with its last letter doubled where English does so, and a "k" after a "c"."""
    if lemma.endswith("ic"):
        return lemma + "k"
    one_syllable = len(_SYLLABLES.findall(lemma.replace("qu", "q"))) == 1
    return lemma + lemma[-1] if lemma in DOUBLING or (one_syllable and _SHORT.search(lemma)) else lemma


def _ends_in_y(lemma: str) -> bool:
    return lemma.endswith("y") and lemma[-2:-1] not in "aeiou"
