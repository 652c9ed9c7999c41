"""The vocabulary of `describe`: words for every movement and intensity, in two disjoint banks.

`TRAINING` and `HELD_OUT` say the same with different words, so that a test on HELD_OUT asks whether a model has
understood a description or only learned its phrases. `CANONICAL` is the first choice of TRAINING throughout.

How a phrase is written: `subject: predicate`. For a movement that either side can make alone, the subject is
`one/both` ("outer brow/outer brows: lifted" becomes "left outer brow lifted" or "outer brows lifted"). A predicate may
hold `{side}` for a movement that goes to a side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

LEVELS: tuple[float, ...] = (0.05, 0.1, 0.17, 0.27, 0.42, 0.62, 0.82)
"""Lower bounds of the seven intensities, roughly geometric: real takes are full of small values, and 0.07 differs from
0.15 more than 0.77 does from 0.85. FACS's letters A to E cut the same range into five."""

COARSE_LEVELS: tuple[float, ...] = (0.25, 0.45, 0.7)
"""Lower bounds of the three intensities that an image shows."""


class Phrase(NamedTuple):
    """One way to say one movement.

    Attributes:
        one: Subject when one side moves alone ("outer brow"); the same as `both` for a movement without sides.
        both: Subject otherwise ("outer brows").
        predicate: What it does ("lifted"); may hold `{side}`.
        plural: Whether `both` takes "are".
    """

    one: str
    both: str
    predicate: str
    plural: bool


class Frame(NamedTuple):
    """How clauses become a sentence.

    Attributes:
        opening: Before the first clause; empty for note style.
        verb: Whether the first clause has its "is" or "are" (later ones drop it).
        adverb_first: "slightly raised" rather than "raised slightly".
        last: Joins the last clause to the others, which are joined by commas.
    """

    opening: str
    verb: bool
    adverb_first: bool
    last: str


@dataclass(frozen=True, eq=False)
class Wording:
    """A bank of phrasings; where several are given, the first is used unless a random choice is asked for.

    Attributes:
        name: For messages.
        intensities: Synonyms for each of the seven `LEVELS`.
        coarse: Synonyms for each of the three `COARSE_LEVELS`.
        phrases: Ways to say each movement, by its name.
        frames: Sentence frames; a text keeps to one.
        uneven: Ways to say that two sides differ in level; `{strong}`, `{weak}`, `{predicate}`, `{side}`, `{other}`.
        leaning: Ways to say that one side is stronger within the same level; `{side}`.
        neutral: Ways to say that nothing moves.
    """

    name: str
    intensities: tuple[tuple[str, ...], ...]
    coarse: tuple[tuple[str, ...], ...]
    phrases: Mapping[str, tuple[Phrase, ...]]
    frames: tuple[Frame, ...]
    uneven: tuple[str, ...]
    leaning: tuple[str, ...]
    neutral: tuple[str, ...]

    def first(self, name: str) -> Wording:
        """Returns the bank that holds only the first choice of everything."""
        return Wording(
            name=name,
            intensities=tuple(words[:1] for words in self.intensities),
            coarse=tuple(words[:1] for words in self.coarse),
            phrases={movement: phrases[:1] for movement, phrases in self.phrases.items()},
            frames=self.frames[:1],
            uneven=self.uneven[:1],
            leaning=self.leaning[:1],
            neutral=self.neutral[:1],
        )


def read_phrases(table: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Phrase, ...]]:
    """Reads a table of phrases, written `subject: predicate`, by movement."""
    return {movement: tuple(_phrase(line) for line in lines) for movement, lines in table.items()}


def _phrase(line: str) -> Phrase:
    subject, predicate = line.split(": ")
    one, _, both = subject.partition("/")
    both = both or one
    return Phrase(one, both, predicate, plural=both.partition(" of ")[0].endswith("s"))


