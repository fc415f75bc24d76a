import librosa
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import core

RNG = np.random.default_rng(0)
FUNCTIONS = [
    core.frequencies_softmax,
    core.frequencies_sigmoid,
    core.frequencies_critical_bands,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_depth_may_be_an_axis_or_a_part_of_the_last(function):
    deep = RNG.normal(size=[2, 5, 3, 4]).astype(np.float32)
    flat = deep.reshape(2, 5, 12)
    np.testing.assert_array_equal(function(deep), function(flat, depth=4))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_unknown_batch_and_time_pass_through_a_graph(function):
    signature = [tf.TensorSpec([None, None, 6])]
    call = tf.function(lambda x: function(x, depth=2), input_signature=signature)
    assert call(tf.zeros([2, 5, 6])).shape == [2, 5, 3]


@given(st.floats(-50, 50), st.floats(21, 500), st.floats(600, 20000))
def test_softmax_stays_in_range_and_is_a_pitch(x, low, high):
    freqs = np.array([[[x, 0.0, -x]]], np.float32)
    got = float(core.frequencies_softmax(freqs, 3, low, high)[0, 0, 0])
    weights = np.exp(freqs[0, 0] - np.abs(x))
    unit = np.sum(weights * [0, 0.5, 1]) / weights.sum()
    lowest, highest = np.log2([low, high])
    expected = 2 ** (lowest + (highest - lowest) * unit)
    assert got == pytest.approx(expected, rel=1e-4)


def test_sigmoid_parts_fill_the_range():
    ends = [core.frequencies_sigmoid(np.full([1, 1, 3], s), 3) for s in (-50, 50)]
    # Zero is MIDI pitch 0 here: 8.18 Hz in each of the three parts.
    np.testing.assert_allclose(ends[0], 3 * librosa.midi_to_hz(0), rtol=1e-4)
    np.testing.assert_allclose(ends[1], 8000, rtol=1e-4)


def test_critical_bands_are_centred_on_their_scale():
    mel = core.frequencies_critical_bands(np.zeros([1, 1, 9]), scale="mel")[0, 0]
    lowest, highest = librosa.hz_to_mel([20.0, 8000.0], htk=True)
    centres = librosa.mel_to_hz(np.linspace(lowest, highest, 9), htk=True)
    # All lie hz_min higher; the soft limits press on the outermost alone.
    np.testing.assert_allclose(mel[1:-1], centres[1:-1] + 20, rtol=1e-4)


def test_a_band_deviates_by_its_bandwidth():
    freqs = np.full([1, 1, 9], 50.0)
    still = core.frequencies_critical_bands(0 * freqs).numpy()[0, 0]
    moved = core.frequencies_critical_bands(freqs, bandwidth_scale=2.0).numpy()[0, 0]
    bandwidth = 0.108 * (still - 20) + 24.7
    np.testing.assert_allclose(
        moved[1:-1] - still[1:-1], 2 * bandwidth[1:-1], rtol=1e-3
    )
