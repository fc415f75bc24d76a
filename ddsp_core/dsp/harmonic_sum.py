"""The sum of harmonics, fast and exact: closed-form phase, in chunks, own gradient.

Between two frames f0 is linear, so phase is a quadratic: only frames need a cumulative
sum, which float64 holds exactly enough for any length. The harmonics of a chunk of
frames are formed, weighted and forgotten, forwards and backwards, so memory is that of
the audio and not of the audio times the harmonics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp import integer_phase
from ddsp_core.dsp.compiled import can_compile, wants_plain
from ddsp_core.dsp.harmonic_rows import FAST, PLAIN
from ddsp_core.dsp.resampling import fade_in, hold_last


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
    n_frames = amplitudes.shape[1] or tf.shape(amplitudes)[1]
    n_harmonics = int(amplitudes.shape[2])
    ends = hold_last(amplitudes)
    # [batch * n_frames, n_harmonics, 2]: at the start and at the end of each frame
    ends = tf.reshape(tf.stack([ends[:, :-1], ends[:, 1:]], -1), [-1, n_harmonics, 2])
    cycles, first_silent = phase_cycles(f0_hz, hop_size, sample_rate, start_cycles)
    fade = fade_in(hop_size, method)
    audio = _sum_rows(
        ends,
        tf.reshape(cycles, [-1, hop_size]),
        tf.reshape(first_silent, [-1, hop_size]),
        tf.constant(np.stack([1.0 - fade, fade], axis=-1)),
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
    if wants_plain() and integer_phase.fits(hop_size, sample_rate, start_cycles):
        return _phase_without_float64(hold_last(f0_hz), hop_size, sample_rate)
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


def _phase_without_float64(
    f0_hz: tf.Tensor, hop_size: int, sample_rate: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """`phase_cycles` of the fundamental at both ends of every frame."""
    n = np.arange(hop_size, dtype=np.float32)

    @tf.custom_gradient
    def phase(f0_hz: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
        def grad(upstream: tf.Tensor) -> tf.Tensor:
            # Of start * (n + 1) + step * n * (n + 1) / (2 * hop_size), and of the
            # frames before: linear, so that float32 does.
            by_end = n * (n + 1) / (2 * hop_size)
            own = tf.tensordot(upstream, np.stack([n + 1 - by_end, by_end], -1), 1)
            after = tf.cumsum(tf.reduce_sum(upstream, -1), 1, True, True)
            half = (hop_size - 1) / 2  # as in `frame_advances`
            d_start = own[..., 0] + after * (hop_size - half)
            d_end = own[..., 1] + after * half
            zero = tf.zeros_like(d_start[:, :1])
            ends = tf.concat([d_start, zero], 1) + tf.concat([zero, d_end], 1)
            return ends / sample_rate

        return integer_phase.cycles(f0_hz, hop_size, sample_rate), grad

    start = tf.stop_gradient(f0_hz[..., tf.newaxis])
    glide = start[:, :-1] + (start[:, 1:] - start[:, :-1]) * (n / hop_size)
    return phase(f0_hz), 0.5 / tf.maximum(glide / sample_rate, 1e-9)


def frame_advances(start: Any, step: Any, hop_size: int) -> Any:
    """Return by how much the phase advances in each frame, in cycles.

    Args:
        start: Frequency at the frame's start, in cycles per sample, any shape.
        step: What it changes by until the next frame, the same shape.
        hop_size: Samples in a frame.
    """
    return start * hop_size + step * ((hop_size - 1) / 2)


@tf.custom_gradient
def _sum_rows(
    ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor, fades: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Sum over the harmonics of each row, with gradients of `ends` and `cycles`.

    Args are those of `harmonic_rows`.

    Returns:
        [n, hop_size].
    """
    args = (ends, cycles, first_silent, fades)
    kernels = FAST if can_compile(*args) else PLAIN

    def grad(upstream: tf.Tensor) -> tuple[Any, ...]:
        # Two kernels, so that a traced function drops the one it does not need: f0 is
        # given in most trainings.
        d_ends = kernels.d_ends(upstream, *args)
        return d_ends, kernels.d_cycles(upstream, *args), None, None

    return kernels.total(*args), grad
