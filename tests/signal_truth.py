"""Synthesis in float64, written plainly: what the fast kernels are compared with."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def envelope(frames: tf.Tensor, hop_size: int, method: str) -> tf.Tensor:
    """Frames [batch, n_frames, channels] at every sample, the last frame held."""
    n_frames = frames.shape[1]
    time = np.arange(n_frames * hop_size)
    here, position = time // hop_size, (time % hop_size) / hop_size
    weight = {
        "nearest": np.zeros_like(position),
        "linear": position,
        "window": np.sin(np.pi / 2 * position) ** 2,
    }[method][:, np.newaxis]
    after = np.minimum(here + 1, n_frames - 1)
    start, end = tf.gather(frames, here, axis=1), tf.gather(frames, after, axis=1)
    return start * (1 - weight) + end * weight


def oscillators(frequency_hz: tf.Tensor, amplitude: tf.Tensor, rate: int) -> tf.Tensor:
    """Sinusoids [batch, n_samples, n_sinusoids] below Nyquist, added up."""
    phase = tf.cumsum(frequency_hz, axis=1) * (2 * np.pi / rate)
    audible = tf.cast(frequency_hz < rate / 2, tf.float64)
    return tf.reduce_sum(audible * amplitude * tf.sin(phase), axis=-1)


def harmonic(
    f0_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    hop_size: int,
    rate: int,
    method: str = "window",
) -> tf.Tensor:
    """Harmonics of f0_hz [batch, n_frames, 1] with amplitudes [batch, n_frames, n]."""
    numbers = np.arange(1, amplitudes.shape[-1] + 1, dtype=np.float64)
    f0_envelope = envelope(f0_hz, hop_size, "linear")
    amplitude_envelope = envelope(amplitudes, hop_size, method)
    return oscillators(f0_envelope * numbers, amplitude_envelope, rate)


def exp_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """The scaling of amplitudes and distributions."""
    return 2.0 * tf.sigmoid(x) ** np.log(10.0) + 1e-7


def normalized(distribution: tf.Tensor, f0_hz: tf.Tensor, rate: int) -> tf.Tensor:
    """Shares that sum to one, nothing at Nyquist and above."""
    numbers = np.arange(1, distribution.shape[-1] + 1, dtype=np.float64)
    below = tf.cast(f0_hz * numbers < rate / 2, tf.float64) * distribution
    total = tf.reduce_sum(below, -1, keepdims=True)
    return below / tf.where(total == 0, 1.0, total)


def snr_db(got: np.ndarray, truth: np.ndarray) -> float:
    """Signal to error ratio in dB."""
    got, truth = np.asarray(got, np.float64), np.asarray(truth, np.float64)
    return float(10 * np.log10(np.sum(truth**2) / np.sum((got - truth) ** 2)))
