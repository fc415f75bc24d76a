"""Leaps of the path against activations of which the truth is known."""

from __future__ import annotations

import numpy as np

from ddsp_core.features.leaps import at_once
from ddsp_core.features.viterbi import viterbi

N_BINS = 360


def peaks(bins, strength=0.9):
    """Activations with a peak at the bin of each frame."""
    distance = np.arange(N_BINS) - np.asarray(bins)[:, None]
    return (strength * np.exp(-0.5 * (distance / 1.3) ** 2)).astype(np.float32)


def decoded(activations):
    observed = activations.argmax(axis=1)
    path = viterbi(observed)
    return path, at_once(path, observed, activations, np.arange(len(path)))


def test_a_leap_of_a_twelfth_has_no_frame_between():
    truth = np.repeat([100, 195], 30)
    path, fixed = decoded(peaks(truth))
    assert np.count_nonzero(path != truth) == 8  # 95 bins at 11 a frame
    np.testing.assert_array_equal(fixed, truth)


def test_the_jump_lies_where_the_evidence_changes_sides():
    rng = np.random.default_rng(0)
    truth = np.repeat([100, 160], [30, 40])
    activations = peaks(truth) + rng.uniform(0, 0.3, (70, N_BINS)).astype(np.float32)
    assert np.abs(decoded(activations)[1] - truth).max() <= 1


def test_a_note_that_comes_out_of_noise_is_heard_from_its_first_frame():
    strayed = []
    for chance in (80, 220):  # where noise dwells before the note
        noise = np.full(20, chance)
        activations = np.concatenate([peaks(noise, 0.2), peaks(np.full(40, 150))])
        path, fixed = decoded(activations)
        strayed.append(np.abs(path[20:] - 150).max())
        np.testing.assert_array_equal(fixed[20:], 150)
    assert max(strayed) > 11


def test_a_short_octave_error_is_still_passed_over():
    heard = np.full(60, 150)
    heard[30:34] += 60
    np.testing.assert_array_equal(decoded(peaks(heard))[1], np.full(60, 150))


def test_a_glide_that_sounds_stays_a_glide():
    truth = np.concatenate([np.full(20, 100), np.arange(100, 200, 5), np.full(20, 200)])
    path, fixed = decoded(peaks(truth))
    np.testing.assert_array_equal(fixed, path)
    assert np.abs(fixed - truth).max() <= 1


def test_rows_stand_for_frames():
    heard = np.repeat([100, 195], 30)
    rows = np.repeat(np.arange(0, 60, 2), 2)
    activations = peaks(heard)
    observed = heard[rows]
    path = viterbi(observed)
    got = at_once(path, observed, activations, rows)
    np.testing.assert_array_equal(got, heard[rows])
