"""Convolution in chunks against scipy's of the whole."""

import itertools

import numpy as np
import scipy.signal

from ddsp_core.transfer.convolution import StreamingConvolution


def test_chunks_of_any_length_give_the_whole():
    rng = np.random.default_rng(0)
    audio, response = rng.normal(size=5000), rng.normal(size=700)
    stream = StreamingConvolution(response)
    cuts = [0, 1, 2, 900, 1000, 3500, 3500, 4999, 5000]
    parts = [stream(audio[a:b]) for a, b in itertools.pairwise(cuts)]
    whole = scipy.signal.fftconvolve(audio, response)[:5000]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_a_single_tap_is_a_gain():
    audio = np.arange(10.0)
    np.testing.assert_allclose(
        StreamingConvolution(np.array([0.5]))(audio), audio / 2, atol=1e-6
    )
