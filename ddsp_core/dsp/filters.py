"""Finite impulse response filters, constant or changing from frame to frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.fft
import tensorflow as tf

from ddsp_core.dsp.checks import check_shape
from ddsp_core.dsp.compiled import wants_plain
from ddsp_core.dsp.convolution import convolve_frames, overlap_and_add
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.errors import ShapeError, UsageError


def get_fft_size(frame_size: int, ir_size: int, power_of_2: bool = True) -> int:
    """Return a fast transform size that holds a frame convolved with a response.

    Args:
        frame_size: In samples.
        ir_size: In samples.
        power_of_2: Take a power of two, else any product of 2, 3 and 5.
    """
    size = ir_size + frame_size - 1
    if power_of_2:
        return 2 ** max(0, size - 1).bit_length()
    return int(scipy.fft.next_fast_len(size, real=True))


def crop_and_compensate_delay(
    audio: tf.Tensor,
    audio_size: int,
    ir_size: int,
    padding: str,
    delay_compensation: int,
) -> tf.Tensor:
    """Cut the result of a convolution to length, its delay taken away.

    Args:
        audio: Convolved, [batch, n_samples].
        audio_size: Length before the convolution.
        ir_size: Length of the impulse response.
        padding: 'same' keeps audio_size, 'valid' also the tail (+ ir_size - 1).
        delay_compensation: Samples to drop at the start; negative means the delay
            of the linear-phase filters of `frequency_impulse_response`.

    Raises:
        UsageError: `padding` is neither.
        ShapeError: The audio does not have two axes.
    """
    check_shape("audio", audio, "[batch, n_samples]")
    lengths = {"same": audio_size, "valid": ir_size + audio_size - 1}
    if padding not in lengths:
        raise UsageError(f"padding is {padding!r}; it must be 'valid' or 'same'")
    start = (ir_size - 1) // 2 - 1 if delay_compensation < 0 else delay_compensation
    n_missing = max(0, start + lengths[padding] - int(audio.shape[-1]))
    audio = tf.pad(audio, [[0, 0], [0, n_missing]])
    return audio[:, start : start + lengths[padding]]


def fft_convolve(
    audio: Any,
    impulse_response: Any,
    padding: str = "same",
    delay_compensation: int = -1,
) -> tf.Tensor:
    """Filter with one impulse response, or with one for each frame.

    Args:
        audio: [batch, n_samples].
        impulse_response: [batch, ir_size], or [batch, n_frames, ir_size]: the audio is
            cut into as many frames, and the filtered frames are added with their tails.
            A batch of 1 filters the whole batch and is transformed once.
        padding: As in `crop_and_compensate_delay`.
        delay_compensation: As in `crop_and_compensate_delay`.

    Returns:
        [batch, n_samples], or [batch, n_samples + ir_size - 1] for 'valid'.

    Raises:
        ShapeError: A rank is another, or batches or frames do not fit.
    """
    audio, response = tf_float32(audio), tf_float32(impulse_response)
    check_shape("audio", audio, "[batch, n_samples]")
    check_shape(
        "impulse_response", response, "[batch, ir_size]", "[batch, n_frames, ir_size]"
    )
    if len(response.shape) == 2:
        response = response[:, tf.newaxis]
    (n_batch, n_samples), (n_ir_batch, n_frames, ir_size) = audio.shape, response.shape
    if None not in (n_batch, n_ir_batch) and n_ir_batch not in (n_batch, 1):
        raise ShapeError(
            f"got audio of batch {n_batch} and impulse responses of batch {n_ir_batch};"
            " they must be equal, or the latter 1"
        )
    frame_size = math.ceil(n_samples / n_frames)
    if math.ceil(n_samples / frame_size) != n_frames:
        raise ShapeError(
            f"got {n_frames} impulse responses for {n_samples} samples, which are"
            f" {math.ceil(n_samples / frame_size)} frames of {frame_size}; the samples"
            " must be a multiple of the frames, or nearly"
        )
    audio = tf.pad(audio, [[0, 0], [0, n_frames * frame_size - n_samples]])
    frames = tf.reshape(audio, [-1, n_frames, frame_size])
    # TFLite, whose graphs are plain, knows transforms of powers of two only.
    fft_size = get_fft_size(frame_size, ir_size, power_of_2=wants_plain())
    filtered = convolve_frames(frames, response, tf.constant(fft_size))
    filtered = tf.ensure_shape(filtered, [n_batch, n_frames, fft_size])
    audio = overlap_and_add(filtered, frame_size)
    return crop_and_compensate_delay(
        audio, n_samples, ir_size, padding, delay_compensation
    )


def apply_window_to_impulse_response(
    impulse_response: Any, window_size: int = 0, causal: bool = False
) -> tf.Tensor:
    """Window impulse responses and put their peak in the middle.

    Args:
        impulse_response: [..., ir_size], peak at 0, or in the middle if `causal`.
        window_size: Of the Hann window, in samples; 0 means ir_size.
        causal: Whether the peak is in the middle.

    Returns:
        [..., ir_size], or about window_size if that is less.
    """
    response = tf_float32(impulse_response)
    order, window = _windowing(int(response.shape[-1]), window_size)
    if causal:
        order = np.fft.fftshift(np.arange(response.shape[-1]))[order]
    return tf.gather(response, order, axis=-1) * window


def frequency_impulse_response(magnitudes: Any, window_size: int = 0) -> tf.Tensor:
    """Return linear-phase impulse responses of given magnitudes, windowed.

    The frequency sampling method: J. O. Smith, Spectral Audio Signal Processing,
    "Windowing a Desired Impulse Response".

    Args:
        magnitudes: At even steps from 0 Hz to Nyquist, [..., n_frequencies].
        window_size: As in `apply_window_to_impulse_response`.

    Returns:
        [..., ir_size], with ir_size = 2 * (n_frequencies - 1) or less.
    """
    magnitudes = tf_float32(magnitudes)
    # The response is linear in the magnitudes: one product with a constant matrix.
    unit_responses = np.fft.irfft(np.eye(int(magnitudes.shape[-1])))
    order, window = _windowing(unit_responses.shape[-1], window_size)
    matrix = (unit_responses[:, order] * window).astype(np.float32)
    return tf.tensordot(magnitudes, matrix, 1)


def frequency_filter(
    audio: Any, magnitudes: Any, window_size: int = 0, padding: str = "same"
) -> tf.Tensor:
    """Filter with magnitudes, constant or changing from frame to frame.

    Engel et al. 2020 (arXiv:2001.04643), section 3.2.

    Args:
        audio: [batch, n_samples].
        magnitudes: At even steps from 0 Hz to Nyquist,
            [batch, n_frames, n_frequencies] or [batch, n_frequencies].
        window_size: As in `apply_window_to_impulse_response`.
        padding: As in `crop_and_compensate_delay`.

    Returns:
        [batch, n_samples], or longer for 'valid'.
    """
    response = frequency_impulse_response(magnitudes, window_size)
    return fft_convolve(audio, response, padding=padding)


def sinc(x: Any, threshold: float = 1e-20) -> tf.Tensor:
    """Return sin(pi x) / (pi x), and 1 at 0."""
    x = tf_float32(x)
    x = math.pi * tf.where(tf.abs(x) < threshold, threshold, x)
    return tf.sin(x) / x


def sinc_impulse_response(
    cutoff_frequency: Any,
    window_size: int = 512,
    sample_rate: int | None = None,
    high_pass: bool = False,
) -> tf.Tensor:
    """Return windowed-sinc low-pass or high-pass filters.

    Args:
        cutoff_frequency: As a share of Nyquist, or in Hz if `sample_rate` is given,
            [batch, n_frames, 1]; a scalar is one filter, [1, 1, 1].
        window_size: Of the Hamming window, in samples.
        sample_rate: In Hz.
        high_pass: Keep what is above the cutoff.

    Returns:
        [batch, n_frames, window_size // 2 * 2 + 1].
    """
    cutoff = tf_float32(cutoff_frequency)
    if sample_rate is not None:
        cutoff = cutoff * (2.0 / sample_rate)
    half = window_size // 2
    steps = np.arange(-half, half + 1, dtype=np.float32)
    response = sinc(cutoff * steps[np.newaxis, np.newaxis])
    response = response * tf.signal.hamming_window(2 * half + 1)
    response = response / tf.abs(tf.reduce_sum(response, axis=-1, keepdims=True))
    if not high_pass:
        return response
    return tf.one_hot(half, 2 * half + 1) - response


def sinc_filter(
    audio: Any,
    cutoff_frequency: Any,
    window_size: int = 512,
    sample_rate: int | None = None,
    padding: str = "same",
    high_pass: bool = False,
) -> tf.Tensor:
    """Filter with `sinc_impulse_response`, which says what the arguments are.

    Args:
        audio: [batch, n_samples].
        cutoff_frequency: [batch, n_frames, 1], or a scalar.
        window_size: In samples.
        sample_rate: In Hz, or None.
        padding: As in `crop_and_compensate_delay`.
        high_pass: Keep what is above the cutoff.

    Returns:
        [batch, n_samples], or longer for 'valid'.
    """
    response = sinc_impulse_response(
        cutoff_frequency, window_size, sample_rate, high_pass
    )
    return fft_convolve(audio, response, padding=padding)


def _windowing(ir_size: int, window_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Order and weights that make a windowed response, its peak in the middle."""
    if not 0 < window_size < ir_size:
        window = _hann(ir_size)
        return np.fft.fftshift(np.arange(ir_size)), window
    half = (window_size + 1) // 2
    window = _hann(window_size)
    # As the reference cuts it: one sample past the window on the right, one less on
    # the left, so that the peak is where its delay compensation expects it.
    centred = np.concatenate(
        [window[half:], np.zeros(ir_size - window_size), window[:half]]
    )
    order = np.r_[ir_size - half + 2 : ir_size, 0 : half + 1]
    return order, centred[order].astype(np.float32)


def _hann(size: int) -> np.ndarray:
    """The Hann window of TensorFlow: periodic if even, symmetric if odd."""
    period = max(1, size - size % 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / period)
    return (window if size > 1 else np.ones(1)).astype(np.float32)
