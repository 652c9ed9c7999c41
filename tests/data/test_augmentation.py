from __future__ import annotations

import random
import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.data.augmentation import SYNONYMS, augment_text, perturb
from kfzoo.data.script import Script
from kfzoo.data.sources.builtin import BuiltinScripts


def words_of(scripts: list[Script]) -> set[str]:
    texts = [text for s in scripts for text in (s.background, s.emotion)]
    texts += [text for s in scripts for k in s.keyframes for text in (k.original, k.arkit, k.image)]
    return {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}


def test_no_synonym_is_a_word_of_test_scripts_alone() -> None:
    scripts = list(BuiltinScripts(1500, seed=3))
    held_out = words_of([s for s in scripts if s.part == "test"]) - words_of([s for s in scripts if s.part != "test"])
    synonyms = {word for row in SYNONYMS for phrase in row for word in phrase.split()}
    assert len(held_out) > 100
    assert not held_out & synonyms


def test_each_synonym_is_in_one_row() -> None:
    counts = Counter(word for row in SYNONYMS for word in row)
    assert max(counts.values()) == 1


@given(st.text("abc .,", max_size=60), st.integers(0, 99))
def test_words_are_only_moved_or_replaced(text: str, seed: int) -> None:
    changed = augment_text(text, random.Random(seed), synonyms=0)
    assert sorted(changed.split()) == sorted(text.split())
    assert changed == augment_text(text, random.Random(seed), synonyms=0)


def test_a_synonym_keeps_its_punctuation() -> None:
    text = "The brows are raised, and the gaze is lowered."
    changed = augment_text(text, random.Random(1), synonyms=1, swaps=0)
    assert "lifted," in changed
    assert set(changed.split()) - set(text.split())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_perturbation_adds_to_a_share_of_the_channels(share: float) -> None:
    weights = torch.rand(400, 51)
    added = perturb(weights, share, 0.2, torch.Generator().manual_seed(0)) - weights
    assert added.min() >= -1e-6
    assert added.max() <= 0.2 + 1e-6
    assert (added > 1e-6).float().mean().item() == pytest.approx(share, abs=0.02)
