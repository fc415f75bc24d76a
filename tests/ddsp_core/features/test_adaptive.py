"""f0 of some frames against f0 of all of them."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ddsp_core.features.adaptive import AGREE_CENTS, AdaptiveTrack
from ddsp_core.features.f0 import FIRST_BIN_CENTS, f0_and_confidence
from ddsp_core.features.options import Decoder

N_BINS = 360


def activations_of(cents, confidence=0.9):
    """What a network that errs never would say, [n_frames, 360] float32."""
    place = (np.asarray(cents) - FIRST_BIN_CENTS) / 20
    distance = np.arange(N_BINS) - place[:, None]
    peaks = np.exp(-0.5 * (distance / 1.3) ** 2)
    scale = np.broadcast_to(confidence, len(place)) / peaks.max(axis=1)
    return (peaks * scale[:, None]).astype(np.float32)


def track(activations, first_frame=0, step=4, decoder=Decoder.VITERBI):
    """Return f0 in cents, confidence, and which frames were evaluated."""
    one = AdaptiveTrack(len(activations), first_frame, step, decoder)
    heard = np.zeros(len(activations), int)
    while len(frames := one.wanted()):
        heard[frames] += 1
        one.add(frames, activations[frames])
    assert heard.max() == 1  # nothing is evaluated twice
    f0_hz, confidence = one.result()
    return 1200 * np.log2(f0_hz / 10), confidence, heard.astype(bool)


def melody(seed, n_notes=12):
    """Notes of random lengths with vibrato, and rests in which chance is heard."""
    rng = np.random.default_rng(seed)
    cents, confidence = [], []
    for _ in range(n_notes):
        n = int(rng.integers(20, 90))
        is_rest = rng.random() < 0.2
        pitch = rng.uniform(4500, 6000)
        vibrato = 20 * np.sin(2 * np.pi * 6 * np.arange(n) / 250 + rng.uniform(0, 6))
        cents.append(rng.uniform(2000, 9100, n) if is_rest else pitch + vibrato)
        confidence.append(rng.uniform(0, 0.25 if is_rest else 0.1, n))
        confidence[-1] += 0.0 if is_rest else 0.7
    return np.concatenate(cents), np.concatenate(confidence)


def test_a_steady_note_is_heard_at_every_fourth_frame_only():
    cents, confidence, heard = track(activations_of(np.full(401, 5000.0)))
    np.testing.assert_array_equal(np.flatnonzero(heard), np.arange(0, 401, 4))
    np.testing.assert_allclose(cents, 5000, atol=0.5)
    np.testing.assert_allclose(confidence, 0.9, atol=1e-6)


def test_frames_are_counted_from_the_recording_s_start():
    _, _, heard = track(activations_of(np.full(101, 5000.0)), first_frame=4750)
    np.testing.assert_array_equal(np.flatnonzero(heard)[1:-1], np.arange(2, 99, 4))


def test_log_f0_between_two_frames_is_on_the_line_between_them():
    truth = 5000 + 3.0 * np.arange(81)  # 750 cents a second
    cents, _, heard = track(activations_of(truth))
    assert heard.sum() == 21
    known = np.flatnonzero(heard)
    line = np.interp(np.arange(81), known, cents[known])
    np.testing.assert_allclose(cents, line, atol=1e-3)


def test_a_jump_has_no_glide_and_lies_on_its_frame():
    truth = np.repeat([5000.0, 6900.0, 5700.0], [43, 50, 60])
    cents, _, heard = track(activations_of(truth))
    assert np.abs(cents - truth).max() < 1
    assert heard[[42, 43, 92, 93]].all()
    assert heard.sum() < 60


def test_confidence_between_is_the_lower_neighbour_s():
    confidence = np.linspace(0.6, 0.9, 41)
    _, got, heard = track(activations_of(np.full(41, 5000.0), confidence))
    known = np.flatnonzero(heard)
    lower = confidence[known[np.searchsorted(known, np.arange(41), side="right") - 1]]
    np.testing.assert_allclose(got, lower, atol=1e-6)


def test_where_pitch_begins_to_sound_is_known_to_the_frame():
    confidence = np.where(np.arange(200) < 101, 0.1, 0.9)
    _, got, _ = track(activations_of(np.full(200, 5000.0), confidence))
    np.testing.assert_array_equal(got >= 0.5, confidence >= 0.5)


def test_noise_is_not_heard_more_often_and_never_fills_with_glides():
    rng = np.random.default_rng(0)
    cents, _, heard = track(activations_of(rng.uniform(2000, 9000, 400), 0.2))
    assert heard.sum() == 101
    known = np.flatnonzero(heard)
    values = np.round(cents[known], 3)
    nearest = np.abs(np.arange(400)[:, None] - known).argmin(axis=1)
    is_held = np.isclose(cents, values[nearest], atol=0.01)
    gaps = np.abs(np.diff(cents[known]))[np.searchsorted(known, np.arange(1, 399)) - 1]
    assert (is_held[1:-1] | (gaps <= AGREE_CENTS)).all()


@hypothesis.given(st.integers(0, 10_000), st.integers(2, 8), st.integers(0, 7))
def test_a_melody_is_that_of_all_frames(seed, step, first_frame):
    truth, confidence = melody(seed)
    activations = activations_of(truth, confidence)
    every, sure, heard = track(activations, first_frame, 1)
    assert heard.all()
    some, some_sure, _ = track(activations, first_frame, step)
    sounds = sure >= 0.5
    np.testing.assert_array_equal(some_sure >= 0.5, sounds)
    assert (np.abs(some - every)[sounds] > 50).mean() < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_every_frame_in_magenta_s_decoding_is_as_it_was(seed):
    activations = activations_of(*melody(seed))
    one = AdaptiveTrack(len(activations), 0, 1, Decoder.MAGENTA)
    one.add(one.wanted(), activations)
    assert not len(one.wanted())
    for got, expected in zip(one.result(), f0_and_confidence(activations), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_argmax_takes_each_frame_on_its_own():
    heard_cents = np.full(80, 5000.0)
    heard_cents[40:44] += 1200
    cents, _, _ = track(activations_of(heard_cents), decoder=Decoder.ARGMAX)
    assert np.abs(cents - heard_cents).max() < 1
    cents, _, _ = track(activations_of(heard_cents))
    assert np.abs(cents - 5000).max() < 5


def test_one_frame_is_a_track_too():
    cents, confidence, heard = track(activations_of([5000.0]), first_frame=3)
    assert heard.tolist() == [True]
    assert cents[0] == pytest.approx(5000, abs=0.5) and confidence[0] > 0.5
