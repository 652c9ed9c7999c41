from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, AnswerLayout, Representation
from kfzoo.language_models.answer_trie import AnswerTrie
from kfzoo.language_models.batched_cache import BatchedCache, CachedPrefix, evaluation_mode, prefill
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.constrained_decoding import MODES, Decoded, DecodingMode, decode
from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import load_language_model
from kfzoo.language_models.lora import add_lora, lora_config
from kfzoo.language_models.shared_prefix_loss import plain_loss
from tests.language_models.helpers import sliding_mistral, tiny_llama

SYSTEM = "You are a system that turns the description of a facial expression into ARKit parameters."
CONSTRAINED: tuple[DecodingMode, ...] = ("drafted", "template")
STORIES = ("The mouth opens and the left eye blinks.", "The right brow rises; the head turns a little to the left.")


@pytest.fixture(scope="module")
def model(tiny_qwen3: str) -> Any:
    return load_language_model(tiny_qwen3)[0]


def prompt(chat: ChatFormat, story: str, keyframe: int) -> list[int]:
    asked = f"Background: {story}\nGenerate Keyframe {'one' if keyframe == 0 else 'two'}."
    return chat.prompt_ids([{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}])


def batch(
    chat: ChatFormat, representation: Representation = "non_semantic", decimals: int = 1
) -> tuple[list[AnswerTrie], list[list[int]]]:
    """Two keyframes of one script and one of another."""
    of = [(STORIES[0], 0), (STORIES[0], 1), (STORIES[1], 0)]
    tries = [AnswerTrie.of(AnswerLayout.of(representation, decimals, keyframe), chat) for _, keyframe in of]
    return tries, [prompt(chat, story, keyframe) for story, keyframe in of]


def tokens(answers: Sequence[Decoded]) -> list[tuple[int, ...]]:
    return [each.ids for each in answers]


def short(layout: AnswerLayout, count: int) -> AnswerLayout:
    """A few of the layout's values: two weights, and then angles."""
    literals = (layout.literals[0], *layout.literals[51 : 50 + count], layout.literals[-1])
    return AnswerLayout(literals, layout.options[50 : 50 + count], layout.decimals)


def slowly(model: Any, chat: ChatFormat, layout: AnswerLayout, asked: Sequence[int]) -> str:
    """The greedy walk by definition, without tries or cache.

    At each token, all answers that continue the chosen ones are written out, with zeros after the value in question.
    The model reads prompt and answer from the start, and its most likely token of those that the answers have next is
    taken, until one answer is left.
    """
    zero = [options.index(next(each for each in options if float(each) == 0)) for options in layout.options]
    chosen: list[int] = []
    taken: list[int] = []
    while len(chosen) < len(zero):
        slot = len(chosen)
        faces = [[*chosen, number, *zero[slot + 1 :]] for number in range(len(layout.options[slot]))]
        left = {number: chat.answer_ids(layout.filled(face)) for number, face in enumerate(faces)}
        left = {number: ids for number, ids in left.items() if ids[: len(taken)] == taken}
        while len(left) > 1:
            allowed = sorted({ids[len(taken)] for ids in left.values()})
            if len(allowed) > 1:
                with torch.no_grad():
                    scores = model(torch.tensor([[*asked, *taken]])).logits[0, -1]
                masked = torch.full_like(scores, -torch.inf)
                masked[allowed] = scores[allowed]
                taken.append(int(masked.argmax()))
            else:
                taken.append(allowed[0])
            left = {number: ids for number, ids in left.items() if ids[len(taken) - 1] == taken[-1]}
        chosen.append(next(iter(left)))
    return layout.filled(chosen)


