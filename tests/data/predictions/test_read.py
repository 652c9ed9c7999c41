from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kfzoo.arkit.channels import INDEX
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.read import in_order_of_requests, read_predictions
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from tests.data.predictions.expected import faults, samples
from tests.real_data import KEYFRAMEFACE, SEMANTICFACE, needs_real_data


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: does not exist"):
        read_predictions(tmp_path / "none.jsonl", samples())


@needs_real_data
class TestReleased:
    def expected(self, folder: Path) -> list[Sample]:
        path = folder / "example.jsonl"
        scripts = ChatJsonl(path)
        every = [Sample(script, at, "original") for script in scripts for at in range(len(script.keyframes))]
        return in_order_of_requests(path, every)

    def test_keyframeface(self) -> None:
        asked = self.expected(KEYFRAMEFACE)
        found = read_predictions(KEYFRAMEFACE / "example_result.jsonl", asked)
        assert found.faults == ()
        assert found.matched == {"order": 2}
        # The release holds the same faces as CSV, two frames one second apart.
        take = KEYFRAMEFACE / "example_result.csv"
        np.testing.assert_array_equal(found.coefficients, read_take(take).coefficients)
        np.testing.assert_array_equal(found.coefficients, read_predictions(take, asked).coefficients)

    def test_semanticface(self) -> None:
        path = SEMANTICFACE / "example_result.jsonl"
        found = read_predictions(path, self.expected(SEMANTICFACE))
        assert found.valid.tolist() == [True] * 4 + [False] * 4
        assert found.matched == {"request": 4}
        assert faults(found, path) == [
            "example_result.jsonl: has no answer to 4 of the 8 keyframes: 'example-0005#0', 'example-0006#0', "
            "'example-0007#0', …"
        ]
        assert found.coefficients[2, INDEX["EyeBlinkLeft"]] == np.float32(0.7)
