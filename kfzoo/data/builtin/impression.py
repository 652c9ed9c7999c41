"""What a face suggests: the sentences on the emotion that open and close `arkit` and `image` descriptions.

The language models that annotate KeyframeFace are asked for muscles, and say what they suggest as well ("the mouth is
opened widely, suggesting surprise", "a restrained sorrow", section 3.1.4 and figure 3).
"""

from __future__ import annotations

from random import Random

from kfzoo.data.builtin.banks import Bank, sentence
from kfzoo.data.builtin.phrases import name
from kfzoo.data.builtin.stories import Moment, Story
from kfzoo.data.builtin.ways import MASKS

VISIBLE = 0.28
"""Weakest strength at which a second emotion is noticed beside a stronger one."""

OPENINGS = Bank(
    ("The expression suggests {0}", "The face conveys {0}", "One sees {0}", "{0}", "The individual shows {0}"),
    ("It looks like {0}", "A viewer would say {0}", "Apparently {0}"),
)
"""How the sentence begins."""

DEGREES: tuple[tuple[float, Bank], ...] = (
    (0.42, Bank(("a trace of {0}", "a first sign of {0}", "very mild {0}"), ("a hint of {0}", "slightly felt {0}"))),
    (0.72, Bank(("{0}", "clear {0}", "some {0}"), ("{0}", "evident {0}"))),
    (9.99, Bank(("strong {0}", "intense {0}", "unmistakable {0}"), ("extreme {0}", "profound {0}"))),
)
"""How strongly the emotion shows, up to which strength each bank holds."""

MASKED = Bank(
    ("{0} behind {1}", "{1} with {0} beneath it", "{1} that hides {0}"), ("{0} underneath {1}", "{1} veiling {0}")
)
"""An emotion and its mask."""

BLENDED = Bank(
    ("{0} together with {1}", "{0} and {1}", "both {0} and {1}"), ("{0} coupled to {1}", "{0} alongside {1}")
)
"""Two emotions at once."""


CLOSINGS = Bank(
    ("In all, this reads as {0}.", "Together it suggests {0}.", "The mood is one of {0}.", "This is {0}."),
    ("So the person feels {0}.", "Overall, {0}.", "One would call it {0}."),
)
"""How a description ends when one emotion shows."""

DIVIDED = Bank(
    ("The eyes express {0}, the mouth {1}.", "Above it is {0}, below {1}.", "Beside {0} there is {1}."),
    ("Partly {0}, partly {1}.", "Half is {0}, half {1}."),
)
"""How a description ends when two show."""


def closing(story: Story, moment: Moment, rng: Random, held_out: bool) -> str:
    """Writes what a description comes to in the end, in other words than `impression`.

    Args:
        story: The story that the keyframe belongs to.
        moment: The keyframe.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    felt, shown = moment.strengths
    if min(felt, shown) >= VISIBLE:
        return DIVIDED.pick(rng, held_out).format(name(story.felt, rng, held_out), name(story.shown, rng, held_out))
    lead = story.shown if shown > felt else story.felt
    return CLOSINGS.pick(rng, held_out).format(name(lead, rng, held_out))


def impression(story: Story, moment: Moment, rng: Random, held_out: bool) -> str:
    """Writes what a keyframe's face suggests, for example "The face conveys sorrow behind a tight smile.".

    Args:
        story: The story that the keyframe belongs to.
        moment: The keyframe.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    felt, shown = moment.strengths
    names = [name(story.felt, rng, held_out), name(story.shown, rng, held_out) if story.shown else ""]
    if min(felt, shown) >= VISIBLE:
        text = (MASKED if story.shown in MASKS else BLENDED).pick(rng, held_out).format(*names)
    else:
        degree = next(bank for limit, bank in DEGREES if max(felt, shown) * story.scale <= limit)
        text = degree.pick(rng, held_out).format(names[shown > felt])
    return sentence(OPENINGS.pick(rng, held_out).format(text))


def annotated(muscles: str, story: Story, moment: Moment, rng: Random, held_out: bool) -> str:
    """Puts a description of the muscles between what the face suggests at first sight and what it comes to.

    Args:
        muscles: Sentences from `kfzoo.arkit.describe`.
        story: The story that the keyframe belongs to.
        moment: The keyframe.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    return f"{impression(story, moment, rng, held_out)} {muscles} {closing(story, moment, rng, held_out)}"
