from __future__ import annotations

import random

import numpy as np
import pytest

from kfzoo.arkit.mirror import mirror, mirror_text
from kfzoo.data.batch import Sample
from kfzoo.data.keyframe_augmentation import KeyframeAugmentation
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.script import Annotation
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError


def sample(annotation: Annotation = "arkit") -> Sample:
    script = next(script for script in BuiltinScripts(40) if len(script.keyframes) > 1)
    return Sample(script, 1, annotation)


@pytest.mark.parametrize("annotation", ["arkit", "image", "original"])
def test_chances_of_zero_change_nothing(annotation: Annotation) -> None:
    given = sample(annotation)
    version = KeyframeAugmentation()(given, random.Random(0))
    assert (version.id, version.description) == (given.id, given.description)
    np.testing.assert_array_equal(version.keyframe.coefficients, given.keyframe.coefficients)


def test_a_face_is_described_in_other_words_and_stays_the_same_face() -> None:
    given = sample()
    versions = {KeyframeAugmentation(described=1)(given, random.Random(seed)).description for seed in range(8)}
    assert len(versions) == 8
    version = KeyframeAugmentation(described=1)(given, random.Random(0))
    np.testing.assert_array_equal(version.keyframe.coefficients, given.keyframe.coefficients)
    assert version.script.keyframes[0] is given.script.keyframes[0]


def test_an_intent_is_never_described_by_rule() -> None:
    given = sample("original")
    assert KeyframeAugmentation(described=1)(given, random.Random(0)).description == given.description


@pytest.mark.parametrize("annotation", ["arkit", "image", "original"])
def test_words_and_face_are_mirrored_together(annotation: Annotation) -> None:
    given = sample(annotation)
    version = KeyframeAugmentation(mirror=1)(given, random.Random(0))
    assert version.description == mirror_text(given.description)
    assert given.keyframe.coefficients is not None
    np.testing.assert_array_equal(version.keyframe.coefficients, mirror(given.keyframe.coefficients))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"mirror: expected a probability"):
        KeyframeAugmentation(mirror=1.5)
    with pytest.raises(InputError, match="whole_scripts"):
        KeyframeDataModule(BuiltinScripts(3), whole_scripts=True, augmentation=KeyframeAugmentation())


def test_the_loader_draws_by_seed_and_epoch() -> None:
    def texts(epoch: int) -> list[str]:
        data = KeyframeDataModule(BuiltinScripts(42), batch_size=4, augmentation=KeyframeAugmentation(described=1))
        loader = data.train_dataloader()
        loader.epoch_sampler.set_epoch(epoch)
        return [text for batch in loader for text in batch.descriptions]

    assert texts(0) == texts(0)
    assert not set(texts(0)) & set(texts(1))
