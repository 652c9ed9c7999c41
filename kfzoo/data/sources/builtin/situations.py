"""Backgrounds: a sentence of a situation that explains the emotion, by template and slots."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from kfzoo.data.sources.builtin.banks import Bank, read_banks, sentence

PEOPLE = Bank(
    (
        "a student", "a nurse", "a young mother", "an old man", "a bus driver", "a new employee", "a teacher",
        "a girl of ten", "a waiter", "a retired sailor", "a lawyer", "a football player", "a widow", "a baker",
        "an actor", "a tired father", "a bride", "a soldier on leave", "a shop assistant", "a small boy",
        "a scientist", "a grandmother", "an office clerk", "a traveller", "a singer", "a patient",
    ),
    (
        "a violinist", "a plumber", "an apprentice cook", "a twin sister", "a lighthouse keeper", "a referee",
        "a pensioner", "a flight attendant", "a carpenter", "a librarian", "an exchange pupil", "a taxi owner",
    ),
)  # fmt: skip
"""Who is in the situation."""

OPENERS = Bank(
    (
        "", "", "", "late at night,", "early in the morning,", "after a long day,", "during a family dinner,",
        "on the way home,", "in front of the class,", "at a crowded station,", "in the hospital corridor,",
        "at the office party,", "in the kitchen,", "on a rainy afternoon,", "during a video call,", "on stage,",
        "in a quiet park,", "at the school gate,",
    ),
    (
        "", "around noon,", "aboard a ferry,", "between two meetings,", "inside a packed lift,", "by the harbour,",
        "throughout the rehearsal,", "beside the campfire,", "amid a street market,", "under the porch light,",
    ),
)  # fmt: skip
"""When or where."""

TAILS: Mapping[str, Bank] = read_banks("""
simple:  |  |  | and lets it show | while a friend looks on | and forgets everything else | and cannot say a word
    ||  | with nobody else around | as a stranger passes by | for everyone present to witness
contained: and keeps it inside | but does not want to make a scene | and struggles to stay composed |
    and holds everything back in public
    || yet refuses to let anything slip | still maintaining perfect control | swallowing every reaction
concealed by: and tries to hide it | but does not want the family to worry | and pretends that all is well |
    and smiles for the others | but has to greet the guests
    || whilst acting cheerful for a camera | yet puts up a front | masking it before colleagues
turning into: until the mood changes | and then everything changes | and then sees it in another light |
    and then takes a second look
    || before matters take an unexpected turn | only for feelings to shift moments later
mixed with: and does not know what to feel | and feels two things at once | with mixed feelings
    || torn in opposite directions | caught amid clashing sentiments
breaking through: and can hold it back no longer | and the mask finally falls | and loses the fight for composure
    || until restraint snaps | whereupon all pretence is dropped
""")
"""How the person deals with it, by the way in which two emotions combine."""

EVENTS: Mapping[str, Bank] = read_banks("""
sorrow: looks through photos of better days | says goodbye to a childhood home | hears that an old friend has moved away
    || folds the jumper of somebody long gone | listens to a song from a lost summer
grief: stands at the grave of a parent | receives the news of a death in the family | buries a beloved dog
    || collects an urn from the undertaker | reads a farewell note left by a late husband
tearfulness: watches a sad film to the end | is moved by an unexpected letter | listens to the last words of a speech
    || peels open a parcel sent by a dying aunt | chokes up during the national anthem
weariness: comes off a double shift | has not slept for two nights | is ill but keeps on working
    || finishes a marathon in last position | rocks a colicky baby until sunrise
disappointment: opens a letter of rejection | finds out that the trip is cancelled | loses the final by one point
    || discovers every ticket sold out | unwraps socks instead of the promised bicycle
loneliness: spends a birthday alone | watches other people laugh together | calls home and nobody answers
    || sets the table for one at Christmas | stares at an empty chat window
shame: is caught telling a lie | has broken a promise to a friend | must admit a mistake before the whole team
    || gets exposed for cheating at cards | confesses to having crashed a borrowed van
resignation: accepts that the shop must close | gives up after the third attempt | hears the same excuse once again
    || signs divorce papers without reading them | shrugs off yet another parking fine
joy: hears that the operation went well | sees an old friend again | gets the job at last
    || adopts a puppy from the shelter | learns of becoming an uncle
laughter: hears a very good joke | watches a clumsy cat fall off the sofa | remembers a silly story from school
    || spots a pigeon stealing someone's hat | listens to a comedian imitate politicians