@pytest.mark.parametrize(
    ("layout", "story", "keyframe"),
    [
        *[(AnswerLayout.of(representation, 1, 0), STORIES[0], 0) for representation in REPRESENTATIONS],
        (short(AnswerLayout.of("non_semantic", 3, 0), 5), STORIES[1], 1),
    ],
    ids=[*REPRESENTATIONS, "three decimals"],
)
def test_the_answer_is_the_greedy_walk(
    model: Any, chat: ChatFormat, layout: AnswerLayout, story: str, keyframe: int
) -> None:
    asked = prompt(chat, story, keyframe)
    expected = slowly(model, chat, layout, asked)
    for mode in CONSTRAINED:
        [found] = decode(model, [AnswerTrie.of(layout, chat)], [asked], mode)
        assert found.text == expected
        assert list(found.ids) == chat.answer_ids(expected)[: len(found.ids)]


def shares(model: Any, asked: Sequence[int], taken: list[int], left: dict[float, list[int]]) -> dict[float, float]:
    """The probability of each of some answers among them, token by token, by definition."""
    if len(left) == 1:
        return dict.fromkeys(left, 1.0)
    following: dict[int, dict[float, list[int]]] = {}
    for value, ids in left.items():
        following.setdefault(ids[len(taken)], {})[value] = ids
    if len(following) == 1:
        return shares(model, asked, [*taken, *following], left)
    with torch.no_grad():
        scores = model(torch.tensor([[*asked, *taken]])).logits[0, -1]
    odds = scores[list(following)].softmax(0).tolist()
    return {
        value: odd * share
        for (token, group), odd in zip(following.items(), odds, strict=True)
        for value, share in shares(model, asked, [*taken, token], group).items()
    }


def test_means_are_those_of_all_options_written_out(model: Any, chat: ChatFormat) -> None:
    whole = AnswerLayout.of("non_semantic", 1, 0)
    layout = AnswerLayout((*whole.literals[:6], whole.literals[-1]), whole.options[:6], 1)
    kinds = set()
    for story in STORIES:
        asked = prompt(chat, story, 0)
        [found] = decode(model, [AnswerTrie.of(layout, chat)], [asked])
        [same] = decode(model, [AnswerTrie.of(layout, chat)], [asked], "template")
        assert found.expected == pytest.approx(same.expected, abs=1e-5)
        values = json.loads(slowly(model, chat, layout, asked))
        chosen = [[*map(float, texts)].index(value) for texts, value in zip(layout.options, values, strict=True)]
        for slot, options in enumerate(layout.options):
            faces = {float(each): [*chosen[:slot], number, *chosen[slot + 1 :]] for number, each in enumerate(options)}
            answers = {value: chat.answer_ids(layout.filled(face)) for value, face in faces.items()}
            likely = shares(model, asked, [], answers)
            assert sum(likely.values()) == pytest.approx(1)
            mean = sum(value * share for value, share in likely.items())
            if values[slot] == 1:  # what begins with 0 was not decoded further: it counts as 0.9
                mean = likely[1.0] + (1 - likely[1.0]) * 0.9
            assert found.expected[slot] == pytest.approx(mean, abs=1e-5)
            kinds.add(values[slot] == 1)
    assert kinds == {True, False}


@contextmanager
def watched(model: Any) -> Iterator[list[tuple[int, int]]]:
    """Collects rows and tokens of each pass."""
    seen: list[tuple[int, int]] = []
    hook = model.get_input_embeddings().register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape)))
    yield seen
    hook.remove()


def counted(model: Any, tries: list[AnswerTrie], prompts: list[list[int]], mode: DecodingMode) -> list[Decoded]:
    """Decodes, and checks the number of passes."""
    with watched(model) as seen:
        found = decode(model, tries, prompts, mode)
    assert max(each.passes for each in found) == len(seen)
    return found


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("decimals", [1, 3])
def test_all_ways_and_all_batches_give_one_answer_that_is_valid(
    model: Any, chat: ChatFormat, representation: Representation, decimals: int
) -> None:
    tries, prompts = batch(chat, representation, decimals)
    alone = [decode(model, [trie], [asked])[0] for trie, asked in zip(tries, prompts, strict=True)]
    together, stepwise = (counted(model, tries, prompts, mode) for mode in CONSTRAINED)
    assert tokens(alone) == tokens(together) == tokens(stepwise)
    for drafted, plain in zip(together, stepwise, strict=True):
        answer = parse_answer(drafted.text)
        assert answer.coefficients is not None, answer.problems
        # Every value is one of the options: nothing was clamped.
        options = AnswerLayout.of(representation, decimals, 0).options
        for value, texts in zip(answer.coefficients, options, strict=True):
            assert any(float(each) == pytest.approx(value) for each in texts)
        assert bool(np.all((answer.coefficients >= LOWER) & (answer.coefficients <= UPPER)))
        assert drafted.passes < plain.passes < len(plain.ids)


