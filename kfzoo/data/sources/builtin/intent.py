"""Original descriptions: what the script asks the actor to show, before anybody performs it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from kfzoo.data.sources.builtin.banks import Bank, read_banks, sentence
from kfzoo.data.sources.builtin.emotions import number_of
from kfzoo.data.sources.builtin.phrases import name
from kfzoo.data.sources.builtin.stories import Moment, Story
from kfzoo.data.sources.builtin.ways import MASKS

MOVES: Mapping[str, Bank] = read_banks("""
1: the inner brows lift | the brows rise in the middle | worry lines appear on the forehead
    || the centre of both eyebrows climbs | a plaintive arch forms above the nose
2: the outer brows rise | the eyebrows are raised || the eyebrow tails climb | brows arch high
4: the brows draw together | the brows furrow | a frown forms between the brows
    || the eyebrows knit | a crease deepens over the nose bridge
5: the eyes open wide | the upper lids are raised || the eyes bulge | the stare grows large
6: the cheeks lift | the eyes smile along || crow's feet crinkle | cheeks bunch up
7: the eyes narrow | the lower lids tighten || the look becomes a squint | lids pinch
9: the nose wrinkles | the nose is drawn up || the nostrils crinkle | a sniffing scowl appears
10: the upper lip is raised | the upper lip curls || top teeth get bared | the lip above hitches
12: the mouth corners lift into a smile | a smile spreads | the corners of the mouth rise
    || the lips curve upward | a grin shows up
