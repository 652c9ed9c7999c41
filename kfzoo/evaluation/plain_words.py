"""The board of plain words: held-out sentences of everyday English, and how many of them a model's faces follow."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe, Script, fingerprint
from kfzoo.data.sources.everyday import EverydayDescriptions
from kfzoo.data.sources.everyday.drawing import actor_of
from kfzoo.data.sources.everyday.instruction import KINDS, LEAST_SHARE, Instruction
from kfzoo.data.sources.everyday.leading import leading
from kfzoo.data.statistics import coefficients_of
from kfzoo.evaluation.scores import Score
from kfzoo.metrics.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.metrics.instruction_accuracy import followed

RESAMPLES = 1000


@dataclass(frozen=True)
class PlainWordsReport:
    """How well a model's faces follow the sentences.

    Attributes:
        scores: `instruction_accuracy`, of all sentences; `instruction_accuracy/<kind>`; and `mse`. Each with the 95 %
            interval of a bootstrap over the lexicon's entries, as sentences of one entry are alike.
        recall: Share of a channel's sentences whose face moves it, see `channel_recall`; None without such sentences.
        invalid: Sentences without a valid answer; they are not followed, whatever they ask for.
    """

    scores: Mapping[str, Score]
    recall: Mapping[str, float | None]
    invalid: int = 0


class PlainWords:
    """Sentences of `EverydayDescriptions`' test part, in wordings that training never shows.

    Models read the sentence alone, as `generate "words"` gives it: no background, no emotion.

    Args:
        count: Number of sentences, the first of the part.
        seed: Of the source.

    Attributes:
        asked: What each sentence asks for.
        scripts: The sentences with their faces.

    Raises:
        InputError: For a negative seed.
    """

    def __init__(self, count: int = 2000, seed: int = 0) -> None:
        self.count, self.seed = count, seed
        source = EverydayDescriptions(2**31, seed)
        numbers = list(_test_numbers(count))
        self.asked: list[Instruction] = [source.instruction(number) for number in numbers]
        self.scripts: list[Script] = [source.script(number) for number in numbers]

    @cached_property
    def targets(self) -> Tensor:
        """The true faces, (N, 61)."""
        return coefficients_of([Sample(script, 0, "original") for script in self.scripts])

    @cached_property
    def digest(self) -> str:
        """sha256 of the sentences, their faces and what they ask for."""
        text = "\n".join((fingerprint(self.scripts), *map(repr, self.asked)))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def kinds(self) -> dict[str, int]:
        """Number of sentences of each kind."""
        found = Counter(each.kind for each in self.asked)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    @cached_property
    def graded(self) -> list[int]:
        """Places of the sentences that have a weaker variant."""
        return [place for place, each in enumerate(self.asked) if each.weaker]

    def samples(self) -> list[Sample]:
        """Returns the sentences as a model reads them."""
        return [_sample(script, each.text) for script, each in zip(self.scripts, self.asked, strict=True)]

    def weaker_samples(self) -> list[Sample]:
        """Returns the weaker variants of the graded sentences.

        They have the names of the sentences, so that models that draw by chance draw the same for both.
        """
        return [_sample(self.scripts[place], self.asked[place].weaker) for place in self.graded]

    def score(self, faces: Tensor, weaker: Tensor, valid: Tensor | None = None) -> PlainWordsReport:
        """Scores a model's answers.

        Args:
            faces: To `samples`, (N, 61).
            weaker: To `weaker_samples`, (G, 61).
            valid: Which sentences have a valid answer, (N,) bool; None for all of them.

        Raises:
            ValueError: For shapes that do not fit.
        """
        compared = torch.zeros_like(faces)
        compared[self.graded] = weaker
        good = followed(faces, self.asked, compared)
        answered = torch.ones_like(good) if valid is None else valid
        columns = {
            "instruction_accuracy": (good & answered).double().numpy(),
            "mse": (faces.double() - self.targets).square().mean(-1).numpy(),
        }
        labels = np.array([each.kind for each in self.asked])
        scores = self._scores(columns, np.ones(len(labels), dtype=np.bool_))
        accuracy = {"instruction_accuracy": columns["instruction_accuracy"]}
        for kind in self.kinds:
            (found,) = self._scores(accuracy, labels == kind).values()
            scores[f"instruction_accuracy/{kind}"] = found
        answers = torch.where(answered[:, None], faces, 0.0).numpy()
        recall = channel_recall(answers, self.targets.numpy(), self.asked)
        return PlainWordsReport(scores, recall, int((~answered).sum()))

    def truth(self) -> PlainWordsReport:
        """Scores the true faces: the most that a model can reach.

        The weaker variants have no true faces; a face at rest stands for each.
        """
        return self.score(self.targets, torch.zeros(len(self.graded), len(CHANNELS)))

    @cached_property
    def channels(self) -> dict[str, int]:
        """Number of sentences in which each channel's recall is measured."""
        counts = _measured(self.targets.numpy(), self.asked).sum(axis=0)
        return dict(zip(CHANNELS, counts.tolist(), strict=True))

    def _scores(self, columns: Mapping[str, NDArray[np.float64]], inside: NDArray[np.bool_]) -> dict[str, Score]:
        values = np.stack(list(columns.values()), axis=1)[inside]
        draws = ScriptBootstrap(self._entries[inside], RESAMPLES, seed=0).means(values)
        return {
            name: Score(float(column.mean()), percentile_interval(drawn))
            for name, column, drawn in zip(columns, values.T, draws.T, strict=True)
        }

    @cached_property
    def _entries(self) -> NDArray[np.str_]:
        """First entry of each sentence, or its own name where it says none."""
        pairs = zip(self.scripts, self.asked, strict=True)
        return np.array([each.entries[0] if each.entries else str(script.id) for script, each in pairs])


def channel_recall(faces: ArrayLike, targets: ArrayLike, asked: Sequence[Instruction]) -> dict[str, float | None]:
    """Of the sentences in which a channel moves most: the share whose face moves it at least half as far as it should.

    Sentences that leave it open which side moves are left out.

    Args:
        faces: Answers, (N, 61).
        targets: True faces, (N, 61).
        asked: What the sentences ask for, N.

    Returns:
        By channel; None for a channel that leads in no sentence.
    """
    true = np.asarray(targets, dtype=np.float64)
    measured = _measured(true, asked)
    reached = np.asarray(faces) * np.sign(true) >= LEAST_SHARE * np.abs(true)
    counts, hits = measured.sum(axis=0).tolist(), (measured & reached).sum(axis=0).tolist()
    return {name: hit / count if count else None for name, hit, count in zip(CHANNELS, hits, counts, strict=True)}


def leading_counts(samples: Sequence[Sample]) -> dict[str, int]:
    """Counts the sentences in which each channel moves most.

    Args:
        samples: Keyframes with their faces.
    """
    counts = leading(coefficients_of(samples).numpy()).sum(axis=0).tolist()
    return dict(zip(CHANNELS, counts, strict=True))


def _measured(targets: NDArray[np.floating], asked: Sequence[Instruction]) -> NDArray[np.bool_]:
    is_open = np.array([each.dominant == "either" for each in asked])
    found: NDArray[np.bool_] = leading(targets) & ~is_open[:, None]
    return found


def _test_numbers(count: int) -> Iterator[int]:
    number = found = 0
    while found < count:
        if actor_of(number).part == "test":
            found += 1
            yield number
        number += 1


def _sample(script: Script, text: str) -> Sample:
    keyframe = Keyframe(index=0, time=1.0, original=text)
    return Sample(Script(id=script.id, subject="", background="", emotion="", keyframes=(keyframe,)), 0, "original")