def test_rows_advance_independently(model: Any, chat: ChatFormat) -> None:
    # Vectors and named values, of other lengths and other numbers of passes, with one row twice.
    forms: list[tuple[Representation, int, int]] = [("semantic", 1, 0), ("non_semantic", 3, 0), ("semantic", 3, 6)]
    tries = [AnswerTrie.of(AnswerLayout.of(*form), chat) for form in (*forms, forms[1])]
    prompts = [[5], prompt(chat, STORIES[0], 0), prompt(chat, STORIES[1], 1), prompt(chat, STORIES[0], 0)]
    alone = [decode(model, [trie], [asked])[0] for trie, asked in zip(tries, prompts, strict=True)]
    together = decode(model, tries, prompts)
    assert tokens(together) == tokens(alone)
    assert len({each.passes for each in together}) > 1
    assert together[1] == together[3]


def test_a_cached_prefix_changes_nothing(model: Any, chat: ChatFormat) -> None:
    tries, prompts = batch(chat, "semantic")
    shared = prompts[0][:20]
    assert all(each[:20] == shared for each in prompts)
    prefix = CachedPrefix.of(model, shared)
    expected = tokens(decode(model, tries, prompts))
    for _ in range(2):  # It can be used again, for a batch and for one.
        assert tokens(decode(model, tries, prompts, prefix=prefix)) == expected
        assert tokens(decode(model, tries[2:], prompts[2:], prefix=prefix)) == expected[2:]
    for wrong, message in ((prompts[0][1:], "does not begin with the prefix"), (shared, "or ends with it")):
        with pytest.raises(ValueError, match=message):
            decode(model, tries[:1], [wrong], prefix=prefix)


def test_shared_prefixes_are_forwarded_once(model: Any) -> None:
    system, scripts = list(range(40)), [list(range(50, 90)), list(range(60, 90))]
    prompts = [[*system, *script, 200 + number] for script in scripts for number in range(2)]
    with watched(model) as seen, evaluation_mode(model):
        cache, rests = prefill(model, prompts, None)
    assert seen == [(1, 40), (2, 40)]
    assert rests == [[200], [201], [200], [201]]
    logits = cache.feed(rests, [0])[:, 0]
    alone = torch.stack([model(torch.tensor([each])).logits[0, -1] for each in prompts])
    torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("prompts", "read"),
    [([[1, 2, 3]], 0), ([[1, 2, 3], [1, 2, 4]], 0), ([[*range(30)]] * 2, 29), ([[*range(15), 7], [*range(15), 8]], 0)],
)
def test_a_short_prefix_gets_no_pass_of_its_own(model: Any, prompts: list[list[int]], read: int) -> None:
    with watched(model) as seen, evaluation_mode(model):
        _, rests = prefill(model, prompts, None)
    assert rests == [prompt[read:] for prompt in prompts]
    assert seen == ([(1, read)] if read else [])


