from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, Layout, Representation
from kfzoo.language_models.answer_trie import Template
from kfzoo.language_models.batched_cache import Lockstep, Prefix, answering, behind_prompts
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.constrained_decoding import Decoded, Mode, decode

SYSTEM = "You are a system that turns the description of a facial expression into ARKit parameters."
STORIES = ("The mouth opens and the left eye blinks.", "The right brow rises; the head turns a little to the left.")


@pytest.fixture(scope="module")
def chat(tiny_qwen3: str) -> ChatFormat:
    from transformers import AutoTokenizer

    return ChatFormat(AutoTokenizer.from_pretrained(tiny_qwen3.removeprefix("huggingface:")))


@pytest.fixture(scope="module")
def model(tiny_qwen3: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_qwen3.removeprefix("huggingface:")).eval()  # type: ignore[no-untyped-call]


def prompt(chat: ChatFormat, story: str, keyframe: int) -> list[int]:
    asked = f"Background: {story}\nGenerate Keyframe {'one' if keyframe == 0 else 'two'}."
    return chat.prompt_ids([{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}])


def batch(chat: ChatFormat, representation: Representation, decimals: int) -> tuple[list[Template], list[list[int]]]:
    """Two keyframes of one script and one of another."""
    of = [(STORIES[0], 0), (STORIES[0], 1), (STORIES[1], 0)]
    templates = [Template.of(Layout.of(representation, decimals, keyframe), chat) for _, keyframe in of]
    return templates, [prompt(chat, story, keyframe) for story, keyframe in of]


def short(layout: Layout, count: int) -> Layout:
    """A few of the layout's values: two weights, and then angles."""
    literals = (layout.literals[0], *layout.literals[51 : 50 + count], layout.literals[-1])
    return Layout(literals, layout.options[50 : 50 + count], layout.decimals)


