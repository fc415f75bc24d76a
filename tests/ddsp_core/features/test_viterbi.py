"""The banded Viterbi against one that tries every transition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core.features.viterbi import viterbi

N_BINS = 360


def log_model():
    """CREPE's hidden Markov model, written out in full."""
    i = np.arange(N_BINS)
    transition = np.maximum(12 - np.abs(i[:, None] - i[None]), 0).astype(float)
    transition /= transition.sum(axis=1, keepdims=True)
    emission = np.full((N_BINS, N_BINS), 0.9 / N_BINS) + 0.1 * np.eye(N_BINS)
    with np.errstate(divide="ignore"):
        return np.log(transition), np.log(emission)


def log_probability(path, observed):
    transition, emission = log_model()
    return (
        -np.log(N_BINS)
        + emission[path, observed].sum()
        + transition[path[:-1], path[1:]].sum()
    )


def brute_force(observed):
    transition, emission = log_model()
    score, back = emission[:, observed[0]], []
    for one in observed[1:]:
        total = score[:, None] + transition
        back.append(total.argmax(axis=0))
        score = total.max(axis=0) + emission[:, one]
    path = [int(score.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1])


def melodies():
    rng = np.random.default_rng(0)
    notes = np.repeat(rng.integers(0, N_BINS, 12), 15)
    drifting = np.cumsum(rng.integers(-3, 4, 200)) + 180
    octaves = notes + np.where(rng.random(len(notes)) < 0.1, 60, 0)
    return {
        "notes": notes,
        "drift": drifting.clip(0, N_BINS - 1),
        "octave errors": octaves.clip(0, N_BINS - 1),
        "noise": rng.integers(0, N_BINS, 150),
        "lowest": rng.integers(0, 15, 100),
        "highest": rng.integers(N_BINS - 15, N_BINS, 100),
        "one frame": np.array([359]),
        "two frames": np.array([0, 359]),
    }


@pytest.mark.parametrize("name", melodies())
def test_the_path_is_as_likely_as_that_of_a_full_search(name):
    observed = melodies()[name]
    got, expected = viterbi(observed), brute_force(observed)
    # Equally likely paths exist, so likelihoods are compared, not bins.
    assert log_probability(got, observed) == pytest.approx(
        log_probability(expected, observed), rel=1e-12
    )


def test_unambiguous_paths_are_the_same_bin_by_bin():
    observed = melodies()["notes"]
    held = np.repeat(observed[::15], 15) == observed
    assert held.all()
    slow = np.clip(np.repeat(np.arange(100, 160, 4), 20), 0, N_BINS - 1)
    np.testing.assert_array_equal(viterbi(slow), brute_force(slow))


def test_no_step_is_wider_than_the_band():
    path = viterbi(melodies()["noise"])
    assert np.abs(np.diff(path)).max() <= 11


def test_no_frames_have_an_empty_path():
    assert viterbi(np.zeros(0, int)).shape == (0,)


@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_a_path_forgets_where_it_began(seed, begin):
    """Notes with stray observations, 50 frames/s: a second later all is equal."""
    rng = np.random.default_rng(seed)
    observed = np.repeat(rng.integers(80, 140, 40), 25) + rng.integers(-1, 2, 1000)
    stray = rng.random(1000) < 0.1
    observed[stray] = rng.integers(0, 360, stray.sum())
    whole, late = viterbi(observed), viterbi(observed[begin:])
    np.testing.assert_array_equal(late[50:], whole[begin + 50 :])