def learned(model: Any, chat: ChatFormat, pairs: Sequence[tuple[list[int], str]]) -> Any:
    """A copy of the model that was overfitted to the answers."""
    model = deepcopy(model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    examples = [Example((tuple(asked),), tuple(chat.answer_ids(text))) for asked, text in pairs]
    for _ in range(50):
        loss = plain_loss(model, examples, chat.pad_id)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def test_an_overfitted_model_gives_its_answers_in_all_modes(model: Any, chat: ChatFormat) -> None:
    _, prompts = batch(chat, "semantic")
    generator = np.random.default_rng(0)
    layouts = [short(AnswerLayout.of("semantic", 1, keyframe), 11) for keyframe in (0, 1, 0)]
    texts = [layout.filled([int(generator.integers(len(each))) for each in layout.options]) for layout in layouts]
    tries = [AnswerTrie.of(layout, chat) for layout in layouts]
    overfitted = learned(model, chat, list(zip(prompts, texts, strict=True)))
    answers = {mode: decode(overfitted, tries, prompts, mode) for mode in MODES}
    for found in answers.values():
        assert [each.text for each in found] == texts
        assert tokens(found) == tokens(answers["free"])
    for free, plain, drafted in zip(answers["free"], answers["template"], answers["drafted"], strict=True):
        assert free.passes == len(free.ids) + 1
        assert drafted.passes < plain.passes / 2 < free.passes / 2
    assert overfitted.training


def test_free_answers_are_greedy_for_any_settings_of_the_model(model: Any, chat: ChatFormat) -> None:
    tries, prompts = batch(chat, "semantic")
    other = deepcopy(model)
    other.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=3.0)
    expected, found = (decode(each, tries, prompts, "free", limit=7) for each in (model, other))
    assert tokens(found) == tokens(expected)
    for each in found:
        assert len(each.ids) <= 7
        assert each.passes == min(len(each.ids) + 1, 7)
        assert not parse_answer(each.text).valid


def test_adapters_are_decoded_without_dropout_and_restored_to_training(model: Any, chat: ChatFormat) -> None:
    wrapped = add_lora(deepcopy(model), lora_config(dropout=0.5))
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    wrapped.train()
    tries, prompts = batch(chat)
    found, stepwise = (decode(wrapped, tries, prompts, mode) for mode in CONSTRAINED)
    assert wrapped.training
    assert tokens(stepwise) == tokens(found) != tokens(decode(model, tries, prompts))
    assert stepwise != found  # passes
    assert found[0].text == slowly(wrapped.eval(), chat, AnswerLayout.of("non_semantic", 1, 0), prompts[0])


def test_llamas_are_decoded_too(chat: ChatFormat) -> None:
    llama = tiny_llama(len(chat.tokenizer)).eval()
    tries, prompts = batch(chat)
    found = decode(llama, tries, prompts)
    for keyframe, each in enumerate(found[:2]):
        assert each.text == slowly(llama, chat, AnswerLayout.of("non_semantic", 1, keyframe), prompts[keyframe])


def test_models_without_full_attention_or_finite_logits_are_refused(model: Any, chat: ChatFormat) -> None:
    tries, prompts = batch(chat)
    message = r"^model 'mistral': has layers that do not attend to the whole text .*; decode"
    with pytest.raises(InputError, match=message):
        decode(sliding_mistral(len(chat.tokenizer)), tries, prompts)
    broken = deepcopy(model)
    broken.model.norm.weight.data.fill_(torch.nan)
    with pytest.raises(InputError, match=r"^model: its logits are not finite; its weights may be damaged"):
        decode(broken, tries, prompts)


def test_an_unknown_mode_is_refused_and_no_prompt_has_no_answer(model: Any) -> None:
    with pytest.raises(InputError, match=r"^decoding: is 'beam', expected one of drafted, template, free"):
        decode(model, [], [], "beam")  # type: ignore[arg-type]
    assert decode(model, [], []) == []


def test_a_row_is_independent_of_tokens_that_were_dropped(model: Any) -> None:
    # One row keeps nothing of three passes, then all: its logits are as if those had not been.
    with evaluation_mode(model):
        cache = BatchedCache(model, 2)
        cache.feed([[1, 2, 3], [4]], [0])
        cache.keep([3, 1])
        for _ in range(3):
            cache.feed([[5, 6], [7, 8, 9]], [0])
            cache.keep([2, 0])
        found = cache.feed([[1], [7, 8, 9]], [0, 2])
        expected = model(torch.tensor([[4, 7, 8, 9]])).logits[0, [1, 3]]
    torch.testing.assert_close(found[1], expected, rtol=1e-4, atol=1e-4)
    assert cache.passes == 5