contentment: drinks tea in the sun | sits by the fire after work | finishes a good book
    || soaks in a warm bath | naps in a hammock
pride: receives a prize in front of everyone | sees a daughter graduate | shows the finished work to a rival
    || unveils a self-built sailing boat | hangs a gold medal on the wall
tenderness: holds a newborn for the first time | watches a child sleep | meets a shy kitten
    || brushes hair from a sweetheart's face | feeds an orphaned lamb
relief: finds the lost child unharmed | hears that the test was negative | just catches the last train
    || recovers a wallet believed stolen | lands safely following severe turbulence
excitement: waits for the concert to begin | is about to open a big present | wins a journey around the world
    || boards a rollercoaster | counts down towards the rocket launch
mischief: hides the keys of a friend | plans a surprise for a sister | knows a secret about the boss
    || swaps sugar with salt as a prank | sneaks an extra slice of cake
hope: waits for an answer to a proposal | sees the first light after the storm | applies for a dream job
    || plants seeds in barren ground | clutches a lottery coupon
astonishment: opens the door to a surprise party | sees a magician vanish | meets a twin never known before
    || uncovers a treasure chest in the attic | bumps into a celebrity
startle: hears a loud bang behind the door | is touched on the shoulder in the dark |
    sees a spider drop from the ceiling
    || has a balloon pop nearby | steps on a squeaking toy
disbelief: reads a bill that is far too high | hears an absurd explanation | is told that the moon is hollow
    || receives an invoice meant for a palace | watches a toddler recite Latin
awe: looks up at a sky full of stars | stands before a huge waterfall | enters an ancient cathedral
    || witnesses the northern lights | gazes upon whales breaching
irritation: is interrupted for the fifth time | waits in a line that does not move | hears the neighbour drill again
    || keeps being put on hold | untangles earphones once more
fury: discovers that a partner has lied for years | sees someone hit a dog | is accused of a theft
    || catches vandals slashing tyres | finds a burgled flat
resentment: watches a rival take the credit | is passed over for promotion | sees an ex with somebody new
    || overhears praise lavished upon a lazy cousin | recalls an inheritance unfairly split
determination: prepares for the decisive fight | refuses to sign the contract | starts the last climb to the summit
    || vows to swim across the strait | squares up to a bully
anxiety: waits outside an interview room | waits for the results of an exam | is about to speak to a large audience
    || sits in a dentist's chair | rehearses a wedding toast
terror: is followed down a dark street | faces a barking dog without a leash | feels the ground shake
    || dangles from a broken cable car | meets a bear on a trail
unease: notices that the door is not locked | is asked a question that is too personal | feels watched by someone
    || senses footsteps in an abandoned mill | gets an anonymous message
dread: is called into the office of the director | waits for a verdict in court | sees the doctor come with a grave face
    || hears bombers approaching | awaits a crushing diagnosis
revulsion: finds a worm in an apple | opens a bin full of rotten meat | steps into something slimy
    || sips curdled milk | pulls a clump of hair out of a drain
distaste: tastes a bitter medicine | sits next to someone who smells | is offered a greasy sandwich
    || tries fermented fish | shakes a clammy hand
contempt: listens to a liar boast | looks down on a clumsy beginner | hears a cheap excuse from a coward
    || receives flattery from a hypocrite | inspects a forged painting
mockery: witnesses others embarrassing themselves | sees a rival stumble | hears a colleague sing off key
    || observes a snob spilling wine | imitates a pompous announcer
calm: waits for the bus | listens to the weather report | has a passport photo taken || rides an escalator | stirs soup
boredom: sits through an endless meeting | hears a lecture for the third time | waits for the rain to stop
    || watches paint dry | guards an unvisited museum room
concentration: threads a needle | solves a difficult puzzle | reads the small print of a contract
    || repairs a wristwatch | sorts beads by candlelight
doubt: must choose between two offers | hears a story that may not be true | tries to remember a name
    || weighs up a risky bargain | examines a suspicious banknote
""")
"""What happens, by the first emotion."""


def background(way: str, felt: str, rng: Random, held_out: bool) -> str:
    """Writes a script's background.

    Args:
        way: Key of `TAILS`.
        felt: The first emotion, a key of `EVENTS`.
        rng: Source of chance.
        held_out: Whether to draw from the banks that training never shows.
    """
    slots = (OPENERS, PEOPLE, EVENTS[felt], TAILS[way])
    return sentence(" ".join(phrase for slot in slots if (phrase := slot.pick(rng, held_out))))
