"""L1 distance of magnitude spectrograms, its gradient formed on the way forward.

One resolution at a time: both spectra, the distance and its gradient with respect to
the audio, which is all that is kept. So memory is that of one resolution, and nothing
is transformed twice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.compiled import can_compile, compiled
from ddsp_core.dsp.convolution import frame_by_blocks, overlap_and_add
from ddsp_core.dsp.maths import LOG_EPSILON

N_HOPS = 4  # in a frame, as in `spectra.compute_mag`


class Terms(NamedTuple):
    """What is compared, each by L1.

    Args:
        mag_weight: Of magnitudes; 0 for none.
        logmag_weight: Of their natural logarithms; 0 for none.
        floor: Magnitude below which the logarithm does not fall; None replaces only
            0, as `safe_log` does.
    """

    mag_weight: float
    logmag_weight: float
    floor: float | None


def can_fuse(target: tf.Tensor, audio: tf.Tensor, fft_sizes: Sequence[int]) -> bool:
    """Whether `magnitude_distance` can be computed here; if not, use `spectra`.

    Args:
        target: [batch, n_samples].
        audio: [batch, n_samples].
        fft_sizes: In samples.
    """
    are_powers = all(n >= N_HOPS and n & (n - 1) == 0 for n in map(int, fft_sizes))
    return (
        are_powers
        and can_compile(target, audio)
        and len(audio.shape) == 2
        and target.shape == audio.shape
    )


def magnitude_distance(
    target: tf.Tensor, audio: tf.Tensor, fft_sizes: Sequence[int], terms: Terms
) -> tf.Tensor:
    """Return the sum over resolutions of the mean L1 distances.

    Args:
        target: [batch, n_samples].
        audio: The same shape.
        fft_sizes: Powers of two, in samples.
        terms: What is compared.

    Returns:
        A scalar.
    """

    @tf.custom_gradient
    def distance(
        target: tf.Tensor, audio: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
        loss, d_audio = _loss_and_gradient(target, audio, fft_sizes, terms)

        def grad(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # A traced function drops this where nobody asks for it: the distance is
            # the same with its arguments swapped.
            _, d_target = _loss_and_gradient(audio, target, fft_sizes, terms)
            return upstream * d_target, upstream * d_audio

        return loss, grad

    return distance(target, audio)


def _loss_and_gradient(
    target: tf.Tensor, audio: tf.Tensor, fft_sizes: Sequence[int], terms: Terms
) -> tuple[tf.Tensor, tf.Tensor]:
    loss, gradient = tf.zeros([]), tf.zeros_like(audio)
    for size in map(int, fft_sizes):
        # One after the other, or all would be in memory at once.
        with tf.control_dependencies([gradient]):
            at_size = _at_resolution(target, tf.identity(audio), size, terms)
        loss, gradient = loss + at_size[0], gradient + at_size[1]
    return loss, gradient


def _at_resolution(
    target: tf.Tensor, audio: tf.Tensor, size: int, terms: Terms
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return distance and gradient at one frame size."""
    window = tf.signal.hann_window(size)
    spectra = [tf.signal.rfft(_windowed(x, window)) for x in (target, audio)]
    sums, d_spectrum = _comparison(terms)(*spectra)
    n_samples = audio.shape[1]
    frames = tf.signal.irfft(d_spectrum, [size])
    gradient = _unwindowed(frames, window)[:, :n_samples]
    # In two steps, frame by frame first: float32 loses little in short sums.
    count = float(np.prod(spectra[0].shape))
    return tf.reduce_sum(tf.reduce_sum(sums, 1)) / count, gradient / count


@compiled
def _windowed(audio: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Frame as `spectra.stft` does, [batch, n_frames, size]."""
    hop_size = window.shape[0] // N_HOPS
    n_samples = audio.shape[1]
    n_frames = -(-n_samples // hop_size)
    n_padded = (n_frames + N_HOPS - 1) * hop_size
    padded = tf.pad(audio, [[0, 0], [0, n_padded - n_samples]])
    return frame_by_blocks(padded, n_frames, hop_size) * window


@compiled
def _unwindowed(frames: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The adjoint of `_windowed`, but for the length."""
    return overlap_and_add(frames * window, window.shape[0] // N_HOPS)


@functools.cache
def _comparison(terms: Terms) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """Return the compiled `_compare` of these terms."""
    return compiled(functools.partial(_compare, terms))


def _compare(
    terms: Terms, target: tf.Tensor, value: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compare two spectra, complex [batch, n_frames, n_bins].

    Returns:
        Distances summed over bins, [batch, n_frames], and the spectrum of which `irfft`
        makes the gradient.
    """
    target_mag, mag = _magnitude(target), _magnitude(value)
    inverse = tf.math.divide_no_nan(1.0, mag)
    distance, slope = tf.zeros_like(mag), tf.zeros_like(mag)
    if terms.mag_weight:
        difference = mag - target_mag
        distance += terms.mag_weight * tf.abs(difference)
        slope += terms.mag_weight * tf.sign(difference)
    if terms.logmag_weight:
        silent, lowest = terms.floor or 0.0, terms.floor or LOG_EPSILON
        has_log = mag > silent
        target_mag = tf.where(target_mag > silent, target_mag, lowest)
        # One logarithm, of the ratio, does for two.
        log_ratio = tf.math.log(tf.where(has_log, mag, lowest) / target_mag)
        distance += terms.logmag_weight * tf.abs(log_ratio)
        d_log = terms.logmag_weight * tf.sign(log_ratio) * inverse
        slope += tf.where(has_log, d_log, 0.0)
    # The adjoint of rfft, by irfft: inner bins stand for two, and irfft divides by n.
    n_bins = value.shape[-1]
    adjoint = np.full(n_bins, n_bins - 1.0, np.float32)
    adjoint[[0, -1]] = 2.0 * (n_bins - 1)
    slope *= adjoint
    # The phase first: a slope times an inverse may be more than a float holds.
    phase = (tf.math.real(value) * inverse, tf.math.imag(value) * inverse)
    gradient = tf.complex(phase[0] * slope, phase[1] * slope)
    return tf.reduce_sum(distance, -1), gradient


def _magnitude(spectrum: tf.Tensor) -> tf.Tensor:
    real, imaginary = tf.math.real(spectrum), tf.math.imag(spectrum)
    return tf.sqrt(real * real + imaginary * imaginary)
