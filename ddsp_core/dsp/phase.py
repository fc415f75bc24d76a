"""Phase that stays exact over any length: frequency summed in float64, then wrapped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.resampling import hold_last


def interpolate(frames: Any, n_samples: int) -> tf.Tensor:
    """Interpolate linearly in float64; the last frame is held.

    `resampling.resample` does the same in float32, whose rounding of positions and
    values a sum over minutes would show.

    Args:
        frames: [batch, n_frames, channels].
        n_samples: Samples wanted; need be no multiple of the frames.

    Returns:
        Float64, [batch, n_samples, channels].
    """
    frames = tf.cast(frames, tf.float64)
    n_frames, n_channels = int(frames.shape[1]), int(frames.shape[2])
    if n_frames == n_samples:
        return frames
    ends = hold_last(frames)
    if n_samples % n_frames:
        position = np.arange(n_samples) * (n_frames / n_samples)
        here = position.astype(np.int64)
        weight = (position - here)[:, np.newaxis]
        start = tf.gather(ends, here, axis=1)
        return start + weight * (tf.gather(ends, here + 1, axis=1) - start)
    hop_size = n_samples // n_frames
    weight = (np.arange(hop_size) / hop_size)[:, np.newaxis]
    start, end = ends[:, :-1, tf.newaxis], ends[:, 1:, tf.newaxis]
    # [batch, n_frames, hop_size, channels]
    return tf.reshape(start + weight * (end - start), [-1, n_samples, n_channels])


def accumulate(
    frequency_hz: Any, sample_rate: float, exclusive: bool = False
) -> tf.Tensor:
    """Return accumulated phase.

    Args:
        frequency_hz: At every sample, [batch, n_samples, ...].
        sample_rate: In Hz.
        exclusive: Begin at 0; else after the first sample's advance.

    Returns:
        Cycles, unwrapped float64, the same shape.
    """
    cycles = tf.cast(frequency_hz, tf.float64) / float(sample_rate)
    return tf.cumsum(cycles, axis=1, exclusive=exclusive)


def wrap(cycles: tf.Tensor) -> tf.Tensor:
    """Return phase in [-0.5, 0.5] cycles, as float32; the gradient passes through."""
    return tf.cast(cycles - tf.stop_gradient(tf.round(cycles)), tf.float32)


def sines(cycles: tf.Tensor) -> tf.Tensor:
    """Return the sine of a phase in cycles, wrapped before it is rounded to float32."""
    return tf.sin(wrap(cycles) * (2.0 * math.pi))


def add_harmonics(cycles: tf.Tensor, amplitudes: tf.Tensor) -> tf.Tensor:
    """Add harmonics of one phase.

    Args:
        cycles: Of the fundamental, [batch, n_samples, 1], any float.
        amplitudes: [batch, n_samples, n_harmonics].

    Returns:
        Audio, [batch, n_samples].
    """
    numbers = np.arange(1, int(amplitudes.shape[-1]) + 1, dtype=np.float32)
    return tf.reduce_sum(amplitudes * sines(wrap(cycles) * numbers), axis=-1)


def audible(frequency_hz: Any, sample_rate: float) -> tf.Tensor:
    """Return 1 below Nyquist, else 0, as float32."""
    return tf.cast(tf_float32(frequency_hz) < sample_rate / 2.0, tf.float32)
