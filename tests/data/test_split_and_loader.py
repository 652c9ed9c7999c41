from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.datamodule import KeyframeDataModule
from kfzoo.data.loader import ResumableLoader, evaluation_loader
from kfzoo.data.script import PARTS, Keyframe, Script, fingerprint
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.data.split import Split, digest
from kfzoo.errors import InputError


def scripts(groups: int, each: int = 2) -> list[Script]:
    keyframe = Keyframe(0, 0.0, arkit="A smile.", coefficients=np.zeros(61, np.float32))
    return [
        Script(f"clip{group}/{number}", f"S{group}", "", "joy" if group % 2 else "grief", (keyframe,))
        for group in range(groups)
        for number in range(each)
    ]


def samples(count: int) -> list[Sample]:
    return [Sample(script, 0, "arkit") for script in scripts(count, each=1)]


def ids(batches: Sequence[KeyframeBatch]) -> list[list[str]]:
    return [batch.ids for batch in batches]


@example(groups=4, val=0.375, test=0.375, seed=0, by="subject")  # 1.5 and 1.5 of 4 must leave one for training
@given(
    st.integers(3, 30),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 99),
    st.sampled_from(["subject", "recording"]),
)
def test_parts_are_disjoint_whole_groups_and_depend_on_the_seed_alone(
    groups: int, val: float, test: float, seed: int, by: str
) -> None:
    found = scripts(groups)
    split = Split(by=by, val=val, test=test, seed=seed)  # type: ignore[arg-type]
    parts = split.assign(found)
    by_group: dict[str, set[str]] = {}
    for script, part in zip(found, parts, strict=True):
        by_group.setdefault(script.recording, set()).add(part)
    assert all(len(seen) == 1 for seen in by_group.values())
    assert set(parts) == set(PARTS)
    assert parts == split.assign(found)
    assert digest(found, parts) == digest(found[::-1], parts[::-1])


def test_named_groups_go_where_they_are_named() -> None:
    found = scripts(5)
    parts = Split(by="recording", val=["clip3"], test=["clip0", "clip1"]).assign(found)
    assert parts == ["test"] * 4 + ["train"] * 2 + ["val"] * 2 + ["train"] * 2


def test_a_stratified_split_shows_every_emotion_in_every_part() -> None:
    found = scripts(40)
    parts = Split(by="recording", val=0.1, test=0.2, stratify=True).assign(found)
    for part, share in (("val", 0.1), ("test", 0.2)):
        chosen = [script.emotion for script, its in zip(found, parts, strict=True) if its == part]
        assert chosen.count("joy") == chosen.count("grief") == 40 * share


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            Split(by="recording", test=["clip9"]),
            "data.split.test: 'clip9' is no recording of this data; known: clip0, clip1, clip2",
        ),
        (Split(by="recording", val=["clip1"], test=["clip1"]), "data.split.val: 'clip1' is named in two parts"),
        (Split(by="recording", val=1.5), "data.split.val: expected a share between 0 and 1 or names, found 1.5"),
        (
            Split(by="source"),
            "data.split.by: 'source' needs parts that the source assigns, and script 'clip0/0' has none",
        ),
        (
            Split(by="recording", val=["clip0"], test=["clip1", "clip2"]),
            "data.split: the train part is empty (6 scripts in 3 groups by recording)",
        ),
    ],
)
def test_a_split_that_cannot_be_is_told(split: Split, message: str) -> None:
    with pytest.raises(InputError) as caught:
        split.assign(scripts(3))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("stop", [0, 1, 3, 7])