TRAINING = Wording(
    name="training",
    intensities=(
        ("barely", "just perceptibly", "minimally", "hardly"),
        ("faintly", "subtly", "weakly", "delicately"),
        ("slightly", "mildly", "lightly", "a touch"),
        ("moderately", "fairly", "partly", "rather"),
        ("strongly", "markedly", "firmly", "distinctly"),
        ("intensely", "very strongly", "powerfully", "vigorously"),
        ("fully", "completely", "maximally", "wholly"),
    ),
    coarse=(("visibly", "somewhat"), ("clearly", "plainly"), ("dramatically", "very clearly")),
    frames=(
        Frame("The ", verb=True, adverb_first=True, last=" and "),
        Frame("", verb=False, adverb_first=True, last=", "),
        Frame("The subject's ", verb=True, adverb_first=True, last=" and "),
        Frame("The actor's ", verb=True, adverb_first=False, last=", and the "),
        Frame("In this face the ", verb=True, adverb_first=True, last="; "),
        Frame("The ", verb=True, adverb_first=False, last=" and "),
    ),
    uneven=(
        "{strong} {predicate} on the {side} but {weak} on the {other}",
        "{strong} {predicate} on the {side} and {weak} on the {other}",
    ),
    leaning=(" (more on the {side})", " (stronger on the {side})"),
    neutral=("The face is at rest.", "The face is neutral and still.", "The subject's face is relaxed."),
    phrases=read_phrases({
        "brow_inner_up": ("inner brows: raised", "inner ends of the brows: drawn up", "inner eyebrows: pushed up",
                          "brows: lifted in the middle"),
        "brow_outer_up": ("outer brow/outer brows: lifted", "brow tail/brow tails: arched",
                          "outer brow end/outer brow ends: raised", "outer eyebrow/outer eyebrows: pushed up"),
        "brow_down": ("brow/brows: lowered", "brow/brows: furrowed", "eyebrow/eyebrows: drawn down and together",
                      "eyebrow/eyebrows: pushed down"),
        "eye_close": ("eye/eyes: closed", "eyelid/eyelids: shut", "upper lid/upper lids: dropped"),
        "eye_squint": ("eye/eyes: narrowed", "lower lid/lower lids: tightened", "eye/eyes: squinted"),
        "eye_wide": ("eye/eyes: widened", "eye/eyes: opened wide", "upper lid/upper lids: pulled up"),
        "gaze_side": ("gaze: directed to the {side}", "eyes: looking to the {side}", "gaze: shifted to the {side}",
                      "eyes: turned to the {side}"),
        "gaze_up": ("eye/gaze: turned up", "eye/eyes: looking up", "eye/eyes: rolled upward", "eye/gaze: raised"),
        "gaze_down": ("eye/gaze: cast down", "eye/eyes: looking down", "eye/gaze: dropped", "eye/eyes: turned down"),
        "gaze_crossed": ("eyes: crossed", "eyes: turned inward", "pupils: converged"),
        "gaze_apart": ("eyes: diverged", "eyes: turned outward", "pupils: drifted apart"),
        "nose_sneer": ("side of the nose/nose: wrinkled", "nostril/nostrils: pulled up",
                       "side of the nose/nose: scrunched", "nose wing/nose wings: drawn up"),
        "cheek_raise": ("cheek/cheeks: bunched", "cheek/cheeks: pushed up", "cheek/cheeks: lifted toward the eyes"),
        "cheek_puff": ("cheeks: puffed out", "cheeks: blown up", "cheeks: filled with air"),
        "mouth_smile": ("mouth corner/mouth corners: pulled up in a smile", "lip corner/lip corners: raised in a smile",
                        "corner of the mouth/corners of the mouth: smiling"),
        "mouth_frown": ("mouth corner/mouth corners: pulled down", "lip corner/lip corners: turned down",
                        "corner of the mouth/corners of the mouth: drawn down in a frown"),
        "mouth_dimple": ("mouth corner/mouth corners: dimpled", "cheek/cheeks: dimpled",
                         "lip corner/lip corners: pressed in"),
        "mouth_stretch": ("side of the mouth/mouth: stretched sideways", "lip corner/lips: stretched back",
                          "lip corner/lip corners: pulled sideways"),
        "mouth_press": ("side of the lips/lips: pressed together", "side of the lips/lips: squeezed together",
                        "side of the lips/lips: clamped together"),
        "upper_lip_up": ("upper lip/upper lip: drawn up", "upper lip/upper lip: lifted", "top lip/top lip: raised",
                         "upper lip/upper lip: curled up"),
        "lower_lip_down": ("lower lip/lower lip: drawn down", "lower lip/lower lip: pulled down",
                           "bottom lip/bottom lip: lowered"),
        "mouth_pucker": ("lips: puckered", "lips: pursed", "lips: pushed forward as for a kiss"),
        "mouth_funnel": ("lips: funneled", "lips: rounded into a funnel", "mouth: rounded as if saying oh"),
        "upper_lip_roll": ("upper lip: rolled in", "upper lip: tucked inward", "top lip: folded over the teeth"),
        "lower_lip_roll": ("lower lip: tucked in", "lower lip: rolled inward", "bottom lip: folded over the teeth"),
        "upper_lip_shrug": ("upper lip: nudged up", "upper lip: pushed up from below", "top lip: shrugged"),
        "lower_lip_shrug": ("chin: pushed up", "lower lip: pushed up by the chin", "chin: bunched up"),
        "mouth_close": ("lips: held together", "lips: kept closed", "lips: sealed over the jaw"),
        "mouth_side": ("mouth: shifted to the {side}", "lips: pulled to the {side}", "mouth: slid to the {side}"),
        "jaw_open": ("mouth: opened", "jaw: dropped", "jaw: opened"),
        "jaw_forward": ("jaw: thrust forward", "jaw: pushed forward", "chin: jutted out"),
        "jaw_side": ("jaw: moved to the {side}", "jaw: slid to the {side}", "chin: pushed to the {side}"),
        "tongue_out": ("tongue: stuck out", "tongue: poked out", "tongue: pushed out between the lips"),
        "head_turn": ("head: turned to the {side}", "face: turned to the {side}", "head: rotated to the {side}"),
        "head_up": ("head: tipped back", "head: raised", "chin: lifted"),
        "head_down": ("head: bowed", "head: lowered", "chin: tucked down"),
        "head_tilt": ("head: tilted to the {side}", "head: leaned to the {side}", "head: cocked to the {side}"),
    }),
)  # fmt: skip
"""The bank for training texts."""

