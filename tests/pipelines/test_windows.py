"""`Starts` is a tuple of numbers, only smaller."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.windows import Starts

ASCENDING = st.lists(st.integers(0, 10_000), unique=True).map(sorted)


@given(ASCENDING, st.integers(-30, 30), st.integers(-30, 30))
def test_it_answers_as_a_tuple_does(values, low, high):
    starts, plain = Starts(values), tuple(values)
    assert [*starts] == values and len(starts) == len(values) and starts == plain
    assert starts[low:high] == plain[low:high]
    assert [starts[k] for k in range(-len(plain), len(plain))] == [*plain, *plain]
    assert pickle.loads(pickle.dumps(starts)) == starts
    assert hash(Starts(values)) == hash(starts)


def test_ten_hours_of_windows_travel_in_a_few_bytes():
    assert len(pickle.dumps(Starts(range(0, 9_000_000, 250)))) < 200


def test_there_is_nothing_beyond_the_end():
    with pytest.raises(IndexError):
        Starts([1, 2])[2]
