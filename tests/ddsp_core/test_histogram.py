"""Integer histograms against numpy on the values themselves."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ddsp_core.errors import DatasetError
from ddsp_core.histogram import STEPS_PER_UNIT, Histogram

BIN = 1 / STEPS_PER_UNIT
values = arrays(
    np.float64, st.integers(1, 200), elements=st.floats(-130, 130, allow_nan=False)
)


@given(values, st.integers(0, 2**32 - 1))
def test_merging_is_exact_in_any_order_and_grouping(x, seed):
    rng = random.Random(seed)
    cuts = sorted(rng.randrange(len(x) + 1) for _ in range(3))
    parts = [Histogram.of(part) for part in np.split(x, cuts)]
    rng.shuffle(parts)
    nested = Histogram.merge([Histogram.merge(parts[:2]), Histogram.merge(parts[2:])])
    assert nested.to_json() == Histogram.of(x).to_json()


@given(values, st.floats(0, 1))
def test_quantiles_and_moments_are_within_a_bin_of_numpys(x, q):
    histogram = Histogram.of(x)
    assert histogram.n == len(x)
    assert abs(histogram.quantile(q) - np.quantile(x, q)) <= BIN
    assert abs(histogram.mean() - x.mean()) <= BIN
    assert abs(histogram.std() - x.std()) <= BIN


@given(values, st.floats(-150, 150))
def test_the_cdf_is_numpys_share_with_ties_counted_half(x, at):
    bins, k = np.rint(x * STEPS_PER_UNIT), np.rint(at * STEPS_PER_UNIT)
    share = (np.mean(bins < k) + np.mean(bins <= k)) / 2
    assert Histogram.of(x).cdf(np.array([at])) == pytest.approx([share])


@given(values)
def test_a_histogram_survives_json(x):
    histogram = Histogram.of(x)
    assert Histogram.from_json(histogram.to_json()) == histogram


def test_what_is_not_finite_is_not_counted():
    histogram = Histogram.of(np.array([1.0, np.nan, np.inf, -np.inf]))
    assert histogram.counts == {100: 1}


def test_an_empty_histogram_says_nan():
    empty = Histogram.of(np.zeros(0))
    assert np.isnan([empty.mean(), empty.std(), empty.quantile(0.5)]).all()
    assert np.isnan(empty.cdf(np.zeros(2))).all()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"bins": [1]},
        {"bins": [1, 2], "counts": [1]},
        {"bins": [1, 1], "counts": [1, 1]},
        {"bins": [1], "counts": [-3]},
        {"bins": ["a"], "counts": [1]},
    ],
)
def test_a_damaged_histogram_is_refused_by_the_name_of_its_file(data):
    with pytest.raises(DatasetError, match=r"statistics\.json: not a histogram"):
        Histogram.from_json(data, "statistics.json")
