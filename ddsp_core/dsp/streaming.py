"""Harmonic synthesis in consecutive stretches: phase goes in and comes out."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.checks import check_shape
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.oscillators import normalize_harmonics
from ddsp_core.dsp.phase import accumulate, add_harmonics, interpolate
from ddsp_core.dsp.resampling import resample

TURN = 2.0 * math.pi


def harmonic_oscillator_bank(
    frequency: Any,
    amplitude_envelopes: Any,
    initial_phase: Any = None,
    sample_rate: int = 16000,
    use_angular_cumsum: bool = True,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Add harmonics of a fundamental that is given at every sample.

    Differs from the reference, whose float32 phase drifts and whose final phase grows
    with every stretch: here the sum is float64, and the final phase is that of the
    stretch, in [0, 2 pi), added to the initial one with whole turns taken away.

    Args:
        frequency: Fundamental in Hz, [batch, n_samples, 1].
        amplitude_envelopes: Of each harmonic, [batch, n_samples, n_harmonics]; those
            above Nyquist are not silenced.
        initial_phase: In radians, [batch, 1, 1]; None for 0. Given in float64, the
            final phase is float64, too, and a long stream loses nothing.
        sample_rate: In Hz.
        use_angular_cumsum: Without effect: phase is always exact here.

    Returns:
        Audio [batch, n_samples], and the phase at its end in radians, [batch, 1, 1].

    Raises:
        ShapeError: A shape is another.
    """
    del use_angular_cumsum
    frequency, amplitudes = tf_float32(frequency), tf_float32(amplitude_envelopes)
    check_shape("frequency", frequency, "[batch, n_samples, 1]")
    check_shape("amplitude_envelopes", amplitudes, "[batch, n_samples, n_harmonics]")
    return _from_cycles(accumulate(frequency, sample_rate), amplitudes, initial_phase)


def streaming_harmonic_synthesis(
    frequencies: Any,
    amplitudes: Any,
    harmonic_distribution: Any = None,
    initial_phase: Any = None,
    n_samples: int = 64000,
    sample_rate: int = 16000,
    amp_resample_method: str = "linear",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Synthesise a stretch of a harmonic sound from frames.

    Differs from the reference as `harmonic_oscillator_bank` does.

    Args:
        frequencies: Fundamental in Hz, [batch, n_frames, 1].
        amplitudes: Of the whole, [batch, n_frames, 1].
        harmonic_distribution: Share of each harmonic, [batch, n_frames, n_harmonics];
            normalised, harmonics at Nyquist and above silenced.
        initial_phase: As in `harmonic_oscillator_bank`.
        n_samples: Length of the audio.
        sample_rate: In Hz.
        amp_resample_method: How amplitudes go from frame to frame, as in `resample`.

    Returns:
        Audio [batch, n_samples], and the phase at its end in radians, [batch, 1, 1].

    Raises:
        ShapeError: A shape is another.
    """
    frequencies, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    check_shape("frequencies", frequencies, "[batch, n_frames, 1]")
    check_shape("amplitudes", amplitudes, "[batch, n_frames, n_harmonics]")
    if harmonic_distribution is not None:
        shares = tf_float32(harmonic_distribution)
        check_shape("harmonic_distribution", shares, "[batch, n_frames, n_harmonics]")
        amplitudes *= normalize_harmonics(shares, frequencies, sample_rate)
    cycles = accumulate(interpolate(frequencies, n_samples), sample_rate)
    envelopes = resample(amplitudes, n_samples, method=amp_resample_method)
    return _from_cycles(cycles, envelopes, initial_phase)


def _from_cycles(
    cycles: tf.Tensor, amplitudes: tf.Tensor, initial_phase: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """Audio, and the final phase, of a phase that starts at `initial_phase`."""
    last = cycles[:, -1:]
    final = TURN * (last - tf.stop_gradient(tf.floor(last)))
    if initial_phase is None:
        return add_harmonics(cycles, amplitudes), tf.cast(final, tf.float32)
    start = tf.convert_to_tensor(initial_phase)
    check_shape("initial_phase", start, "[batch, 1, 1]")
    dtype = tf.float64 if start.dtype == tf.float64 else tf.float32
    start = tf.cast(start, tf.float64) / TURN
    # Towards zero, so that a phase of less than a turn stays as it is.
    turns = tf.sign(start) * tf.floor(tf.abs(start))
    start -= tf.stop_gradient(turns)
    audio = add_harmonics(cycles + start, amplitudes)
    return audio, tf.cast(final + TURN * start, dtype)
