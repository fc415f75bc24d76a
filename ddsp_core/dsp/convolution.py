"""Convolution by transforms, with gradients that are transforms as well."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from ddsp_core.dsp.compiled import wants_plain

MAX_BLOCKS: Final = 16  # more shifted additions than that cost more than one scatter


@tf.custom_gradient
def convolve_frames(
    frames: tf.Tensor, responses: tf.Tensor, fft_size: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Convolve every frame with its response, circularly.

    The gradient of a circular convolution is a circular correlation, so that three
    transforms give it. (TensorFlow's own goes through complex transforms.)

    Args:
        frames: [batch, n_frames, frame_size].
        responses: [batch or 1, n_frames, ir_size].
        fft_size: Scalar; frame_size + ir_size - 1 or more, for a convolution that does
            not wrap around.

    Returns:
        [batch, n_frames, fft_size].
    """
    size = [fft_size]
    spectrum = tf.signal.rfft(frames, size)
    transfer = tf.signal.rfft(responses, size)

    def grad(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
        upstream = tf.signal.rfft(upstream, size)
        d_frames = tf.signal.irfft(upstream * tf.math.conj(transfer), size)
        correlation = upstream * tf.math.conj(spectrum)
        if responses.shape[0] == 1:
            correlation = tf.reduce_sum(correlation, 0, keepdims=True)
        elif responses.shape[0] is None:
            correlation = _sum_like(correlation, responses)
        d_responses = tf.signal.irfft(correlation, size)
        return (
            d_frames[..., : tf.shape(frames)[-1]],
            d_responses[..., : tf.shape(responses)[-1]],
            None,
        )

    if wants_plain():
        return _inverse(spectrum, transfer, int(tf.get_static_value(fft_size))), grad
    return tf.signal.irfft(spectrum * transfer, size), grad


def _inverse(spectrum: tf.Tensor, transfer: tf.Tensor, fft_size: int) -> tf.Tensor:
    """Return `irfft` of a product, by `rfft`: TFLite has no other transform.

    The transform of real plus imaginary parts, of all bins, has the even part of the
    signal as its real part and the odd one as its imaginary part (Hartley 1942).
    """
    a, b = tf.math.real(spectrum), tf.math.imag(spectrum)
    c, d = tf.math.real(transfer), tf.math.imag(transfer)
    real, imaginary = a * c - b * d, a * d + b * c
    upper = tf.reverse((real - imaginary)[..., 1 : (fft_size + 1) // 2], [-1])
    turned = tf.signal.rfft(tf.concat([real + imaginary, upper], -1), [fft_size])
    even, odd = tf.math.real(turned), tf.math.imag(turned)
    second = tf.reverse((even - odd)[..., 1 : (fft_size + 1) // 2], [-1])
    return tf.concat([even + odd, second], -1) * (1.0 / fft_size)


def _sum_like(x: tf.Tensor, responses: tf.Tensor) -> tf.Tensor:
    """Sum over the batch if that of the responses turns out to be 1."""
    n_batch = tf.maximum(tf.shape(responses)[0], 1)
    # [batch, ...] of as many responses, or [1, ...] of one
    shape = tf.concat([[-1, n_batch], tf.shape(x)[1:]], 0)
    return tf.reduce_sum(tf.reshape(x, shape), 0)


def overlap_and_add(frames: tf.Tensor, hop_size: int) -> tf.Tensor:
    """Add frames that start hop_size samples after each other.

    Args:
        frames: [batch, n_frames, frame_size].
        hop_size: In samples.

    Returns:
        [batch, n_samples], at least (n_frames - 1) * hop_size + frame_size of them;
        what is beyond is zero.
    """
    n_frames, frame_size = frames.shape[1:]
    if n_frames == 1:
        return frames[:, 0]
    n_blocks = math.ceil(frame_size / hop_size)
    if n_blocks > MAX_BLOCKS:
        return tf.signal.overlap_and_add(frames, hop_size)
    n_missing = n_blocks * hop_size - frame_size
    return _add_blocks(tf.pad(frames, [[0, 0], [0, 0], [0, n_missing]]), hop_size)


def frame_by_blocks(audio: tf.Tensor, n_frames: int, hop_size: int) -> tf.Tensor:
    """Cut audio into frames that are whole numbers of hops long.

    Args:
        audio: [batch, n_samples], a whole number of hops.
        n_frames: How many fit.
        hop_size: In samples.

    Returns:
        [batch, n_frames, frame_size].
    """
    n_hops = audio.shape[1] // hop_size
    blocks = tf.reshape(audio, [-1, n_hops, hop_size])
    parts = [blocks[:, i : i + n_frames] for i in range(n_hops - n_frames + 1)]
    return tf.concat(parts, -1)


def _add_blocks(frames: tf.Tensor, hop_size: int) -> tf.Tensor:
    """`overlap_and_add` of frames that are whole numbers of hops long."""
    n_frames, frame_size = frames.shape[1:]
    n_blocks = frame_size // hop_size

    @tf.custom_gradient
    def add(frames: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        blocks = tf.reshape(frames, [-1, n_frames, n_blocks, hop_size])
        shifted = [
            tf.pad(blocks[:, :, i], [[0, 0], [i, n_blocks - 1 - i], [0, 0]])
            for i in range(n_blocks)
        ]
        audio = tf.reshape(
            tf.add_n(shifted), [-1, (n_frames + n_blocks - 1) * hop_size]
        )
        # TensorFlow's gradient of the slices is ten times slower than framing.
        return audio, lambda upstream: frame_by_blocks(upstream, n_frames, hop_size)

    return add(frames)
