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
    return tf.reduce_sum(sinusoids(frequency_hz, amplitude, rate), axis=-1)


def sinusoids(frequency_hz: tf.Tensor, amplitude: tf.Tensor, rate: int) -> tf.Tensor:
    """Sinusoids [batch, n_samples, n_sinusoids], silent at Nyquist and above."""
    phase = tf.cumsum(frequency_hz, axis=1) * (2 * np.pi / rate)
    audible = tf.cast(frequency_hz < rate / 2, tf.float64)
    return audible * amplitude * tf.sin(phase)


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


def resampled(frames: tf.Tensor, n_samples: int, method: str = "linear") -> tf.Tensor:
    """Frames [batch, n_frames, channels] at each of any number of samples."""
    n_frames = frames.shape[1]
    if method == "cubic":  # TensorFlow's own weights, of unit frames
        unit = tf.reshape(tf.eye(n_frames), [1, n_frames, 1, n_frames])
        weights = tf.compat.v1.image.resize(unit, [n_samples, 1], "bicubic")
        weights = tf.cast(weights[0, :, 0], tf.float64)
        return tf.einsum("tf,bfc->btc", weights, frames)
    if n_samples % n_frames == 0:
        return envelope(frames, n_samples // n_frames, method)
    place = np.arange(n_samples) * n_frames / n_samples
    here = place.astype(int)
    weight = (place - here)[:, np.newaxis] * (method == "linear")
    start = tf.gather(frames, here, axis=1)
    end = tf.gather(frames, np.minimum(here + 1, n_frames - 1), axis=1)
    return start * (1 - weight) + end * weight


def table_lookup(tables: tf.Tensor, cycles: tf.Tensor) -> tf.Tensor:
    """Read periodic tables [batch, n_samples, n] at cycles [batch, n_samples]."""
    n = tables.shape[-1]
    place = (cycles - tf.stop_gradient(tf.floor(cycles))) * n
    entries = tf.range(n, dtype=tf.float64)
    distance = tf.abs(place[..., tf.newaxis] - entries)
    weights = tf.nn.relu(1 - tf.minimum(distance, n - distance))
    return tf.reduce_sum(weights * tables, axis=-1)


def delayed(audio: tf.Tensor, delay: tf.Tensor, longest: int) -> tf.Tensor:
    """Audio [batch, n_samples] delayed by `delay` samples, of 0 to `longest`."""
    padded = tf.pad(audio, [[0, 0], [longest, 0]])
    past = tf.signal.frame(padded, longest + 1, 1)[..., ::-1]
    distance = tf.abs(delay[..., tf.newaxis] - tf.range(longest + 1, dtype=tf.float64))
    return tf.reduce_sum(tf.nn.relu(1 - distance) * past, axis=-1)


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
