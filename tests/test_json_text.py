from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.json_text import as_number, decode_json

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(ANY_JSON)
def test_what_python_writes_is_read(value: object) -> None:
    assert decode_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "its nesting is too deep"),
        ('{"a":' * 100_000, "its nesting is too deep"),
        ("9" * 100_000, "it holds a whole number of 100000 digits"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "key 'b' occurs twice"),
        ("{", "Expecting property name"),
    ],
)
def test_faults_are_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        decode_json(text)
    assert "\n" not in str(caught.value)


def test_many_names_with_one_repeated_take_linear_time() -> None:
    text = json.dumps({str(number): 0 for number in range(100_000)})[:-1] + ', "99999": 1}'
    start = time.process_time()
    with pytest.raises(ValueError, match="key '99999' occurs twice"):
        decode_json(text)
    assert time.process_time() - start < 5  # Counting each name in all of them took minutes.


@pytest.mark.parametrize("value", [True, None, "1", [1], math.inf, -math.inf, math.nan, 10**400])
def test_what_is_no_finite_number(value: object) -> None:
    assert math.isnan(as_number(value))
    assert as_number(3) == 3
