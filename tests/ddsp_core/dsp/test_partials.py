import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import core

RNG = np.random.default_rng(0)


@given(st.integers(1, 20), st.floats(50, 900))
def test_there_and_back_is_the_same_sound(n_harmonics, f0):
    f0_hz = np.full([1, 2, 1], f0, np.float32)
    level = RNG.uniform(0.1, 1, [1, 2, 1]).astype(np.float32)
    shares = RNG.uniform(0.1, 1, [1, 2, n_harmonics]).astype(np.float32)
    amps, freqs = core.harmonic_to_sinusoidal(level, shares, f0_hz)
    np.testing.assert_allclose(amps.numpy().sum(-1), level[..., 0], rtol=1e-5)
    assert (amps.numpy()[freqs.numpy() >= 8000] == 0).all()
    got_level, got_shares = core.sinusoidal_to_harmonic(
        amps, freqs, f0_hz, n_harmonics=n_harmonics
    )
    np.testing.assert_allclose(got_level, level, rtol=1e-4)
    np.testing.assert_allclose(got_shares, amps / level, atol=1e-4)


def test_a_sinusoid_counts_by_its_distance_from_the_harmonic():
    amps, freqs = np.ones([1, 1, 1]), np.full([1, 1, 1], 415.0)
    level, shares = core.sinusoidal_to_harmonic(
        amps, freqs, np.full([1, 1, 1], 400.0), harmonic_width=0.05, n_harmonics=3
    )
    weight = np.exp(-((15 / 400 / 0.05) ** 2))
    assert float(level[0, 0, 0]) == pytest.approx(weight, rel=1e-4)
    np.testing.assert_allclose(shares[0, 0], [1, 0, 0], atol=1e-6)


def test_normalised_weights_never_amplify():
    amps, freqs = np.ones([1, 1, 4]), np.full([1, 1, 4], 400.0)
    f0_hz = np.full([1, 1, 1], 400.0)
    plain, _ = core.sinusoidal_to_harmonic(amps, freqs, f0_hz)
    shared, _ = core.sinusoidal_to_harmonic(amps, freqs, f0_hz, normalize=True)
    assert float(plain[0, 0, 0]) == pytest.approx(4.0, rel=1e-5)
    assert float(shared[0, 0, 0]) == pytest.approx(1.0, rel=1e-5)


def test_one_level_may_be_a_number():
    shares, f0_hz = RNG.uniform(size=[1, 4, 3]), np.full([1, 4, 1], 3000.0)
    amps, _ = core.harmonic_to_sinusoidal(10.0, shares, f0_hz)
    np.testing.assert_allclose(amps.numpy().sum(-1), 10.0, rtol=1e-6)
    assert (amps.numpy()[..., 2] == 0).all()
