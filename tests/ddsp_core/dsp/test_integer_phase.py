"""Phase in whole numbers against extended precision and float64."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dsp.compiled import plain_kernels
from ddsp_core.dsp.harmonic_sum import phase_cycles


def glides(n_frames):
    rng = np.random.default_rng(0)
    return rng.uniform(30, 8000, [2, n_frames]).astype(np.float32)


@pytest.mark.parametrize(("rate", "hop"), [(16000, 64), (44100, 441), (48000, 192)])
def test_it_is_exact_after_a_minute(rate, hop):
    f0_hz = glides(60 * rate // hop)
    with plain_kernels():
        cycles, _ = phase_cycles(tf.constant(f0_hz), hop, rate)
    ends = np.concatenate([f0_hz, f0_hz[:, -1:]], 1).astype(np.longdouble)
    start, step = ends[:, :-1], np.diff(ends)
    advance = start * hop + step * (hop - 1) / 2
    before = np.cumsum(advance, 1)[:, -2] / rate
    n = np.arange(hop)
    last = start[:, -1:] * (n + 1) + step[:, -1:] * n * (n + 1) / (2 * hop)
    error = np.asarray(cycles)[:, -1] - (before[:, np.newaxis] + last / rate)
    assert np.max(np.abs(error - np.round(error))) < 1e-7


def test_values_and_gradients_are_those_of_float64():
    x = tf.constant(glides(50))
    upstream = np.random.default_rng(1).normal(size=[2, 50, 64]).astype(np.float32)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            cycles, first_silent = phase_cycles(x, 64, 16000)
            total = tf.reduce_sum(cycles * upstream)
        return cycles, first_silent, tape.gradient(total, x)

    with plain_kernels():
        cycles, first_silent, gradient = run()
    expected = run()
    error = np.asarray(cycles - expected[0])
    np.testing.assert_allclose(error - np.round(error), 0.0, atol=1e-7)
    np.testing.assert_allclose(first_silent, expected[1], rtol=1e-5)
    np.testing.assert_allclose(gradient, expected[2], rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_summed_in_float64():
    x = tf.constant(glides(5))
    for hop, rate, start in ((64, 16000, 0.25), (10000, 16000, 0.0), (64, 0.5, 0.0)):
        usual, _ = phase_cycles(x, hop, rate, start)
        with plain_kernels():
            plain, _ = phase_cycles(x, hop, rate, start)
        np.testing.assert_array_equal(plain, usual)
