"""Names of every shade and mask: eight or so for training, two or three that only test scripts use."""

from __future__ import annotations

from collections.abc import Mapping

from kfzoo.data.sources.builtin.banks import Bank, read_banks

NOUNS: Mapping[str, Bank] = read_banks("""
sorrow: sorrow | sadness | unhappiness | heavy-heartedness | a sad mood | gloom | feeling down | low spirits
    || melancholy | mournfulness | sorrowful feelings
grief: grief | heartbreak | anguish | deep mourning | despairing sadness | inconsolable pain | great loss | agony
    || grieving | a broken heart | bereavement
tearfulness: tearfulness | being close to tears | weepiness | held-back tears | tears in the eyes | crying |
    a wish to cry | sobs
    || weeping | moist-eyed sadness | shedding tears
weariness: weariness | exhaustion | fatigue | tiredness | lack of sleep | being worn out | drained energy | overwork
    || burnout | being tired | tired-out feelings
disappointment: disappointment | dejection | a let-down | discouragement | failed hopes | dissatisfaction |
    frustration | regret
    || being disappointed | disillusion
loneliness: loneliness | isolation | feeling left out | homesickness | being alone | missing somebody | emptiness |
    neglect
    || lonely feelings | solitude | abandonment
shame: shame | guilt | remorse | embarrassment | feeling ashamed | self-reproach | awkwardness | a guilty look
    || humiliation | guiltiness | an embarrassed feeling
resignation: resignation | defeat | giving up | helpless acceptance | powerlessness | lost hope | quiet despondency |
    submission
    || surrender | being resigned | defeatism
joy: joy | happiness | delight | cheerfulness | a happy mood | great pleasure | bliss | good cheer
    || gladness | joyfulness | being delighted
laughter: laughter | hilarity | open amusement | laughing out loud | a good laugh | heartfelt fun | merriment | cackling
    || laughing | giggling | chuckling
contentment: contentment | satisfaction | ease | quiet happiness | comfort | inner peace | a relaxed smile inside |
    coziness
    || serenity | well-being | being content
pride: pride | self-confidence | triumph | satisfaction with oneself | feeling proud | self-assurance | success |
    dignity
    || accomplishment | self-esteem | being proud
tenderness: tenderness | affection | warmth | love | a loving mood | kindness | softness of heart | devotion
    || fondness | caring | gentleness
relief: relief | a weight lifted | release from worry | a sigh of relief | feeling relieved | tension falling away |
    being saved | breathing again
    || unburdening | easing of strain | being relieved
excitement: excitement | enthusiasm | thrill | eager joy | feeling excited | high spirits | fervour | being overjoyed
    || exhilaration | being thrilled | excitedness
mischief: mischief | playfulness | teasing | a cheeky mood | joking | a playful trick | slyness | fun at others
    || prankishness | being cheeky
hope: hope | anticipation | longing | expectant joy | hopefulness | looking forward | confidence in the future |
    yearning
    || optimism | expectation | wishful thinking
astonishment: astonishment | surprise | amazement | great wonder | being surprised | the unexpected |
    open-mouthed surprise | a big surprise
    || being astonished | being amazed | dumbfoundedness
startle: fright | shock | a sudden start | a scare | being startled | a shocked reaction | sudden alarm | a flinch
    || a jolt | being taken aback | being frightened suddenly
disbelief: disbelief | incredulity | bewilderment | puzzled surprise | confusion | being puzzled | not believing it |
    questioning
    || perplexity | unbelief | being bewildered
awe: awe | wonder | admiration | fascination | being impressed | enthrallment | quiet amazement | adoration
    || marvelling | being in awe | enchantment
irritation: irritation | annoyance | impatience | being bothered | being annoyed | grumpiness | mild anger |
    displeased tension
    || crankiness | irritability | being irritated
fury: fury | rage | burning anger | outrage | furious anger | hatred | aggression | being mad
    || wrath | infuriation | violent indignation
resentment: resentment | bitterness | jealousy | silent anger | a bitter mood | hostility | ill will | feeling wronged
    || grudge | bitter envy | bitter jealous feelings
determination: determination | defiance | grim resolve | firmness | a strong will | persistence | being determined |
    concentration on a goal
    || tenacity | resoluteness | decisiveness
anxiety: anxiety | nervousness | worry | tension | being worried | stress | anxious waiting | fearfulness
    || apprehension | jitters | being nervous
terror: terror | panic | mortal fear | great fear | being terrified | a horrified reaction | extreme fear | wild panic
    || horror | hysteria | being scared to death
unease: unease | suspicion | discomfort | insecurity | being uneasy | slight worry | distrust | uncomfortable feelings
    || being suspicious | an insecure feeling
dread: dread | foreboding | despair | fearful expectation | dark fear | being afraid of what comes | hopeless fear |
    a feeling of doom
    || dreadful anticipation | ominous feelings | dreading
revulsion: revulsion | disgust | nausea | repulsion | being disgusted | feeling sick | strong disgust | horror at filth
    || loathing | being repulsed | sickened feelings
distaste: distaste | aversion | dislike | mild disgust | a bad taste | being put off | reluctance | unpleasantness
    || disliking | averse feelings
contempt: contempt | disdain | arrogance | superiority | looking down on others | disrespect | a contemptuous mood |
    cold pride
    || being contemptuous | disdainfulness | scornful arrogance
mockery: mockery | ridicule | malicious glee | smug amusement | a mocking mood | laughing at others | irony | gloating
    || sarcasm | derision | mocking
calm: calm | neutral attention | composure | a relaxed mood | no emotion | quietness | a neutral state | balance
    || tranquillity | calmness | being calm
boredom: boredom | listlessness | sleepiness | lack of interest | being bored | dullness | weary disinterest | yawning
    || apathy | being uninterested | tedium
concentration: concentration | focus | close attention | hard thinking | being focused | careful observation |
    intent study | mental work
    || concentrating | focused thought
doubt: doubt | skepticism | indecision | uncertainty | being unsure | questioning thought | reflection |
    a skeptical mood
    || doubting | being doubtful | pondering
restrained smile: a restrained smile | a tight smile | a small smile | a thin smile | a suppressed smile
    || a guarded grin | a subdued grin
forced smile: a forced smile | an artificial smile | a fake smile | an unnatural smile | a smile that is not real
    || a put-on grin | a strained grin
polite smile: a polite smile | a courteous smile | a friendly smile | a social smile | a smile for politeness
    || a well-mannered grin | a civil grin
brave smile: a brave smile | a trembling smile | a sad smile | a smile through tears | a courageous smile
    || a plucky grin | a wavering grin
composed face: a composed face | an outward calm | a straight face | a controlled face | self-control
    || unruffled features | a controlled expression
blank stare: a blank stare | an empty look | a face without expression | a frozen face | a stony face
    || a poker face | vacant eyes
show of indifference: feigned indifference | a show of indifference | feigned boredom | acting as if nothing mattered |
    an uninterested air
    || pretended nonchalance | mock disinterest
""")
"""Names by shade or mask.

The training names are many, so that a model has to learn what they mean, not which ones there are. The held-out ones
are words that a small sentence encoder can be expected to know: nearly all of them lie nearest to the training names of
their own shade. Rarer words ("rancour", "impishness") would test the encoder's vocabulary, not the model.
"""
