"""Between the controls of a harmonic and of a sinusoidal synthesizer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.checks import check_broadcast, check_shape
from ddsp_core.dsp.maths import safe_divide, tf_float32
from ddsp_core.dsp.oscillators import (
    get_harmonic_frequencies,
    normalize_harmonics,
    remove_above_nyquist,
)


def sinusoidal_to_harmonic(
    sin_amps: Any,
    sin_freqs: Any,
    f0_hz: Any,
    harmonic_width: float = 0.1,
    n_harmonics: int = 100,
    sample_rate: int = 16000,
    normalize: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Collect sinusoids around the harmonics of a fundamental.

    Engel et al. 2020, Self-supervised Pitch Detection by Inverse Audio Synthesis,
    section 3.

    Args:
        sin_amps: Linear amplitudes, [batch, time, n_sinusoids].
        sin_freqs: In Hz, [batch, time, n_sinusoids].
        f0_hz: Fundamental, [batch, time, 1].
        harmonic_width: Width of the bell around a harmonic, as a share of f0_hz.
        n_harmonics: How many to return.
        sample_rate: In Hz.
        normalize: Let the weights of a harmonic add up to 1 at most.

    Returns:
        Amplitude [batch, time, 1] and distribution [batch, time, n_harmonics], which
        sums to one.

    Raises:
        ShapeError: A shape is another.
    """
    sin_amps, sin_freqs = tf_float32(sin_amps), tf_float32(sin_freqs)
    f0_hz = tf_float32(f0_hz)
    check_shape("sin_amps", sin_amps, "[batch, time, n_sinusoids]")
    check_shape("sin_freqs", sin_freqs, "[batch, time, n_sinusoids]")
    check_shape("f0_hz", f0_hz, "[batch, time, 1]")
    check_broadcast(sin_amps=sin_amps, sin_freqs=sin_freqs)
    harmonics_hz = get_harmonic_frequencies(f0_hz, n_harmonics)
    # [batch, time, n_harmonics, n_sinusoids]
    gap_hz = sin_freqs[:, :, tf.newaxis] - harmonics_hz[..., tf.newaxis]
    gap = safe_divide(gap_hz, f0_hz[..., tf.newaxis]) / harmonic_width
    weights = tf.exp(-(gap**2.0))
    if normalize:
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        weights = weights / tf.maximum(total, 1.0)
    amplitudes = tf.linalg.matvec(weights, sin_amps)
    amplitudes = remove_above_nyquist(harmonics_hz, amplitudes, sample_rate)
    amplitude = tf.reduce_sum(amplitudes, axis=-1, keepdims=True)
    return amplitude, safe_divide(amplitudes, amplitude)


def harmonic_to_sinusoidal(
    harm_amp: Any, harm_dist: Any, f0_hz: Any, sample_rate: int = 16000
) -> tuple[tf.Tensor, tf.Tensor]:
    """Write harmonics as sinusoids; those at Nyquist and above are silent.

    Args:
        harm_amp: [batch, time, 1], or a scalar.
        harm_dist: [batch, time, n_harmonics]; made to sum to one.
        f0_hz: [batch, time, 1].
        sample_rate: In Hz.

    Returns:
        Amplitudes and frequencies in Hz, [batch, time, n_harmonics] each.

    Raises:
        ShapeError: A shape is another.
    """
    harm_amp, harm_dist = tf_float32(harm_amp), tf_float32(harm_dist)
    f0_hz = tf_float32(f0_hz)
    check_shape("harm_amp", harm_amp, "[]", "[batch, time, 1]")
    check_shape("harm_dist", harm_dist, "[batch, time, n_harmonics]")
    check_shape("f0_hz", f0_hz, "[batch, time, 1]")
    shares = normalize_harmonics(harm_dist, f0_hz, sample_rate)
    return harm_amp * shares, get_harmonic_frequencies(f0_hz, int(harm_dist.shape[-1]))
