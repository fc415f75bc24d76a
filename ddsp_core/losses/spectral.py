"""The distance between spectrograms of two signals, at several resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.dsp.maths import diff, safe_log, tf_float32
from ddsp_core.dsp.spectra import compute_mag
from ddsp_core.dsp.spectral_distance import Terms, can_fuse, magnitude_distance
from ddsp_core.errors import UsageError
from ddsp_core.losses.base import Loss
from ddsp_core.losses.difference import mean_difference

LOUDNESS_N_FFT = 2048  # samples; the loudness term looks at longer frames.


class SpectralLoss(Loss):
    """Distance between spectrograms of two signals, at several resolutions.

    All arguments but `name` are those of `spectral_loss`.
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
        loss_type: str = "L1",
        mag_weight: float = 1.0,
        delta_time_weight: float = 0.0,
        delta_freq_weight: float = 0.0,
        cumsum_freq_weight: float = 0.0,
        logmag_weight: float = 0.0,
        loudness_weight: float = 0.0,
        name: str = "spectral_loss",
        logmag_floor: float | None = None,
    ) -> None:
        super().__init__(name=name)
        self.fft_sizes = fft_sizes
        self.loss_type = loss_type
        self.mag_weight = mag_weight
        self.delta_time_weight = delta_time_weight
        self.delta_freq_weight = delta_freq_weight
        self.cumsum_freq_weight = cumsum_freq_weight
        self.logmag_weight = logmag_weight
        self.loudness_weight = loudness_weight
        self.logmag_floor = logmag_floor

    def call(
        self, target_audio: tf.Tensor, audio: tf.Tensor, weights: Any = None
    ) -> tf.Tensor:
        """Return `spectral_loss` of `audio` against `target_audio`."""
        return spectral_loss(
            target_audio,
            audio,
            weights,
            fft_sizes=self.fft_sizes,
            loss_type=self.loss_type,
            mag_weight=self.mag_weight,
            delta_time_weight=self.delta_time_weight,
            delta_freq_weight=self.delta_freq_weight,
            cumsum_freq_weight=self.cumsum_freq_weight,
            logmag_weight=self.logmag_weight,
            loudness_weight=self.loudness_weight,
            logmag_floor=self.logmag_floor,
        )


def spectral_loss(
    target_audio: tf.Tensor,
    audio: tf.Tensor,
    weights: Any = None,
    *,
    fft_sizes: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
    loss_type: str = "L1",
    mag_weight: float = 1.0,
    delta_time_weight: float = 0.0,
    delta_freq_weight: float = 0.0,
    cumsum_freq_weight: float = 0.0,
    logmag_weight: float = 0.0,
    loudness_weight: float = 0.0,
    logmag_floor: float | None = None,
) -> tf.Tensor:
    """Return the distance between spectrograms of two signals at several resolutions.

    Engel et al. 2020 (arXiv:2001.04643), section 4.2.1.

    Args:
        target_audio: What is wanted, [batch, n_samples].
        audio: What there is, [batch, n_samples].
        weights: Of each single difference, as in `mean_difference`.
        fft_sizes: Frame sizes, in samples.
        loss_type: As in `mean_difference`.
        mag_weight: Of magnitudes.
        delta_time_weight: Of their differences from frame to frame.
        delta_freq_weight: Of their differences from bin to bin.
        cumsum_freq_weight: Of their sums from bin 0 up.
        logmag_weight: Of their logarithms.
        loudness_weight: Of perceptual loudness.
        logmag_floor: Magnitude below which the logarithm does not fall, so that rests
            and rounding count for nothing; None as in Magenta, whose logarithm goes
            down to the last bit and replaces only 0 and less, by 1e-5.

    Returns:
        A scalar. A term of weight 0 is not computed.

    Raises:
        UsageError: `logmag_floor` is not positive.
    """
    if logmag_floor is not None and not logmag_floor > 0:
        raise UsageError(f"logmag_floor is {logmag_floor!r}; it must be positive")
    target_audio, audio = tf_float32(target_audio), tf_float32(audio)
    views = [
        (mag_weight, lambda mag: mag),
        (delta_time_weight, lambda mag: diff(mag, axis=1)),
        (delta_freq_weight, lambda mag: diff(mag, axis=2)),
        (cumsum_freq_weight, lambda mag: tf.cumsum(mag, axis=2)),
        (logmag_weight, lambda mag: log_magnitude(mag, logmag_floor)),
    ]
    views = [(weight, view) for weight, view in views if weight > 0]
    is_stock = max(delta_time_weight, delta_freq_weight, cumsum_freq_weight) <= 0
    is_stock = is_stock and weights is None and loss_type.upper() == "L1"
    loss = tf.zeros([])
    if views and is_stock and can_fuse(target_audio, audio, fft_sizes):
        terms = Terms(max(mag_weight, 0.0), max(logmag_weight, 0.0), logmag_floor)
        loss += magnitude_distance(target_audio, audio, fft_sizes, terms)
        views = []
    for size in fft_sizes if views else ():
        target_mag, mag = compute_mag(target_audio, size), compute_mag(audio, size)
        for weight, view in views:
            target, value = view(target_mag), view(mag)
            loss += weight * mean_difference(target, value, loss_type, weights)
    if loudness_weight > 0:
        target = compute_loudness(target_audio, n_fft=LOUDNESS_N_FFT)
        value = compute_loudness(audio, n_fft=LOUDNESS_N_FFT)
        loss += loudness_weight * mean_difference(target, value, loss_type, weights)
    return loss


def log_magnitude(magnitude: tf.Tensor, floor: float | None = None) -> tf.Tensor:
    """Return the natural logarithm of magnitudes, not below that of `floor`.

    Args:
        magnitude: Not negative, any shape.
        floor: Magnitude; None for `safe_log`.
    """
    if floor is None:
        return safe_log(magnitude)
    return tf.math.log(tf.maximum(magnitude, floor))
