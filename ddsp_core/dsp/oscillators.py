"""Banks of sinusoids with exact phase."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_broadcast, check_shape
from ddsp_core.dsp.harmonic_sum import harmonic_sum
from ddsp_core.dsp.maths import safe_divide, tf_float32
from ddsp_core.dsp.phase import accumulate, add_harmonics, audible, interpolate, sines
from ddsp_core.dsp.resampling import resample

SINUSOIDS = "[batch, n_samples, n_sinusoids]"
HARMONICS = "[batch, n_frames, n_harmonics]"


def angular_cumsum(angular_frequency: Any, chunk_size: int = 1000) -> tf.Tensor:
    """Return accumulated phase in [0, 2 pi).

    Args:
        angular_frequency: In radians per sample, [batch, n_samples, ...].
        chunk_size: Without effect: the reference sums in chunks to keep float32 from
            losing phase; here the sum is float64.

    Returns:
        Float32, the same shape.
    """
    del chunk_size
    phase = tf.cumsum(tf.cast(angular_frequency, tf.float64), axis=1)
    return tf.cast(tf.math.floormod(phase, 2.0 * math.pi), tf.float32)


def remove_above_nyquist(
    frequency_envelopes: Any, amplitude_envelopes: Any, sample_rate: int = 16000
) -> tf.Tensor:
    """Silence oscillators at and above half the sample rate.

    Args:
        frequency_envelopes: In Hz, [batch, n_samples, n_sinusoids].
        amplitude_envelopes: The same shape.
        sample_rate: In Hz.

    Returns:
        Amplitudes, the same shape.
    """
    frequencies = tf_float32(frequency_envelopes)
    amplitudes = tf_float32(amplitude_envelopes)
    silence = tf.zeros_like(amplitudes)
    return tf.where(frequencies >= sample_rate / 2.0, silence, amplitudes)


def get_harmonic_frequencies(frequencies: Any, n_harmonics: int) -> tf.Tensor:
    """Return integer multiples of the fundamental.

    Args:
        frequencies: In Hz, [batch, time, 1].
        n_harmonics: How many, the fundamental included.

    Returns:
        In Hz, [batch, time, n_harmonics].
    """
    return tf_float32(frequencies) * np.arange(1, n_harmonics + 1, dtype=np.float32)


def normalize_harmonics(
    harmonic_distribution: tf.Tensor,
    f0_hz: tf.Tensor | None = None,
    sample_rate: int | None = None,
) -> tf.Tensor:
    """Make weights sum to one, those at Nyquist and above silenced first.

    Engel et al. 2020 (arXiv:2001.04643), section 4.1.

    Args:
        harmonic_distribution: Weights of 0 or more, [batch, time, n_harmonics].
        f0_hz: [batch, time, 1]; None silences nothing.
        sample_rate: In Hz; None silences nothing.

    Returns:
        The same shape; all zero where f0_hz itself reaches Nyquist.
    """
    if sample_rate is not None and f0_hz is not None:
        n_harmonics = int(harmonic_distribution.shape[-1])
        harmonic_distribution = remove_above_nyquist(
            get_harmonic_frequencies(f0_hz, n_harmonics),
            harmonic_distribution,
            sample_rate,
        )
    total = tf.reduce_sum(harmonic_distribution, axis=-1, keepdims=True)
    return safe_divide(harmonic_distribution, total)


def oscillator_bank(
    frequency_envelopes: Any,
    amplitude_envelopes: Any,
    sample_rate: int = 16000,
    sum_sinusoids: bool = True,
    use_angular_cumsum: bool = False,
) -> tf.Tensor:
    """Synthesise sinusoids from their frequencies and amplitudes at every sample.

    Args:
        frequency_envelopes: In Hz, [batch, n_samples, n_sinusoids].
        amplitude_envelopes: The same shape.
        sample_rate: In Hz.
        sum_sinusoids: Add them up.
        use_angular_cumsum: Without effect: phase is always exact here.

    Returns:
        Audio, [batch, n_samples], or [batch, n_samples, n_sinusoids] if not added up.

    Raises:
        ShapeError: A shape is another.
    """
    del use_angular_cumsum
    frequencies = tf_float32(frequency_envelopes)
    amplitudes = tf_float32(amplitude_envelopes)
    check_shape("frequency_envelopes", frequencies, SINUSOIDS)
    check_shape("amplitude_envelopes", amplitudes, SINUSOIDS)
    check_broadcast(frequency_envelopes=frequencies, amplitude_envelopes=amplitudes)
    return _sinusoids(frequencies, amplitudes, sample_rate, sum_sinusoids)


def sinusoidal_synthesis(
    frequencies: Any,
    amplitudes: Any,
    n_samples: int = 64000,
    sample_rate: int = 16000,
    amp_resample_method: str = "window",
) -> tf.Tensor:
    """Synthesise sinusoids from frames; those at Nyquist and above are silent.

    Args:
        frequencies: In Hz, [batch, n_frames, n_sinusoids].
        amplitudes: The same shape.
        n_samples: Length of the audio.
        sample_rate: In Hz.
        amp_resample_method: How amplitudes go from frame to frame, as in `resample`.

    Returns:
        Audio, [batch, n_samples].

    Raises:
        ShapeError: A shape is another.
    """
    amplitudes = tf_float32(amplitudes)
    if getattr(frequencies, "dtype", None) != tf.float64:
        frequencies = tf_float32(frequencies)
    check_shape("frequencies", frequencies, "[batch, n_frames, n_sinusoids]")
    check_shape("amplitudes", amplitudes, "[batch, n_frames, n_sinusoids]")
    envelopes = resample(amplitudes, n_samples, method=amp_resample_method)
    frequencies = interpolate(frequencies, n_samples)
    check_broadcast(frequencies=frequencies, amplitudes=envelopes)
    return _sinusoids(frequencies, envelopes, sample_rate, sum_sinusoids=True)


def harmonic_synthesis(
    frequencies: Any,
    amplitudes: Any,
    harmonic_shifts: Any = None,
    harmonic_distribution: Any = None,
    n_samples: int = 64000,
    sample_rate: int = 16000,
    amp_resample_method: str = "window",
    use_angular_cumsum: bool = False,
) -> tf.Tensor:
    """Synthesise a harmonic sound from frames.

    Engel et al. 2020 (arXiv:2001.04643), section 3.1.

    Args:
        frequencies: Fundamental in Hz, [batch, n_frames, 1].
        amplitudes: Of the whole, [batch, n_frames, 1]. Several without a distribution
            and shifts all belong to the fundamental.
        harmonic_shifts: Relative shift of each harmonic's frequency,
            [batch, n_frames, n_harmonics].
        harmonic_distribution: Share of each harmonic, [batch, n_frames, n_harmonics].
        n_samples: Length of the audio.
        sample_rate: In Hz.
        amp_resample_method: How amplitudes go from frame to frame, as in `resample`.
        use_angular_cumsum: Without effect: phase is always exact here.

    Returns:
        Audio, [batch, n_samples].

    Raises:
        ShapeError: A shape is another, or n_samples cannot be reached by the method.
    """
    f0_hz, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    check_shape("frequencies", f0_hz, "[batch, n_frames, 1]")
    check_shape("amplitudes", amplitudes, HARMONICS)
    n_harmonics = 1
    if harmonic_shifts is not None:
        harmonic_shifts = tf_float32(harmonic_shifts)
        check_shape("harmonic_shifts", harmonic_shifts, HARMONICS)
        n_harmonics = int(harmonic_shifts.shape[-1])
    if harmonic_distribution is not None:
        shares = tf_float32(harmonic_distribution)
        check_shape("harmonic_distribution", shares, HARMONICS)
        check_broadcast(amplitudes=amplitudes, harmonic_distribution=shares)
        amplitudes = amplitudes * shares
        n_harmonics = int(shares.shape[-1])
    if harmonic_shifts is not None:
        partials_hz = _shifted_harmonics(f0_hz, n_harmonics, harmonic_shifts)
        return sinusoidal_synthesis(
            partials_hz, amplitudes, n_samples, sample_rate, amp_resample_method
        )
    if n_harmonics == 1:
        amplitudes = tf.reduce_sum(amplitudes, axis=-1, keepdims=True)
    return _harmonics(f0_hz, amplitudes, n_samples, sample_rate, amp_resample_method)


def _harmonics(
    f0_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    n_samples: int,
    sample_rate: int,
    method: str,
) -> tf.Tensor:
    """Harmonics with amplitudes [batch, n_frames, n_harmonics]: the fast way if any."""
    n_frames = f0_hz.shape[1]
    is_regular = (
        f0_hz.shape[:2] == amplitudes.shape[:2]
        and n_samples % n_frames == 0
        and n_samples > n_frames
        and method in ("nearest", "linear", "window")
    )
    if is_regular:
        hop_size = n_samples // n_frames
        return harmonic_sum(amplitudes, f0_hz[..., 0], hop_size, sample_rate, method)
    envelopes = resample(amplitudes, n_samples, method)
    f0_hz = interpolate(f0_hz, n_samples)
    harmonics_hz = get_harmonic_frequencies(f0_hz, int(envelopes.shape[-1]))
    envelopes *= audible(harmonics_hz, sample_rate)
    return add_harmonics(accumulate(f0_hz, sample_rate), envelopes)


def _shifted_harmonics(
    f0_hz: tf.Tensor, n_harmonics: int, shifts: tf.Tensor
) -> tf.Tensor:
    """Frequencies in float64: rounded, they would be out of tune for the whole sound.

    Returns:
        In Hz, [batch, n_frames, n_harmonics].
    """
    check_broadcast(frequencies=f0_hz, harmonic_shifts=shifts[..., :1])
    numbers = tf.range(1, n_harmonics + 1, dtype=tf.float64)
    return tf.cast(f0_hz, tf.float64) * numbers * (1.0 + tf.cast(shifts, tf.float64))


def _sinusoids(
    frequency_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    sample_rate: int,
    sum_sinusoids: bool,
) -> tf.Tensor:
    """Sinusoids of frequencies, of any float, and amplitudes at every sample."""
    amplitudes *= audible(frequency_hz, sample_rate)
    audio = amplitudes * sines(accumulate(frequency_hz, sample_rate))
    return tf.reduce_sum(audio, axis=-1) if sum_sinusoids else audio
