import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from ddsp_core.dsp import filters
from ddsp_core.errors import ShapeError, UsageError

RNG = np.random.default_rng(0)
AUDIO = RNG.normal(size=(2, 1000)).astype(np.float32)


def test_one_response_is_a_convolution():
    response = RNG.normal(size=(2, 77)).astype(np.float32)
    got = filters.fft_convolve(AUDIO, response, "valid", delay_compensation=0)
    expected = [np.convolve(a, r) for a, r in zip(AUDIO, response, strict=True)]
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_changing_responses_are_convolutions_of_frames_added_up():
    responses = RNG.normal(size=(2, 10, 33)).astype(np.float32)
    expected = np.zeros([2, 1032])
    for i in range(2):
        for k in range(10):
            part = np.convolve(AUDIO[i, 100 * k : 100 * (k + 1)], responses[i, k])
            expected[i, 100 * k : 100 * k + len(part)] += part
    got = filters.fft_convolve(AUDIO, responses, "valid", delay_compensation=0)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_one_response_for_a_batch_is_that_for_each_with_its_gradient():
    response = tf.constant(RNG.normal(size=(1, 77)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(response)
        shared = filters.fft_convolve(AUDIO, response)
        each = filters.fft_convolve(AUDIO, tf.tile(response, [2, 1]))
        losses = [tf.reduce_sum(y**2) for y in (shared, each)]
    np.testing.assert_allclose(shared, each, atol=1e-5)
    gradients = [tape.gradient(loss, response) for loss in losses]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-2)


def test_a_result_of_just_the_right_length_is_kept():
    got = filters.crop_and_compensate_delay(AUDIO[:, :464], 400, 65, "valid", 0)
    np.testing.assert_array_equal(got, AUDIO[:, :464])
    assert (
        filters.crop_and_compensate_delay(AUDIO, 990, 65, "valid", 9).shape[1] == 1054
    )


def test_batches_frames_and_padding_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="batch 2 and impulse responses of batch 3"):
        filters.fft_convolve(AUDIO, np.zeros([3, 10, 100]))
    with pytest.raises(ShapeError, match="900 impulse responses for 1000 samples"):
        filters.fft_convolve(AUDIO, np.zeros([2, 900, 100]))
    with pytest.raises(UsageError, match="'full'"):
        filters.fft_convolve(AUDIO, np.zeros([2, 10]), padding="full")


@pytest.mark.parametrize("window_size", [0, 65, 257])
def test_a_response_has_the_magnitudes_it_was_made_of(window_size):
    frequencies = np.linspace(0, 1, 129)
    magnitudes = np.exp(-(((frequencies - 0.3) / 0.2) ** 2)).astype(np.float32)
    response = filters.frequency_impulse_response(magnitudes[np.newaxis], window_size)
    _, got = scipy.signal.freqz(response.numpy()[0], worN=np.pi * frequencies)
    np.testing.assert_allclose(np.abs(got), magnitudes, atol=0.04)


def test_a_filter_of_ones_changes_nothing_but_the_compensated_delay():
    got = filters.frequency_filter(AUDIO, np.ones([2, 10, 65], np.float32))
    # The reference compensates two samples less than the delay of its filters.
    correlation = [
        np.vdot(AUDIO[:, 50:900], got[:, 50 + d : 900 + d]) for d in range(4)
    ]
    assert np.argmax(correlation) == 2
    np.testing.assert_allclose(got[:, 52:902], AUDIO[:, 50:900], atol=1e-5)


def test_low_and_high_pass_are_complementary_sincs():
    low = filters.sinc_impulse_response(np.full([1, 1, 1], 2000.0), 256, 16000)
    high = filters.sinc_impulse_response(np.full([1, 1, 1], 0.25), 256, high_pass=True)
    impulse = np.zeros(257)
    impulse[128] = 1.0
    np.testing.assert_allclose((low + high)[0, 0], impulse, atol=1e-6)
    expected = scipy.signal.firwin(257, 0.25, window=("hamming"))
    # TensorFlow's window of odd length is the symmetric one, as scipy's here.
    np.testing.assert_allclose(low[0, 0], expected, atol=2e-4)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 257])
def test_the_window_is_that_of_tensorflow(size):
    expected = tf.signal.hann_window(size)
    np.testing.assert_allclose(filters._hann(size), expected, atol=1e-6)


@pytest.mark.parametrize("frame,ir", [(1000, 257), (64, 1), (64, 128), (3, 2)])
def test_the_transform_holds_the_whole_convolution(frame, ir):
    for power_of_2 in (True, False):
        size = filters.get_fft_size(frame, ir, power_of_2)
        assert frame + ir - 1 <= size < 2 * (frame + ir)


@pytest.mark.parametrize("high_pass", [False, True])
def test_one_cutoff_as_a_number_is_one_filter(high_pass):
    one = np.full([1, 1, 1], 0.3, np.float32)
    expected = filters.sinc_filter(AUDIO, one, 65, high_pass=high_pass)
    got = filters.sinc_filter(AUDIO, 0.3, 65, high_pass=high_pass)
    np.testing.assert_array_equal(got, expected)
    assert filters.sinc_impulse_response(0.3, 65).shape == (1, 1, 65)
