"""The tree's loss and gradients are those of separate sequences; shared prefixes are forwarded once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from kfzoo.errors import InputError
from kfzoo.language_models.labels import Example, Tokens
from kfzoo.language_models.prefix_tree import Tree
from kfzoo.language_models.shared_prefix_loss import plain_loss, tree_loss
from tests.language_models.helpers import sliding_mistral, tiny_llama, token_counts

PAD = 0


def qwen3(specification: str, attention: str = "sdpa") -> Any:
    folder = specification.removeprefix("huggingface:")
    model: nn.Module = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    return model.train()


def naive_loss(model: Any, examples: list[Example]) -> Tensor:
    """One sequence at a time, without padding, cache, or choice of logits."""
    total, count = torch.zeros(()), 0
    for example in examples:
        prompt = [token for part in example.prefix for token in part]
        sequence = torch.tensor([*prompt, *example.answer])
        logits = model(input_ids=sequence[None], use_cache=False).logits[0]
        total = total + cross_entropy(logits[len(prompt) - 1 : -1], sequence[len(prompt) :], reduction="sum")
        count += len(example.answer)
    return total / count


def words(seed: int, length: int) -> tuple[int, ...]:
    return tuple(torch.randint(1, 97, (length,), generator=torch.Generator().manual_seed(seed)).tolist())


SYSTEM = words(0, 19)


def scripts(*lengths: int, system: bool = True, keyframes: int = 3) -> list[Example]:
    """As for the generator: system | script | instruction, of unequal lengths, and an answer to each."""
    first = (SYSTEM,) if system else ()
    return [
        Example((*first, words(10 + script, length), words(100 + each, 2 + each)), words(7 * script, 5 + each))
        for script, length in enumerate(lengths)
        for each in range(keyframes)
    ]


BATCHES = {
    "many scripts": scripts(9, 4, 13),
    "one script": scripts(8),
    "a keyframe a script": scripts(5, 11, keyframes=1),
    "no system part": scripts(6, 3, system=False),
    "one example": scripts(4, keyframes=1),
    "nothing shared": [Example((words(1, 3),), words(2, 4)), Example((words(3, 8),), words(4, 1))],
    "with and without system": [*scripts(7, 5), *scripts(4, 6, system=False)],
    "unequal depth": [*scripts(7, 5), Example((SYSTEM, words(50, 3)), words(51, 4)), Example((SYSTEM,), words(52, 2))],
    "repeated": [*scripts(6, 4), *scripts(6, 4)[1:3], scripts(6, 4)[1]],
    "answers to one prompt": [Example((SYSTEM, words(1, 4)), words(seed, 3 + seed)) for seed in range(3)],
    "answers that differ in the last token": [Example((SYSTEM, words(1, 4)), (5, 6, last)) for last in (7, 8)],
    "a part is the beginning of another": [Example((SYSTEM, words(1, 4)), (3,)), Example((SYSTEM[:5], SYSTEM), (4,))],
}


def gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


def assert_same(model: nn.Module, found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    ours, theirs = gradients(model, found), gradients(model, expected)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("rows", [None, 1, 2])
def test_the_tree_has_the_gradients_of_separate_sequences(
    name: str, attention: str, rows: int | None, tiny_qwen3: str
) -> None:
    model = qwen3(tiny_qwen3, attention)
    assert_same(model, tree_loss(model, BATCHES[name], PAD, rows), naive_loss(model, BATCHES[name]))


@pytest.mark.parametrize("name", BATCHES)
def test_so_have_a_llama_and_the_plain_loss(name: str, tiny_qwen3: str) -> None:
    model = tiny_llama(97)
    assert_same(model, tree_loss(model, BATCHES[name], PAD), naive_loss(model, BATCHES[name]))
    model = qwen3(tiny_qwen3)
    assert_same(model, plain_loss(model, BATCHES[name], PAD), naive_loss(model, BATCHES[name]))


part = st.lists(st.integers(1, 3), max_size=4).map(tuple)
prompt = st.lists(part, min_size=1, max_size=4).map(tuple).filter(any)
example = st.builds(Example, prompt, st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple))


@settings(max_examples=60, deadline=None)
@given(st.lists(example, min_size=1, max_size=7), st.integers(1, 4))
def test_any_texts_in_any_parts_give_the_same(examples: list[Example], rows: int) -> None:
    model = tiny_llama(97)
    assert_same(model, tree_loss(model, examples, PAD, rows), naive_loss(model, examples))


def test_an_adapter_has_the_same_gradients(tiny_qwen3: str) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    settings = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    model: Any = get_peft_model(qwen3(tiny_qwen3), settings)
    examples = scripts(9, 4, 13)
    assert_same(model, tree_loss(model, examples, PAD, 2), naive_loss(model, examples))
    assert_same(model, plain_loss(model, examples, PAD), naive_loss(model, examples))
    assert all("lora" in name for name in gradients(model, tree_loss(model, examples, PAD)))


def test_the_loss_may_be_scaled_and_accumulated(tiny_qwen3: str) -> None:
    model = qwen3(tiny_qwen3)
    whole = gradients(model, naive_loss(model, scripts(6)) / 2 + naive_loss(model, scripts(3, 5)) / 4)
    model.zero_grad()
    (tree_loss(model, scripts(6), PAD) / 2).backward()  # type: ignore[no-untyped-call]
    (tree_loss(model, scripts(3, 5), PAD) / 4).backward()  # type: ignore[no-untyped-call]
    for name, each in model.named_parameters():
        torch.testing.assert_close(each.grad, whole[name], rtol=1e-5, atol=1e-5)


def test_without_gradients_the_loss_is_the_same(tiny_qwen3: str) -> None:
    model = qwen3(tiny_qwen3)
    with torch.no_grad():
        loss = tree_loss(model, scripts(9, 4), PAD)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, naive_loss(model, scripts(9, 4)).detach(), rtol=1e-5, atol=1e-5)
    frozen = model.requires_grad_(False)
    torch.testing.assert_close(tree_loss(frozen, scripts(9, 4), PAD), loss)


@contextmanager
def passes(model: nn.Module) -> Iterator[list[tuple[int, int, int]]]:
    """Collects rows, width, and number of tokens without padding of each forward pass."""
    found: list[tuple[int, int, int]] = []

    def watch(_: nn.Module, __: Any, given: dict[str, Any]) -> None:
        rows, width = given["input_ids"].shape
        found.append((rows, width, int(given["attention_mask"][:, -width:].sum())))

    hook = model.register_forward_pre_hook(watch, with_kwargs=True)
    yield found
    hook.remove()


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("rows", [None, 1])
def test_the_model_forwards_as_many_tokens_as_are_counted(name: str, rows: int | None) -> None:
    model, examples = tiny_llama(97), BATCHES[name]
    shared, separate = token_counts(examples)
    with passes(model) as seen:
        tree_loss(model, examples, PAD, rows)
    assert sum(tokens for _, _, tokens in seen) == shared
    with passes(model) as seen:
        plain_loss(model, examples, PAD)
    assert sum(tokens for _, _, tokens in seen) == separate


def test_each_shared_part_is_forwarded_once() -> None:
    model = tiny_llama(97)
    answers = sum(2 + keyframe + 5 + keyframe - 1 for keyframe in range(3))
    counts = token_counts(scripts(9, 4))
    assert counts == (19 + 9 + 4 + 2 * answers, 6 * 19 + 3 * (9 + 4) + 2 * answers)
    with passes(model) as seen:
        tree_loss(model, scripts(9, 4), PAD)
    assert [(rows, width) for rows, width, _ in seen] == [(1, 19), (2, 9), (6, 4 + 7 - 1)]


def test_a_level_without_branches_is_joined_with_the_next() -> None:
    one = Tree.of(scripts(8)).levels
    assert [len(level.tokens) for level in one] == [1, 3]
    assert one[0].tokens[0] == SYSTEM + words(10, 8)
    (all_in_one,) = Tree.of(scripts(4, keyframes=1)).levels
    assert all_in_one.tokens == (scripts(4, keyframes=1)[0].inputs,)


def test_repeated_examples_are_one_leaf_with_a_count() -> None:
    first, second, third = scripts(6)
    tree = Tree.of([first, second, first, third, first])
    assert tree.levels[-1].counts == (3, 1, 1)
    assert [level.tokens for level in tree.levels] == [level.tokens for level in Tree.of(scripts(6)).levels]
    assert tree == Tree.of([first, second, first, third, first])


def test_logits_are_computed_for_labels_only() -> None:
    model = tiny_llama(97)
    heights: list[int] = []
    model.lm_head.register_forward_hook(lambda _, __, logits: heights.append(logits.numel() // 97))
    tree_loss(model, BATCHES["many scripts"], PAD)
    assert heights == [0, 0, 3 * (5 + 6 + 7)]


def test_gradient_checkpointing_is_refused(tiny_qwen3: str) -> None:
    model = qwen3(tiny_qwen3)
    model.activation_checkpointing_enable()
    message = "^gradient_checkpointing: is on, and would drop the shared prompt; expected off; .* separate sequences$"
    with pytest.raises(InputError, match=message):
        tree_loss(model, scripts(6), PAD)
    assert_same(model, plain_loss(model, scripts(6), PAD), naive_loss(model, scripts(6)))
    model.eval()  # Nothing is checkpointed here, and the cache is kept.
    torch.testing.assert_close(tree_loss(model, scripts(6), PAD), naive_loss(model, scripts(6)), rtol=1e-5, atol=1e-5)


def test_sliding_windows_are_refused() -> None:
    message = "^model of type mistral: has layers that do not keep their whole past; .*; train on separate sequences$"
    with pytest.raises(InputError, match=message):
        tree_loss(sliding_mistral(97), scripts(6), PAD)


def test_an_empty_batch_or_example_is_refused() -> None:
    cases: list[tuple[tuple[Tokens, ...], Tokens]] = [((), (1,)), (((), (1,)), ())]
    for prompt, answer in cases:
        with pytest.raises(ValueError, match="at least one token of prompt and one of answer"):
            Example(prompt, answer)
    with pytest.raises(ValueError, match="at least one example"):
        tree_loss(tiny_llama(97), [], PAD)
