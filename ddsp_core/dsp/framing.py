"""Cutting signals into frames, and how many frames a signal has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.maths import pad_axis, tf_float32
from ddsp_core.errors import ShapeError


def get_framed_lengths(
    input_length: int, frame_size: int, hop_size: int, padding: str = "center"
) -> tuple[int, int]:
    """Return the number of frames of a signal, and its length once padded for them.

    Args:
        input_length: In samples.
        frame_size: In samples.
        hop_size: Samples between the starts of frames.
        padding: 'valid' (none), 'same' (at the end, input_length / hop_size frames) or
            'center' (both ends, one frame more).

    Raises:
        ShapeError: `padding` is none of them.

    >>> get_framed_lengths(16000, 512, 64, "same")
    (250, 16448)
    """
    if padding == "same":
        n_frames = math.ceil(input_length / hop_size)
        return n_frames, (n_frames - 1) * hop_size + frame_size
    if padding not in ("valid", "center"):
        raise ShapeError(
            f"padding is {padding!r}; it must be 'valid', 'same' or 'center'"
        )
    padded = input_length + (frame_size if padding == "center" else 0)
    return (padded - frame_size) // hop_size + 1, padded


def pad(
    x: Any,
    frame_size: int,
    hop_size: int,
    padding: str = "center",
    axis: int = 1,
    mode: str = "CONSTANT",
    constant_values: float = 0,
) -> tf.Tensor:
    """Pad a signal so that `frames` gives the frames that `padding` promises.

    Args:
        x: Signal, [n_samples] or any shape with time at `axis`.
        frame_size: In samples.
        hop_size: Samples between the starts of frames; at most `frame_size`.
        padding: As in `get_framed_lengths`.
        axis: Of time; 0 if `x` has one axis.
        mode: As in `tf.pad`.
        constant_values: As in `tf.pad`.

    Returns:
        `x` as float32, longer along `axis`.

    Raises:
        ShapeError: The hop is longer than the frame, or `padding` is unknown.
    """
    x = tf_float32(x)
    if padding == "valid":
        return x
    if hop_size > frame_size:
        raise ShapeError(
            f"got a hop of {hop_size} samples and frames of {frame_size}; padding"
            f" {padding!r} needs a hop of at most one frame"
        )
    axis = min(axis, len(x.shape) - 1)
    n_samples = x.shape[axis]
    padded = get_framed_lengths(n_samples, frame_size, hop_size, padding)[1]
    amounts = (0, padded - n_samples)
    if padding == "center":
        amounts = (frame_size // 2, frame_size // 2)
    return pad_axis(x, amounts, axis, mode=mode, constant_values=constant_values)


def frames(audio: tf.Tensor, frame_size: int, hop_size: int) -> tf.Tensor:
    """Cut the last axis into whole frames; a shorter tail is dropped.

    Args:
        audio: [..., n_samples].
        frame_size: In samples.
        hop_size: Samples between the starts of frames.

    Returns:
        [..., n_frames, frame_size].
    """
    return tf.signal.frame(audio, frame_size, hop_size, pad_end=False)


def center_crop(audio: tf.Tensor, frame_size: int) -> tf.Tensor:
    """Undo the padding of 'center'.

    Args:
        audio: [batch, n_samples, ...].
        frame_size: In samples; half of it is cut from each end.
    """
    half = frame_size // 2
    return audio[:, half : audio.shape[1] - half]


def pad_or_trim_to_expected_length(
    vector: Any,
    expected_len: int,
    pad_value: float = 0,
    len_tolerance: int = 20,
    use_tf: bool = False,
) -> Any:
    """Make a feature exactly as long as its frames, if it nearly is.

    Args:
        vector: [n] or [batch, n].
        expected_len: Length wanted.
        pad_value: What a shorter vector is filled with, at the end.
        len_tolerance: Difference in length above which this is an error.
        use_tf: Return a tensor; else a numpy array.

    Raises:
        ShapeError: The length differs by more than `len_tolerance`.
    """
    n = int(vector.shape[-1])
    n_missing = int(expected_len) - n
    if abs(n_missing) > len_tolerance:
        raise ShapeError(
            f"got a vector of length {n}, needed {expected_len} within a tolerance of"
            f" {len_tolerance}"
        )
    library = tf if use_tf else np
    if n_missing <= 0:
        return vector[..., :expected_len]
    amounts = [(0, 0)] * (len(vector.shape) - 1) + [(0, n_missing)]
    return library.pad(vector, amounts, mode="constant", constant_values=pad_value)
