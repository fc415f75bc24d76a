"""The sum of harmonics, fast and exact: closed-form phase, in chunks, own gradient.

Between two frames f0 is linear, so phase is a quadratic: only frames need a cumulative
sum, which float64 holds exactly enough for any length. The harmonics of a chunk of
frames are formed, weighted and forgotten, forwards and backwards, so memory is that of
the audio and not of the audio times the harmonics.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.resampling import fade_in, hold_last

# Sines formed at a time: 4 MB of float32, which stays in a CPU's cache.
CHUNK_ELEMENTS = 2**20


def harmonic_sum(
    amplitudes: tf.Tensor,
    f0_hz: tf.Tensor,
    hop_size: int,
    sample_rate: int,
    method: str = "window",
    *,
    start_cycles: Any = 0.0,
) -> tf.Tensor:
    """Add harmonics of a gliding fundamental; those at Nyquist and above are silent.

    Args:
        amplitudes: Of each harmonic at each frame, [batch, n_frames, n_harmonics].
        f0_hz: Fundamental, linear between frames, [batch, n_frames].
        hop_size: Samples between frames.
        sample_rate: In Hz.
        method: How amplitudes go from frame to frame, as in `resampling.fade_in`.
        start_cycles: As in `phase_cycles`.

    Returns:
        Audio, [batch, n_frames * hop_size].
    """
    n_frames, n_harmonics = amplitudes.shape[1:]
    ends = hold_last(amplitudes)
    # [batch * n_frames, n_harmonics, 2]: at the start and at the end of each frame
    ends = tf.reshape(tf.stack([ends[:, :-1], ends[:, 1:]], -1), [-1, n_harmonics, 2])
    cycles, first_silent = phase_cycles(f0_hz, hop_size, sample_rate, start_cycles)
    fade = fade_in(hop_size, method)
    audio = _weighted_sines(
        ends,
        tf.reshape(cycles, [-1, hop_size]),
        tf.reshape(first_silent, [-1, hop_size]),
        np.stack([1.0 - fade, fade], axis=-1),
    )
    return tf.reshape(audio, [-1, n_frames * hop_size])


def phase_cycles(
    f0_hz: tf.Tensor, hop_size: int, sample_rate: int, start_cycles: Any = 0.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the phase of the fundamental, and where its harmonics reach Nyquist.

    Args:
        f0_hz: Linear between frames, the last one held, [batch, n_frames].
        hop_size: Samples between frames.
        sample_rate: In Hz.
        start_cycles: Phase before the first sample, in cycles, a number or
            [batch, 1, 1]: the sum of `frame_advances` of an earlier stretch.

    Returns:
        Phase in cycles, in [-0.5, 0.5], and the number of the harmonic that would be at
        Nyquist, both [batch, n_frames, hop_size].
    """
    f0 = tf.cast(hold_last(f0_hz), tf.float64)[..., tf.newaxis] / sample_rate
    start, step = f0[:, :-1], f0[:, 1:] - f0[:, :-1]  # cycles per sample
    advance = frame_advances(start, step, hop_size)
    before = tf.cumsum(advance, axis=1, exclusive=True)
    before += tf.cast(start_cycles, tf.float64)
    n = np.arange(hop_size, dtype=np.float64)
    cycles = before + start * (n + 1) + step * (n * (n + 1) / (2 * hop_size))
    cycles = cycles - tf.stop_gradient(tf.round(cycles))
    glide = tf.stop_gradient(tf.cast(start + step * (n / hop_size), tf.float32))
    return tf.cast(cycles, tf.float32), 0.5 / tf.maximum(glide, 1e-9)


def frame_advances(start: Any, step: Any, hop_size: int) -> Any:
    """Return by how much the phase advances in each frame, in cycles.

    Args:
        start: Frequency at the frame's start, in cycles per sample, any shape.
        step: What it changes by until the next frame, the same shape.
        hop_size: Samples in a frame.
    """
    return start * hop_size + step * ((hop_size - 1) / 2)


def _weighted_sines(
    ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor, fades: np.ndarray
) -> tf.Tensor:
    """Sum over harmonics k of (ends[k] . fades) * sin(2 pi k cycles), frame by frame.

    Args:
        ends: Amplitudes at both ends of each frame, [n, n_harmonics, 2].
        cycles: [n, hop_size].
        first_silent: Harmonics from this number on are silent, [n, hop_size].
        fades: Weights of the two ends, [hop_size, 2].

    Returns:
        [n, hop_size]. The gradient is of `ends` and `cycles`.
    """
    chunk = max(1, CHUNK_ELEMENTS // (int(ends.shape[1]) * len(fades)))

    @tf.custom_gradient
    def sines(ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor) -> Any:
        args = (ends, cycles, first_silent)

        def grad(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
            faded = upstream[..., tf.newaxis] * fades  # [n, hop_size, 2]
            types = (tf.float32, tf.float32)
            return *_map_chunks(_gradients, (faded, *args), chunk, types), None

        waves = _map_chunks(_waves, args, chunk, tf.float32)  # [n, hop_size, 2]
        return tf.reduce_sum(waves * fades, -1), grad

    return sines(ends, cycles, first_silent)


def _waves(ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor) -> tf.Tensor:
    """The sum with the amplitudes of each end of the frame, [chunk, hop_size, 2]."""
    angle, audible = _angles(cycles, first_silent, ends.shape[1])
    return tf.matmul(tf.sin(angle) * audible, ends)


def _gradients(
    faded: tf.Tensor, ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients of `ends` and of `cycles` for an upstream gradient, faded."""
    n_harmonics = ends.shape[1]
    angle, audible = _angles(cycles, first_silent, n_harmonics)
    d_ends = tf.matmul(tf.sin(angle) * audible, faded, transpose_a=True)
    steepness = 2 * math.pi * _harmonics(n_harmonics)[:, np.newaxis]
    slopes = tf.matmul(tf.cos(angle) * audible, ends * steepness)
    return d_ends, tf.reduce_sum(slopes * faded, -1)


def _angles(
    cycles: tf.Tensor, first_silent: tf.Tensor, n_harmonics: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Angle of each harmonic in [-pi, pi], and 1 where it is below Nyquist, else 0."""
    harmonics = _harmonics(n_harmonics)
    angle = cycles[..., tf.newaxis] * harmonics  # [chunk, hop_size, n_harmonics]
    angle = (angle - tf.round(angle)) * (2 * math.pi)
    return angle, tf.cast(first_silent[..., tf.newaxis] > harmonics, tf.float32)


def _harmonics(n_harmonics: int) -> np.ndarray:
    """The numbers of the harmonics, from 1."""
    return np.arange(1, n_harmonics + 1, dtype=np.float32)


def _map_chunks(
    fn: Any, args: tuple[tf.Tensor, ...], chunk: int, output_types: Any
) -> Any:
    """Call `fn` on `chunk` rows of each argument at a time, and join the results."""
    n = tf.shape(args[0])[0]
    n_missing = -n % chunk

    def split(x: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(x, [[0, n_missing]] + [[0, 0]] * (len(x.shape) - 1))
        return tf.reshape(padded, [-1, chunk, *x.shape[1:]])

    def join(x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, [-1, *x.shape[2:]])[:n]

    outputs = tf.map_fn(
        lambda rows: fn(*rows),
        tuple(split(x) for x in args),
        fn_output_signature=output_types,
        parallel_iterations=1,  # more would hold more chunks in memory at once
    )
    return tf.nest.map_structure(join, outputs)
