from __future__ import annotations

import itertools
from collections import Counter

import pytest

from kfzoo.data.script import fingerprint
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.everyday import EverydayDescriptions
from kfzoo.data.sources.mixture import Mixture
from kfzoo.errors import InputError


def test_every_script_of_every_source_comes_once_under_an_id_of_its_own() -> None:
    sources = [BuiltinScripts(21), EverydayDescriptions(42), BuiltinScripts(21)]
    mixed = list(Mixture(list(sources)))
    assert len({script.id for script in mixed}) == len(mixed) == len(Mixture(list(sources))) == 84
    for place, source in enumerate(sources):
        own = [script for script in mixed if script.id.startswith(f"{place}-")]
        wanted = list(source)
        assert [script.id for script in own] == [f"{place}-{script.id}" for script in wanted]
        assert [script.part for script in own] == [script.part for script in wanted]


def test_weights_decide_the_proportions_and_the_seed_the_order() -> None:
    def mixture(seed: int) -> Mixture:
        return Mixture([BuiltinScripts(10**9), EverydayDescriptions(10**9)], weights=[1, 3], n=600, seed=seed)

    counts = Counter(script.id[0] for script in mixture(0))
    assert counts["1"] / 600 == pytest.approx(0.75, abs=0.05)
    few = [fingerprint(itertools.islice(mixture(seed), 20)) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert len(mixture(0)) == 600


def test_a_source_that_has_run_out_is_drawn_no_more() -> None:
    mixed = list(Mixture([BuiltinScripts(2), EverydayDescriptions(30)], weights=[9, 1], n=40))
    assert Counter(script.id[0] for script in mixed) == {"0": 2, "1": 30}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": []}, "data.source.sources: expected at least 1 source, found none"),
        ({"weights": [1.0]}, "data.source.weights: expected 2 weights, one for each source, found 1"),
        ({"weights": [1.0, 0.0]}, "data.source.weights: expected positive numbers, found 0.0"),
        ({"n": 0}, "data.source.n: expected at least 1 script, found 0"),
        ({"seed": -1}, "data.source.seed: expected 0 or more, found -1"),
    ],
)
def test_bad_arguments_name_their_key(arguments: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"sources": [BuiltinScripts(1), BuiltinScripts(1)]}
    with pytest.raises(InputError) as error:
        Mixture(**(good | arguments))  # type: ignore[arg-type]
    assert str(error.value).startswith(message)
