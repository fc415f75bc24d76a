import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import core

AUDIO = np.random.default_rng(0).normal(size=[2, 200]).astype(np.float32)


@given(st.integers(0, 16))
def test_a_constant_delay_shifts(delay):
    phase = np.full([2, 200, 1], delay / 16)
    got = core.variable_length_delay(phase, AUDIO, max_length=16)
    expected = np.pad(AUDIO, [[0, 0], [delay, 0]])[:, :200]
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_between_two_samples_it_is_linear_up_to_the_longest():
    phase = np.random.default_rng(1).uniform(size=[2, 200])
    phase[:, ::4] = np.linspace(31 / 32, 1, 50)  # the last sample of the range
    place = np.arange(200) - phase.astype(np.float32) * 32.0
    times = np.arange(-40, 200)
    padded = np.pad(AUDIO, [[0, 0], [40, 0]])
    expected = [np.interp(p, times, row) for p, row in zip(place, padded, strict=True)]
    got = core.variable_length_delay(phase, AUDIO, max_length=32)
    np.testing.assert_allclose(got, expected, atol=1e-5)
