import numpy as np
import tensorflow as tf

from ddsp_core.dsp.oscillators import (
    angular_cumsum,
    harmonic_synthesis,
    normalize_harmonics,
    oscillator_bank,
    remove_above_nyquist,
)
from tests import signal_truth as truth


def test_phase_of_a_long_tone_is_exact():
    n = 60 * 16000
    omega = 2 * np.pi * 4321.0 / 16000
    phase = angular_cumsum(np.full([1, n, 1], omega)).numpy()[0, :, 0]
    expected = np.arange(1, n + 1, dtype=np.longdouble) * omega
    error = (phase - expected + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(error).max() < 1e-4  # radians


def test_oscillators_are_sines():
    time = np.arange(1, 8001) / 16000
    frequencies = np.broadcast_to([440.0, 3000.0, 9000.0], [1, 8000, 3])
    got = oscillator_bank(frequencies, np.full([1, 8000, 3], 0.5))
    expected = 0.5 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 3000 * time))
    assert truth.snr_db(got[0], expected) > 70  # the frequencies come in as float32


def test_the_distribution_sums_to_one_below_nyquist():
    weights = np.ones([1, 3, 10], np.float32)
    f0_hz = np.float32([100.0, 1000.0, 8000.0]).reshape(1, 3, 1)
    shares = normalize_harmonics(tf.constant(weights), f0_hz, 16000).numpy()[0]
    np.testing.assert_allclose(shares.sum(-1), [1.0, 1.0, 0.0], rtol=1e-6)
    assert (shares[1, 7:] == 0).all()


def test_nyquist_itself_is_above_nyquist():
    got = remove_above_nyquist([[[7999.0, 8000.0]]], [[[1.0, 1.0]]])
    assert got.numpy().tolist() == [[[1.0, 0.0]]]


def test_the_general_path_agrees_with_the_fast_one():
    rng = np.random.default_rng(0)
    f0_hz = rng.uniform(200, 250, [2, 25, 1]).astype(np.float32)
    amplitudes = rng.uniform(0, 1, [2, 25, 1]).astype(np.float32)
    shares = rng.uniform(0, 0.1, [2, 25, 20]).astype(np.float32)
    fast = harmonic_synthesis(f0_hz, amplitudes, None, shares, 1600)
    shifts = np.zeros([2, 25, 20], np.float32)  # makes it take the general path
    general = harmonic_synthesis(f0_hz, amplitudes, shifts, shares, 1600)
    assert truth.snr_db(general, fast) > 70


def test_shifted_harmonics_move():
    f0_hz, amplitudes = np.full([1, 10, 1], 400.0), np.ones([1, 10, 1])
    shifts = np.full([1, 10, 1], 0.5)
    shifted = harmonic_synthesis(f0_hz, amplitudes, shifts, None, 1600)
    plain = harmonic_synthesis(f0_hz * 1.5, amplitudes, None, None, 1600)
    np.testing.assert_allclose(shifted, plain, atol=1e-4)
