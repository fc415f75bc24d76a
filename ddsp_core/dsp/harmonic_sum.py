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
) -> tf.Tensor:
    """Add harmonics of a gliding fundamental; those at Nyquist and above are silent.

    Args:
        amplitudes: Of each harmonic at each frame, [batch, n_frames, n_harmonics].
        f0_hz: Fundamental, linear between frames, [batch, n_frames].
        hop_size: Samples between frames.
        sample_rate: In Hz.
        method: How amplitudes go from frame to frame, as in `resampling.fade_in`.

    Returns:
        Audio, [batch, n_frames * hop_size].
    """
    n_frames, n_harmonics = amplitudes.shape[1:]
    ends = hold_last(amplitudes)
    # [batch * n_frames, n_harmonics, 2]: at the start and at the end of each frame
    ends = tf.reshape(tf.stack([ends[:, :-1], ends[:, 1:]], -1), [-1, n_harmonics, 2])
    cycles, first_silent = phase_cycles(f0_hz, hop_size, sample_rate)
    fade = fade_in(hop_size, method)
    audio = _weighted_sines(
        ends,
        tf.reshape(cycles, [-1, hop_size]),
        tf.reshape(first_silent, [-1, hop_size]),
        np.stack([1.0 - fade, fade], axis=-1),
    )
    return tf.reshape(audio, [-1, n_frames * hop_size])


def phase_cycles(
    f0_hz: tf.Tensor, hop_size: int, sample_rate: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the phase of the fundamental, and where its harmonics reach Nyquist.

    Args:
        f0_hz: Linear between frames, the last one held, [batch, n_frames].
        hop_size: Samples between frames.
        sample_rate: In Hz.

    Returns:
        Phase in cycles, in [-0.5, 0.5], and the number of the harmonic that would be at
        Nyquist, both [batch, n_frames, hop_size].
    """
    f0 = tf.cast(hold_last(f0_hz), tf.float64)[..., tf.newaxis] / sample_rate
    start, step = f0[:, :-1], f0[:, 1:] - f0[:, :-1]  # cycles per sample
    advance = start * hop_size + step * ((hop_size - 1) / 2)  # cycles in one frame
    before = tf.cumsum(advance, axis=1, exclusive=True)
    n = np.arange(hop_size, dtype=np.float64)
    cycles = before + start * (n + 1) + step * (n * (n + 1) / (2 * hop_size))
    cycles = cycles - tf.stop_gradient(tf.round(cycles))
    glide = tf.stop_gradient(tf.cast(start + step * (n / hop_size), tf.float32))
    return tf.cast(cycles, tf.float32), 0.5 / tf.maximum(glide, 1e-9)


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
    harmonics = np.arange(1, ends.shape[1] + 1, dtype=np.float32)
    chunk = max(1, CHUNK_ELEMENTS // (len(harmonics) * len(fades)))

    def radians(
        cycles: tf.Tensor, first_silent: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        angle = cycles[..., tf.newaxis] * harmonics
        angle = (angle - tf.round(angle)) * (2 * math.pi)
        return angle, tf.cast(first_silent[..., tf.newaxis] > harmonics, tf.float32)

    def forward(
        ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor
    ) -> tf.Tensor:
        angle, audible = radians(cycles, first_silent)
        waves = tf.matmul(tf.sin(angle) * audible, ends)  # [chunk, hop_size, 2]
        return tf.reduce_sum(waves * fades, -1)

    def backward(
        upstream: tf.Tensor, ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        angle, audible = radians(cycles, first_silent)
        faded = upstream[..., tf.newaxis] * fades  # [chunk, hop_size, 2]
        d_ends = tf.matmul(tf.sin(angle) * audible, faded, transpose_a=True)
        slopes = tf.matmul(
            tf.cos(angle) * audible, ends * (2 * math.pi * harmonics[:, np.newaxis])
        )
        return d_ends, tf.reduce_sum(slopes * faded, -1)

    @tf.custom_gradient
    def sines(ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor) -> Any:
        def grad(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
            args = (upstream, ends, cycles, first_silent)
            d_ends, d_cycles = _map_chunks(backward, args, chunk, n_outputs=2)
            return d_ends, d_cycles, None

        return _map_chunks(
            forward, (ends, cycles, first_silent), chunk, n_outputs=1
        ), grad

    return sines(ends, cycles, first_silent)


def _map_chunks(
    fn: Any, args: tuple[tf.Tensor, ...], chunk: int, n_outputs: int
) -> Any:
    """Call `fn` on `chunk` rows of each argument at a time, and join the results."""
    n = tf.shape(args[0])[0]
    n_missing = -n % chunk

    def split(x: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(x, [[0, n_missing]] + [[0, 0]] * (len(x.shape) - 1))
        return tf.reshape(padded, [-1, chunk, *x.shape[1:]])

    def join(x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, [-1, *x.shape[2:]])[:n]

    signature = tf.float32 if n_outputs == 1 else (tf.float32,) * n_outputs
    outputs = tf.map_fn(
        lambda rows: fn(*rows),
        tuple(split(x) for x in args),
        fn_output_signature=signature,
        parallel_iterations=1,  # more would hold more chunks in memory at once
    )
    return tf.nest.map_structure(join, outputs)
