"""Energy, power and perceptual loudness of frames: one definition each."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_positive, check_shape
from ddsp_core.dsp.framing import frames, pad
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.units import DB_RANGE, amplitude_to_db, power_to_db

MIN_A_WEIGHTING_DB = -80.0  # where librosa clips it, and so Magenta's loudness.


def compute_rms_energy(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    frame_size: int = 512,
    padding: str = "center",
) -> tf.Tensor:
    """Return the root of the mean square of each frame.

    Args:
        audio: [n_samples] or [batch, n_samples].
        sample_rate: In Hz.
        frame_rate: In Hz.
        frame_size: In samples.
        padding: As in `dsp.framing.get_framed_lengths`.

    Returns:
        [n_frames] or [batch, n_frames].
    """
    hop_size = _hop_size(sample_rate, frame_rate)
    audio = tf_float32(audio)
    check_shape("audio", audio, "[n_samples]", "[batch, n_samples]")
    padded = pad(audio, frame_size, hop_size, padding)
    return tf.reduce_mean(frames(padded, frame_size, hop_size) ** 2.0, axis=-1) ** 0.5


def compute_power(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    frame_size: int = 512,
    ref_db: float = 0.0,
    range_db: float = DB_RANGE,
    padding: str = "center",
) -> tf.Tensor:
    """Return `compute_rms_energy` in dB above `ref_db`, at least -range_db."""
    energy = compute_rms_energy(audio, sample_rate, frame_rate, frame_size, padding)
    return amplitude_to_db(energy, ref_db=ref_db, range_db=range_db)


def compute_loudness(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    n_fft: int = 512,
    range_db: float = DB_RANGE,
    ref_db: float = 0.0,
    use_tf: bool = True,
    padding: str = "center",
) -> Any:
    """Return loudness: the mean A-weighted power of a frame's spectrum, in dB.

    The definition of Magenta 2.0 to 3.7 (`LoudnessVersion.POWER_2022`).

    Args:
        audio: [n_samples] or [batch, n_samples].
        sample_rate: In Hz.
        frame_rate: In Hz.
        n_fft: Frame size, in samples.
        range_db: The least loudness is -range_db.
        ref_db: What 0 dB stands for.
        use_tf: Return a tensor; else the same numbers as a numpy array.
        padding: As in `dsp.framing.get_framed_lengths`.

    Returns:
        In dB, [n_frames] or [batch, n_frames].
    """
    hop_size = _hop_size(sample_rate, frame_rate)
    audio = tf_float32(audio)
    check_shape("audio", audio, "[n_samples]", "[batch, n_samples]")
    audio = pad(audio, n_fft, hop_size, padding)
    is_single = len(audio.shape) == 1
    # Of n_fft itself, whose bins the weights are for, also where it is no power of two
    # (there the reference's tensors do not fit).
    spectrum = tf.signal.stft(
        audio[tf.newaxis, :] if is_single else audio, n_fft, hop_size, fft_length=n_fft
    )
    weights = 10 ** (
        a_weighting_db(np.linspace(0, sample_rate / 2, n_fft // 2 + 1)) / 10
    )
    power = tf.reduce_mean(tf.abs(spectrum) ** 2 * tf_float32(weights), axis=-1)
    loudness_db = power_to_db(power, ref_db=ref_db, range_db=range_db)
    loudness_db = loudness_db[0] if is_single else loudness_db
    return loudness_db if use_tf else loudness_db.numpy()


def a_weighting_db(frequencies_hz: np.ndarray) -> np.ndarray:
    """Return the A-weighting curve in dB, at least -80 (IEC 61672-1).

    Args:
        frequencies_hz: Any shape, 0 or more.

    >>> abs(float(a_weighting_db(1000.0))) < 0.01
    True
    """
    square = np.asarray(frequencies_hz, np.float64) ** 2
    poles = np.square([12194.217, 20.598997, 107.65265, 737.86223])  # Hz, squared
    gain = poles[0] * square**2 / (square + poles[0]) / (square + poles[1])
    gain = gain / np.sqrt((square + poles[2]) * (square + poles[3]))
    floor = 10 ** ((MIN_A_WEIGHTING_DB - 2.0) / 20)
    return 2.0 + 20.0 * np.log10(np.maximum(gain, floor))


def _hop_size(sample_rate: int, frame_rate: int) -> int:
    """Samples between frames."""
    check_positive(frame_rate=frame_rate)
    hop_size = sample_rate // frame_rate
    check_positive(hop_size=hop_size)
    return hop_size