14: the mouth corners are pulled in | dimples appear || cheeks dent inward | a smirk tucks in
15: the mouth corners sink | the corners of the mouth turn down || both lip ends droop | the mouth sags
16: the lower teeth show | the lower lip is pulled down || the underlip drops away
17: the chin tightens | the lower lip pushes up | the chin trembles || the chin crumples | the underlip juts
18: the lips purse | the lips are pushed forward || the mouth makes a kissing shape
19: the tongue comes out | the tongue shows || the tongue pokes forth
20: the mouth stretches sideways | the lips are drawn back tensely || a grimace widens the lips
22: the lips form a funnel | the lips open like a trumpet || the mouth rounds outward
23: the lips tighten | the lips become thin || the lips harden to a line
24: the lips press together | the mouth is pressed shut || the lips clamp | the mouth seals firmly
25: the lips part | the mouth opens slightly || the lips come unsealed
26: the jaw drops | the mouth falls open || the chin falls | the mouth gapes
28: the lips are sucked in | the lower lip is bitten || the lips roll out of sight
29: the jaw is thrust forward || the chin pushes ahead
30: the jaw moves sideways || the chin slides askew
34: the cheeks puff out | a long breath fills the cheeks || the cheeks balloon with air
45: the lids droop | the eyes close | the lids grow heavy || the eyes fall shut | lids get leaden
""")
"""Clauses for every scripted action unit, by its number."""

LOOKS: Mapping[str, Bank] = read_banks("""
down: the gaze is lowered | the eyes look down || the glance sinks to the floor
up: the gaze rises | the eyes look up || the glance seeks the ceiling
away: the gaze turns aside | a sideways glance || the glance slips elsewhere
down and away: the gaze drops to the side | the eyes avoid contact || the glance evades, floorward
up and away: the gaze wanders up and off | the eyes roll aside || the glance drifts skyward
""")
"""Clauses for every direction of the gaze but straight ahead."""

CARRIAGES: Mapping[str, Bank] = read_banks("""
bowed: the head bows | the head hangs low || the neck bends
raised: the head is held high | the chin is raised || the crown lifts proudly
tilted: the head tilts | the head leans to one side || the neck cants
turned: the head turns away | the face turns aside || the profile swings round
drawn back: the head draws back | the head jerks back || the neck recoils
turned and bowed: the head turns away and sinks || the neck twists and bends
""")
"""Clauses for every attitude of the head but level."""

DEGREES: tuple[tuple[float, Bank], ...] = (
    (0.30, Bank(("slightly", "subtly", "faintly"), ("a touch", "barely"))),
    (0.62, Bank(("", "", "visibly"), ("", "moderately"))),
    (9.99, Bank(("strongly", "markedly", "as far as possible"), ("to the utmost", "fiercely"))),
)
"""Adverbs by intensity, up to which each bank holds."""

MANNERS: Mapping[str, Bank] = read_banks("""
rest: before {felt} begins | still without {felt} || prior to any {felt}
onset: as {felt} sets in | a first sign of {felt} | {felt} begins || {felt} stirring
development: as {felt} grows | with growing {felt} | {felt} builds || {felt} swelling up
climax: with {felt} | in full {felt} | {felt} takes over | {felt} at its peak || {felt} unleashed
release: as {felt} fades | the last of {felt} | {felt} eases || {felt} on the wane
""")
"""What the movements express, by the phase of the story."""

SIDES: Mapping[str, Bank] = read_banks("""
L: on the left | only on the left || left of centre alone
R: on the right | only on the right || right of centre alone
""")
"""Where a one-sided action unit moves, by the first letter of its code."""

MASKED = Bank(("for {shown}", "put on as {shown}", "held as {shown}"), ("amounting to {shown}", "to make {shown}"))
"""What the movements express when a mask shows more than the emotion behind it."""

JOINTS = Bank((", and {0}", ", while {0}", "; {0}"), (", whereas {0}", " - {0}"))
"""How a further clause follows."""

SALIENT = 0.12
"""Weakest scripted intensity that a script mentions."""

SIMPLE_SCRIPT = Bank(("the face stays still", "nothing moves", "a neutral look"), ("features remain idle",))
"""Said when nothing is scripted that one could see."""


def original(story: Story, moment: Moment, rng: Random, held_out: bool) -> str:
    """Writes one keyframe's original description from what is scripted, not from what is performed.

    It names the two or three strongest action units, the gaze or the head, and often the emotion: as much as a script
    tells an actor.

    Args:
        story: The story that the keyframe belongs to.
        moment: The scripted keyframe.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    ranked = sorted(
        ((value, unit) for unit, value in moment.units.items() if value > SALIENT), key=lambda pair: -pair[0]
    )
    clauses = [_move(unit, value, rng, held_out) for value, unit in ranked[: 2 + (rng.random() < 0.4)]]
    if moment.gaze in LOOKS and rng.random() < 0.8:
        clauses.append(LOOKS[moment.gaze].pick(rng, held_out))
    if moment.head in CARRIAGES and rng.random() < 0.8:
        clauses.append(CARRIAGES[moment.head].pick(rng, held_out))
    if not clauses:
        clauses.append(SIMPLE_SCRIPT.pick(rng, held_out))
    text = clauses[0] + "".join(JOINTS.pick(rng, held_out).format(clause) for clause in clauses[1:])
    if rng.random() < 0.6:
        text += ", " + _manner(story, moment, rng, held_out)
    return sentence(text)


def _manner(story: Story, moment: Moment, rng: Random, held_out: bool) -> str:
    lead = story.shown if moment.strengths[1] > moment.strengths[0] else story.felt
    if lead in MASKS:
        return MASKED.pick(rng, held_out).format(shown=name(lead, rng, held_out))
    return MANNERS[moment.phase].pick(rng, held_out).format(felt=name(lead, rng, held_out))


def _move(unit: int | str, intensity: float, rng: Random, held_out: bool) -> str:
    degree = next(bank for limit, bank in DEGREES if intensity <= limit).pick(rng, held_out)
    move = MOVES[str(number_of(unit))].pick(rng, held_out)
    side = SIDES[unit[0]].pick(rng, held_out) if isinstance(unit, str) else ""
    return " ".join(part for part in (move, degree, side) if part)