def test_a_loader_goes_on_with_the_batch_that_was_next(stop: int) -> None:
    def loader() -> ResumableLoader:
        return ResumableLoader(samples(50), collate, batch_size=7, seed=3)

    def epochs(each: ResumableLoader, first: int, last: int) -> list[list[str]]:
        found = []
        for epoch in range(first, last):
            each.epoch_sampler.set_epoch(epoch)
            found += ids(list(each))
        return found

    whole = epochs(loader(), 0, 3)
    interrupted = loader()
    epochs(interrupted, 0, 1)
    interrupted.epoch_sampler.set_epoch(1)
    iterator = iter(interrupted)
    for _ in range(stop):
        next(iterator)
    state = interrupted.state_dict()

    resumed = loader()
    resumed.load_state_dict(state)
    assert epochs(resumed, 1, 3) == whole[8 + stop :]


def test_epochs_differ_and_hold_every_sample_once() -> None:
    loader = ResumableLoader(samples(50), collate, batch_size=7, seed=3)
    epochs = []
    for epoch in range(2):
        loader.epoch_sampler.set_epoch(epoch)
        epochs.append([name for batch in ids(list(loader)) for name in batch])
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(sample.id for sample in samples(50))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_shows_each_sample_to_one_process(world: int) -> None:
    seen = [
        name
        for rank in range(world)
        for batch in evaluation_loader(samples(10), collate, batch_size=4, rank=rank, world_size=world)
        for name in batch.ids
    ]
    assert sorted(seen) == sorted(sample.id for sample in samples(10))


def test_statistics_come_from_the_training_part_alone() -> None:
    data = KeyframeDataModule(BuiltinScripts(63))
    train = np.stack([sample.keyframe.coefficients for sample in data.samples("train")])  # type: ignore[misc]
    np.testing.assert_allclose(data.statistics.mean, train.mean(0), atol=1e-6)
    np.testing.assert_allclose(data.statistics.std, train.std(0), atol=1e-6)
    subjects = [{sample.script.subject for sample in data.samples(part)} for part in PARTS]
    assert sum(map(len, subjects)) == len(set().union(*subjects)) == 21


def test_evaluation_takes_batches_of_its_own_size() -> None:
    data = KeyframeDataModule(BuiltinScripts(63), batch_size=1, evaluation_batch_size=7, predict="val")
    assert len(next(iter(data.train_dataloader()))) == 1
    for loader in (data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()):
        assert len(next(iter(loader))) == 7
    assert len(next(iter(KeyframeDataModule(BuiltinScripts(63), batch_size=3).test_dataloader()))) == 3
    with pytest.raises(InputError, match=r"^data.evaluation_batch_size: expected at least 1, found 0$"):
        KeyframeDataModule(BuiltinScripts(63), evaluation_batch_size=0)


def test_the_fingerprint_follows_the_content_not_its_place(tmp_path: Path) -> None:
    made = list(BuiltinScripts(8))
    write_scripts(tmp_path / "a.jsonl", made)
    assert fingerprint(ScriptsJsonl(str(tmp_path / "a.jsonl"))) == fingerprint(made)
    assert fingerprint(made[:-1]) != fingerprint(made)


def test_a_batch_without_truth_says_whose_is_missing() -> None:
    known, unknown = samples(2)
    unknown = Sample(Script("x", "", "", "", (Keyframe(0, 0.0, arkit="A frown."),)), 0, "arkit")
    batch = collate([known, unknown])
    assert batch.coefficients is None
    with pytest.raises(ValueError, match="keyframe 'x#0' has no coefficients"):
        _ = batch.targets
    assert torch.equal(collate([known]).targets, torch.zeros(1, 61))


def test_data_without_truth_is_refused_where_truth_is_needed() -> None:
    class Untold(BuiltinScripts):
        def script(self, number: int) -> Script:
            made = super().script(number)
            keyframes = tuple(Keyframe(k.index, k.time, arkit=k.arkit) for k in made.keyframes)
            return Script(made.id, made.subject, made.background, made.emotion, keyframes, made.part)

    data = KeyframeDataModule(Untold(42))
    with pytest.raises(InputError, match="has no coefficients; only `predict` works on data without truth"):
        _ = data.statistics
