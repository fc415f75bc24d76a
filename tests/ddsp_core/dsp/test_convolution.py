"""Convolution by transforms against direct sums in float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.dsp.compiled import plain_kernels
from ddsp_core.dsp.convolution import convolve_frames, frame_by_blocks, overlap_and_add

RNG = np.random.default_rng(0)


def drawn(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("n_batch", [1, 3])
def test_values_and_gradients_are_those_of_direct_sums(n_batch):
    frames, responses = drawn(3, 4, 20), drawn(n_batch, 4, 9)
    upstream = drawn(3, 4, 32)
    x = [tf.constant(frames), tf.constant(responses)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        audio = convolve_frames(*x, 32)
        total = tf.reduce_sum(audio * upstream)
    got = tape.gradient(total, x)
    d_frames, d_responses = np.zeros([3, 4, 20]), np.zeros([3, 4, 9])
    for b, f in np.ndindex(3, 4):
        response = responses[b % n_batch, f].astype(np.float64)
        frame, up = frames[b, f].astype(np.float64), upstream[b, f].astype(np.float64)
        np.testing.assert_allclose(
            audio[b, f, :28], np.convolve(frame, response), atol=1e-5
        )
        d_frames[b, f] = np.correlate(up[:28], response, "valid")
        d_responses[b, f] = np.correlate(up[:28], frame, "valid")
    if n_batch == 1:
        d_responses = d_responses.sum(0, keepdims=True)
    np.testing.assert_allclose(got[0], d_frames, atol=1e-4)
    np.testing.assert_allclose(got[1], d_responses, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    n_frames=st.integers(1, 6), frame_size=st.integers(1, 40), hop=st.integers(1, 12)
)
def test_frames_are_added_where_they_start(n_frames, frame_size, hop):
    frames = drawn(2, n_frames, frame_size)
    n_samples = (n_frames - 1) * hop + frame_size
    expected = np.zeros([2, n_samples])
    for i in range(n_frames):
        expected[:, i * hop : i * hop + frame_size] += frames[:, i]
    got = overlap_and_add(tf.constant(frames), hop).numpy()
    np.testing.assert_allclose(got[:, :n_samples], expected, atol=1e-5)
    assert not got[:, n_samples:].any()


@settings(max_examples=30, deadline=None)
@given(n_frames=st.integers(1, 6), n_blocks=st.integers(1, 5), hop=st.integers(1, 12))
def test_framing_is_the_adjoint_of_adding(n_frames, n_blocks, hop):
    frames = tf.constant(drawn(2, n_frames, n_blocks * hop))
    upstream = tf.constant(drawn(2, (n_frames + n_blocks - 1) * hop))
    with tf.GradientTape() as tape:
        tape.watch(frames)
        inner = tf.reduce_sum(overlap_and_add(frames, hop) * upstream)
    framed = frame_by_blocks(upstream, n_frames, hop)
    np.testing.assert_allclose(inner, tf.reduce_sum(frames * framed), rtol=1e-3)
    np.testing.assert_array_equal(tape.gradient(inner, frames), framed)


@pytest.mark.parametrize("n_batch", [1, 3])
def test_a_graph_of_unknown_batches_has_the_same_gradients(n_batch):
    x = [tf.constant(drawn(3, 4, 20)), tf.constant(drawn(n_batch, 4, 9))]
    upstream = drawn(3, 4, 32)

    def gradients(frames, responses):
        total = tf.reduce_sum(convolve_frames(frames, responses, 32) * upstream)
        return tf.gradients(total, [frames, responses])

    shapes = [tf.TensorSpec([None, *v.shape[1:]]) for v in x]
    unknown = tf.function(gradients, input_signature=shapes)
    for got, wanted in zip(unknown(*x), tf.function(gradients)(*x), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("fft_size", [28, 31, 32])
def test_without_an_inverse_transform_it_is_the_same(fft_size):
    frames, responses = drawn(3, 4, 20), drawn(3, 4, 9)
    usual = convolve_frames(frames, responses, fft_size)
    with plain_kernels():
        plain = convolve_frames(frames, responses, fft_size)
    np.testing.assert_allclose(plain, usual, atol=1e-5)
