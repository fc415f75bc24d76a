"""Spectrograms: magnitude, mel and cepstral."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_positive, check_shape
from ddsp_core.dsp.framing import pad
from ddsp_core.dsp.maths import safe_log, tf_float32


def stft(
    audio: Any, frame_size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Return the short-time Fourier transform with a Hann window.

    The transform is of the next power of two above `frame_size`.

    Args:
        audio: [batch, n_samples] or [batch, n_samples, 1].
        frame_size: In samples.
        overlap: Share of a frame that the next one repeats.
        pad_end: Pad with zeros, so that every sample starts in a frame.

    Returns:
        Complex, [batch, n_frames, n_bins].
    """
    audio = tf_float32(audio)
    check_shape(
        "audio", audio, "[n_samples]", "[batch, n_samples]", "[batch, n_samples, 1]"
    )
    if len(audio.shape) == 3:
        audio = tf.squeeze(audio, axis=-1)
    hop_size = _hop_size(frame_size, overlap)
    return tf.signal.stft(audio, int(frame_size), hop_size, pad_end=pad_end)


def stft_np(
    audio: np.ndarray,
    frame_size: int = 2048,
    overlap: float = 0.75,
    pad_end: bool = True,
) -> np.ndarray:
    """Return `stft` as a numpy array; the transform is of `frame_size` itself.

    Args:
        audio: [n_samples] or [batch, n_samples].
        frame_size: In samples.
        overlap: Share of a frame that the next one repeats.
        pad_end: Pad with zeros, so that every sample starts in a frame.

    Returns:
        Complex, [n_frames, n_bins] or [batch, n_frames, n_bins].
    """
    hop_size = _hop_size(frame_size, overlap)
    audio = tf_float32(audio)
    check_shape("audio", audio, "[n_samples]", "[batch, n_samples]")
    audio = pad(audio, frame_size, hop_size, "same" if pad_end else "valid", axis=-1)
    return tf.signal.stft(audio, frame_size, hop_size, fft_length=frame_size).numpy()


def compute_mag(
    audio: Any, size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Return the magnitudes of `stft`, [batch, n_frames, n_bins]."""
    return tf.abs(stft(audio, size, overlap, pad_end))


def compute_logmag(
    audio: Any, size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Return the natural logarithms of `compute_mag`."""
    return safe_log(compute_mag(audio, size, overlap, pad_end))


def compute_mel(
    audio: Any,
    lo_hz: float = 0.0,
    hi_hz: float = 8000.0,
    bins: int = 64,
    fft_size: int = 2048,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Return a spectrogram of magnitudes on the mel scale.

    Args:
        audio: [batch, n_samples].
        lo_hz: Lower edge of the lowest band.
        hi_hz: Upper edge of the highest band.
        bins: Number of bands.
        fft_size: Frame size, in samples.
        overlap: Share of a frame that the next one repeats.
        pad_end: Pad with zeros, so that every sample starts in a frame.
        sample_rate: In Hz.

    Returns:
        [batch, n_frames, bins].
    """
    mag = compute_mag(audio, fft_size, overlap, pad_end)
    weights = tf.signal.linear_to_mel_weight_matrix(
        bins, int(mag.shape[-1]), sample_rate, lo_hz, hi_hz
    )
    return tf.ensure_shape(tf.tensordot(mag, weights, 1), [*mag.shape[:-1], bins])


def compute_logmel(
    audio: Any,
    lo_hz: float = 80.0,
    hi_hz: float = 7600.0,
    bins: int = 64,
    fft_size: int = 2048,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Return the natural logarithms of `compute_mel`, [batch, n_frames, bins]."""
    return safe_log(
        compute_mel(audio, lo_hz, hi_hz, bins, fft_size, overlap, pad_end, sample_rate)
    )


def compute_mfcc(
    audio: Any,
    lo_hz: float = 20.0,
    hi_hz: float = 8000.0,
    fft_size: int = 1024,
    mel_bins: int = 128,
    mfcc_bins: int = 13,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Return mel-frequency cepstral coefficients, [batch, n_frames, mfcc_bins]."""
    logmel = compute_logmel(
        audio, lo_hz, hi_hz, mel_bins, fft_size, overlap, pad_end, sample_rate
    )
    return tf.signal.mfccs_from_log_mel_spectrograms(logmel)[..., :mfcc_bins]


def _hop_size(frame_size: int, overlap: float) -> int:
    """Samples between frames that overlap by a share of their length."""
    hop_size = int(frame_size * (1.0 - overlap))
    check_positive(frame_size=int(frame_size), hop_size=hop_size)
    return hop_size