def slowly(model: Any, chat: ChatFormat, layout: Layout, asked: Sequence[int]) -> str:
    """The greedy walk by definition, with neither tries nor cache.

    At each token, all answers are written out that go on as chosen so far, with zeros behind the value in question;
    the model reads prompt and answer from the start, and its likeliest token among those that the answers have next is
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


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_the_answer_is_the_greedy_walk(model: Any, chat: ChatFormat, representation: Representation) -> None:
    layout = Layout.of(representation, 1, 0)
    asked = prompt(chat, STORIES[0], 0)
    expected = slowly(model, chat, layout, asked)
    for mode in ("template", "drafted"):
        [found] = decode(model, [Template.of(layout, chat)], [asked], mode)
        assert found.text == expected
        assert list(found.ids) == chat.answer_ids(expected)[: len(found.ids)]


def test_the_answer_is_the_greedy_walk_with_three_decimals(model: Any, chat: ChatFormat) -> None:
    layout = short(Layout.of("non_semantic", 3, 0), 5)
    asked = prompt(chat, STORIES[1], 1)
    expected = slowly(model, chat, layout, asked)
    for mode in ("template", "drafted"):
        assert decode(model, [Template.of(layout, chat)], [asked], mode)[0].text == expected


def shares(model: Any, asked: Sequence[int], taken: list[int], left: dict[float, list[int]]) -> dict[float, float]:
    """How likely each of some answers is among them, token by token, by definition."""
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
    whole = Layout.of("non_semantic", 1, 0)
    layout = Layout((*whole.literals[:6], whole.literals[-1]), whole.options[:6], 1)
    kinds = set()
    for story in STORIES:
        asked = prompt(chat, story, 0)
        [found] = decode(model, [Template.of(layout, chat)], [asked])
        [same] = decode(model, [Template.of(layout, chat)], [asked], "template")
        assert found.expected == pytest.approx(same.expected, abs=1e-5)
        values = json.loads(slowly(model, chat, layout, asked))
        chosen = [
            [float(each) for each in options].index(value)
            for options, value in zip(layout.options, values, strict=True)
        ]
        for slot, options in enumerate(layout.options):
            faces = {float(each): [*chosen[:slot], number, *chosen[slot + 1 :]] for number, each in enumerate(options)}
            answers = {value: chat.answer_ids(layout.filled(face)) for value, face in faces.items()}
            likely = shares(model, asked, [], answers)
            assert sum(likely.values()) == pytest.approx(1)
            mean = sum(value * share for value, share in likely.items())
            if values[slot] == 1:  # what begins with 0 was not asked further: 0.9 stands for it
                mean = likely[1.0] + (1 - likely[1.0]) * 0.9
            assert found.expected[slot] == pytest.approx(mean, abs=1e-5)
            kinds.add(values[slot] == 1)
    assert kinds == {True, False}


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("decimals", [1, 3])
def test_all_ways_and_all_batches_give_one_answer_that_is_valid(
    model: Any, chat: ChatFormat, representation: Representation, decimals: int
) -> None:
    templates, prompts = batch(chat, representation, decimals)
    alone = [decode(model, [template], [asked])[0] for template, asked in zip(templates, prompts, strict=True)]
    together = decode(model, templates, prompts)
    stepwise = decode(model, templates, prompts, "template")
    assert [each.ids for each in alone] == [each.ids for each in together] == [each.ids for each in stepwise]
    for drafted, plain in zip(together, stepwise, strict=True):
        answer = parse_answer(drafted.text)
        assert answer.coefficients is not None, answer.problems
        # Read without clamping: what is written is in range.
        options = Layout.of(representation, decimals, 0).options
        assert all(
            any(float(each) == pytest.approx(value) for each in texts)
            for value, texts in zip(answer.coefficients, options, strict=True)
        )
        assert bool(np.all((answer.coefficients >= LOWER) & (answer.coefficients <= UPPER)))
        assert drafted.passes < plain.passes < len(plain.ids)


def test_rows_are_each_at_their_own_place(model: Any, chat: ChatFormat) -> None:
    # Bare vectors beside named values, of other lengths and other numbers of passes, with one row twice.
    layouts = [Layout.of("semantic", 1, 0), Layout.of("non_semantic", 3, 0), Layout.of("semantic", 3, 6)]
    templates = [Template.of(layout, chat) for layout in (*layouts, layouts[1])]
    prompts = [[5], prompt(chat, STORIES[0], 0), prompt(chat, STORIES[1], 1), prompt(chat, STORIES[0], 0)]
    alone = [decode(model, [template], [asked])[0] for template, asked in zip(templates, prompts, strict=True)]
    together = decode(model, templates, prompts)
    assert [each.ids for each in together] == [each.ids for each in alone]
    assert len({each.passes for each in together}) > 1
    assert together[1] == together[3]


def test_a_prefix_is_read_once_for_all(model: Any, chat: ChatFormat) -> None:
    templates, prompts = batch(chat, "semantic", 1)
    shared = prompts[0][:20]
    assert all(each[:20] == shared for each in prompts)
    prefix = Prefix.of(model, shared)
    expected = decode(model, templates, prompts)
    for _ in range(2):  # It can be used again, for a batch and for one.
        assert [each.ids for each in decode(model, templates, prompts, prefix=prefix)] == [
            each.ids for each in expected
        ]
        assert decode(model, templates[2:], prompts[2:], prefix=prefix)[0].ids == expected[2].ids
    with pytest.raises(ValueError, match="does not begin with the prefix"):
        decode(model, templates[:1], [prompts[0][1:]], prefix=prefix)
    with pytest.raises(ValueError, match="or ends with it"):
        decode(model, templates[:1], [shared], prefix=prefix)


@contextmanager
def watched(model: Any) -> Iterator[list[tuple[int, int]]]:
    """Notes the rows and the tokens of each pass."""
    seen: list[tuple[int, int]] = []
    hook = model.get_input_embeddings().register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape)))
    try:
        yield seen
    finally:
        hook.remove()


def test_what_prompts_share_is_read_once(model: Any) -> None:
    system, scripts = list(range(40)), [list(range(50, 90)), list(range(60, 90))]
    prompts = [[*system, *script, 200 + number] for script in scripts for number in range(2)]
    with watched(model) as seen, answering(model):
        lockstep, rests = behind_prompts(model, prompts, None)
    assert seen == [(1, 40), (2, 40)]
    assert rests == [[200], [201], [200], [201]]
    logits = lockstep.feed(rests, [0])[:, 0]
    alone = torch.stack([model(torch.tensor([each])).logits[0, -1] for each in prompts])
    torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-4)


def test_little_in_common_is_not_worth_a_pass(model: Any) -> None:
    for prompts in ([[1, 2, 3]], [[1, 2, 3], [1, 2, 4, 5]], [[*range(30)]] * 2, [[*range(15), 7], [*range(15), 8]]):
        with watched(model) as seen, answering(model):
            _, rests = behind_prompts(model, prompts, None)
        read = len(seen) and seen[0][1]
        assert rests == [prompt[read:] for prompt in prompts]
        assert seen == ([(1, 29)] if len(prompts[0]) == 30 else [])


def test_passes_are_counted(model: Any, chat: ChatFormat) -> None:
    templates, prompts = batch(chat, "non_semantic", 1)
    modes: tuple[Mode, ...] = ("drafted", "template")
    for mode in modes:
        with watched(model) as seen:
            found = decode(model, templates, prompts, mode)
        assert max(each.passes for each in found) == len(seen)


def learned(model: Any, chat: ChatFormat, pairs: Sequence[tuple[list[int], str]]) -> Any:
    """A copy of the model that knows the answers by heart."""
    from copy import deepcopy

    model = deepcopy(model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rows = [(asked, chat.answer_ids(text)) for asked, text in pairs]
    for _ in range(50):
        loss = torch.stack(
            [
                model(torch.tensor([[*asked, *answer]]), labels=torch.tensor([[-100] * len(asked) + answer])).loss
                for asked, answer in rows
            ]
        ).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def test_a_model_that_has_learned_answers_what_it_learned(model: Any, chat: ChatFormat) -> None:
    _, prompts = batch(chat, "semantic", 1)
    generator = np.random.default_rng(0)
    layouts = [short(Layout.of("semantic", 1, keyframe), 11) for keyframe in (0, 1, 0)]
    texts = [layout.filled([int(generator.integers(len(each))) for each in layout.options]) for layout in layouts]
    templates = [Template.of(layout, chat) for layout in layouts]
    knowing = learned(model, chat, list(zip(prompts, texts, strict=True)))
    answers: dict[Mode, list[Decoded]] = {}
    for mode in ("free", "template", "drafted"):
        answers[mode] = decode(knowing, templates, prompts, mode)
        assert [each.text for each in answers[mode]] == texts
        assert [each.ids for each in answers[mode]] == [each.ids for each in answers["free"]]
    for free, plain, drafted in zip(answers["free"], answers["template"], answers["drafted"], strict=True):
        assert free.passes == len(free.ids) + 1
        assert drafted.passes < plain.passes / 2 < free.passes / 2
    assert knowing.training


def test_free_answers_may_be_anything(model: Any, chat: ChatFormat) -> None:
    templates, prompts = batch(chat, "semantic", 1)
    for each in decode(model, templates, prompts, "free", limit=7):
        assert len(each.ids) <= 7
        assert each.passes == min(len(each.ids) + 1, 7)
        assert not parse_answer(each.text).valid


def test_free_answers_are_greedy_whatever_the_models_settings(model: Any, chat: ChatFormat) -> None:
    from copy import deepcopy

    templates, prompts = batch(chat, "semantic", 1)
    other = deepcopy(model)
    other.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=3.0)
    expected, found = (decode(each, templates, prompts, "free", limit=12) for each in (model, other))
    assert [each.ids for each in found] == [each.ids for each in expected]


def test_adapters_are_decoded_without_dropout_and_left_in_training(model: Any, chat: ChatFormat) -> None:
    from copy import deepcopy

    from kfzoo.language_models.loading import add_lora, lora_config

    wrapped = add_lora(deepcopy(model), lora_config(dropout=0.5))
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    wrapped.train()
    templates, prompts = batch(chat, "non_semantic", 1)
    found = decode(wrapped, templates, prompts)
    assert wrapped.training
    assert decode(wrapped, templates, prompts, "template") != found  # passes
    assert [each.ids for each in decode(wrapped, templates, prompts, "template")] == [each.ids for each in found]
    assert [each.ids for each in found] != [each.ids for each in decode(model, templates, prompts)]
    assert found[0].text == slowly(wrapped.eval(), chat, Layout.of("non_semantic", 1, 0), prompts[0])


def test_llamas_are_decoded_too(chat: ChatFormat) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(chat.tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    llama = LlamaForCausalLM(config).eval()  # type: ignore[no-untyped-call]
    templates, prompts = batch(chat, "non_semantic", 1)
    found = decode(llama, templates, prompts)
    for keyframe, each in enumerate(found[:2]):
        assert each.text == slowly(llama, chat, Layout.of("non_semantic", 1, keyframe), prompts[keyframe])


def test_models_that_forget_are_refused(model: Any, chat: ChatFormat) -> None:
    from copy import deepcopy

    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=len(chat.tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, head_dim=16, sliding_window=32,
    )  # fmt: skip
    templates, prompts = batch(chat, "non_semantic", 1)
    with pytest.raises(
        InputError, match=r"^model 'mistral': has layers that do not attend to the whole text .*; decode"
    ):
        decode(MistralForCausalLM(config), templates, prompts)
    broken = deepcopy(model)
    broken.model.norm.weight.data.fill_(torch.nan)
    with pytest.raises(InputError, match=r"^model: its logits are no finite numbers; its weights may be damaged"):
        decode(broken, templates, prompts)


def test_an_unknown_way_is_refused_and_nothing_is_nothing(model: Any) -> None:
    with pytest.raises(InputError, match=r"^decoding: is 'beam', expected one of drafted, template, free"):
        decode(model, [], [], "beam")  # type: ignore[arg-type]
    assert decode(model, [], []) == []


def test_a_row_is_not_touched_by_what_another_drops(model: Any) -> None:
    # One row takes nothing of three passes, then all: what it is told is as if those had not been.
    with answering(model):
        lockstep = Lockstep(model, 2)
        lockstep.feed([[1, 2, 3], [4]], [0])
        lockstep.keep([3, 1])
        for _ in range(3):
            lockstep.feed([[5, 6], [7, 8, 9]], [0])
            lockstep.keep([2, 0])
        found = lockstep.feed([[1], [7, 8, 9]], [0, 2])
        expected = model(torch.tensor([[4, 7, 8, 9]])).logits[0, [1, 3]]
    torch.testing.assert_close(found[1], expected, rtol=1e-4, atol=1e-4)
    assert lockstep.passes == 5