HELD_OUT = Wording(
    name="held out",
    intensities=(
        ("almost imperceptibly", "scarcely"), ("gently", "softly"), ("a little", "modestly"),
        ("noticeably", "appreciably"), ("considerably", "heavily"), ("extremely", "forcefully"),
        ("totally", "entirely"),
    ),
    coarse=(("a bit", "discernibly"), ("obviously", "evidently"), ("strikingly", "hugely")),
    frames=(
        Frame("Here the ", verb=True, adverb_first=True, last=", and "),
        Frame("On this face, the ", verb=True, adverb_first=True, last=" plus "),
    ),
    uneven=(
        "{predicate} {strong} on the {side} side yet {weak} on the {other} side",
        "{predicate} {strong} at the {side}, {weak} at the {other}",
    ),
    leaning=(" (the {side} side leading)", " (above all at the {side})"),
    neutral=("Nothing moves in this calm face.", "All features rest in their usual place."),
    phrases=read_phrases({
        "brow_inner_up": ("inner eyebrows: pulled upward", "inner brows: lifted high"),
        "brow_outer_up": ("outer eyebrow/outer eyebrows: elevated", "outer brow/outer brows: pulled upward"),
        "brow_down": ("eyebrow/eyebrows: knitted together and down", "brow/brows: drawn low"),
        "eye_close": ("eyelid/eyelids: lowered over the eyes", "eye/eyes: brought shut"),
        "eye_squint": ("eye/eyes: squinting", "lower lid/lower lids: drawn tight"),
        "eye_wide": ("eye/eyes: made wide", "eye/eyes: stretched wide"),
        "gaze_side": ("eyes: pointed toward the {side}", "gaze: moved toward the {side}"),
        "gaze_up": ("eye/eyes: directed upward", "eye/gaze: lifted upward"),
        "gaze_down": ("eye/eyes: aimed down", "eye/eyes: pointed downward"),
        "gaze_crossed": ("eyes: aimed inward", "eyes: looking inward"),
        "gaze_apart": ("eyes: pointed outward", "eyes: looking outward"),
        "nose_sneer": ("side of the nose/nose: crinkled", "nostril/nostrils: lifted in a sneer"),
        "cheek_raise": ("cheek/cheeks: raised", "cheek/cheeks: squeezed up under the eyes"),
        "cheek_puff": ("cheeks: inflated", "cheeks: swollen with air"),
        "mouth_smile": ("mouth corner/mouth corners: lifted into a smile",
                        "lip corner/lip corners: curled up as in smiling"),
        "mouth_frown": ("lip corner/lip corners: drooped in a frown", "mouth corner/mouth corners: bent down"),
        "mouth_dimple": ("mouth corner/mouth corners: pressed into a dimple", "lip corner/lip corners: pinched in"),
        "mouth_stretch": ("side of the mouth/mouth: widened sideways", "side of the lips/lips: stretched wide"),
        "mouth_press": ("side of the lips/lips: pressed against each other",
                        "side of the lips/lips: pushed against each other"),
        "upper_lip_up": ("top lip/top lip: lifted up", "upper lip/upper lip: hoisted"),
        "lower_lip_down": ("bottom lip/bottom lip: pulled downward", "lower lip/lower lip: dragged down"),
        "mouth_pucker": ("lips: pushed out in a pucker", "lips: gathered as for a kiss"),
        "mouth_funnel": ("lips: shaped like a funnel", "mouth: rounded like an oh"),
        "upper_lip_roll": ("upper lip: rolled under", "top lip: curled inward over the teeth"),
        "lower_lip_roll": ("lower lip: turned inward", "bottom lip: curled inward over the teeth"),
        "upper_lip_shrug": ("upper lip: pressed upward", "top lip: shoved up from beneath"),
        "lower_lip_shrug": ("chin: pressed upward", "lower lip: thrust up by the chin"),
        "mouth_close": ("lips: held closed", "lips: kept together"),
        "mouth_side": ("mouth: skewed to the {side}", "lips: dragged over to the {side}"),
        "jaw_open": ("mouth: held open", "jaw: let down"),
        "jaw_forward": ("jaw: shoved forward", "lower jaw: brought forward"),
        "jaw_side": ("lower jaw: shifted to the {side}", "jaw: displaced toward the {side}"),
        "tongue_out": ("tongue: extended", "tongue: showing between the lips"),
        "head_turn": ("head: swivelled toward the {side}", "face: oriented toward the {side}"),
        "head_up": ("head: raised upward", "head: thrown back"),
        "head_down": ("head: dropped", "head: hung low"),
        "head_tilt": ("head: inclined to the {side}", "head: bent toward the {side} shoulder"),
    }),
)  # fmt: skip
"""The bank for test texts: other verbs, intensity words and sentence frames for the same movements."""

CANONICAL = TRAINING.first("canonical")
"""The plain wording: the first choice of `TRAINING` throughout."""
