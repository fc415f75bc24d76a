"""From frames to samples: interpolation of controls."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_positive, check_shape
from ddsp_core.dsp.compiled import is_compiling
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.errors import ShapeError, UsageError

METHODS = ("nearest", "linear", "cubic", "window")
SHAPES = (
    "[n_frames]",
    "[batch, n_frames]",
    "[batch, n_frames, channels]",
    "[batch, n_frames, n_freqs, channels]",
)


def resample(
    inputs: Any, n_timesteps: int, method: str = "linear", add_endpoint: bool = True
) -> tf.Tensor:
    """Interpolate along time.

    Args:
        inputs: [n_frames], [batch, n_frames], [batch, n_frames, channels] or
            [batch, n_frames, n_freqs, channels].
        n_timesteps: Samples wanted.
        method: 'nearest', 'linear', 'cubic', or 'window' (overlapping Hann windows,
            only upwards: smoother where frames are long).
        add_endpoint: Hold the last frame for one more interval, so that n_timesteps are
            n_frames intervals; else the last frame is the last sample.

    Returns:
        As `inputs`, with n_timesteps for n_frames.

    Raises:
        UsageError: `method` is unknown, or 'cubic' in a function that XLA compiles.
        ShapeError: The rank is another, there are no samples wanted, or 'window' cannot
            make n_timesteps of so many frames.
    """
    inputs = tf_float32(inputs)
    if method not in METHODS:
        raise UsageError(
            f"resampling method is {method!r}; it must be one of {', '.join(METHODS)}"
        )
    check_shape("inputs", inputs, *SHAPES)
    check_positive(n_timesteps=int(n_timesteps))
    rank = len(inputs.shape)
    if rank == 1:
        return resample(inputs[tf.newaxis], n_timesteps, method, add_endpoint)[0]
    if rank == 2:
        column = inputs[:, :, tf.newaxis]
        return resample(column, n_timesteps, method, add_endpoint)[:, :, 0]
    if method == "window":
        return upsample_with_windows(inputs, n_timesteps, add_endpoint)
    if is_compiling() and method == "linear":
        # Where XLA resizes by a whole factor, its values are wrong.
        return _interpolate(inputs, n_timesteps, add_endpoint)
    if is_compiling() and method == "cubic":
        raise UsageError(
            "resampling method is 'cubic' in a function with jit_compile=True; XLA has"
            " no such kernel: take another method, or do not compile"
        )
    # [batch, time, freqs, channels] is an image to TensorFlow. The first version of its
    # resize puts sample 0 on frame 0; the second is half a pixel off.
    image = inputs[:, :, tf.newaxis, :] if rank == 3 else inputs
    image = tf.compat.v1.image.resize(
        image,
        [n_timesteps, image.shape[2]],
        method={"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}[method],
        align_corners=not add_endpoint,
    )
    return image[:, :, 0, :] if rank == 3 else image


def upsample_with_windows(
    inputs: Any, n_timesteps: int, add_endpoint: bool = True
) -> tf.Tensor:
    """Interpolate by overlapping Hann windows: a raised cosine between two frames.

    Args:
        inputs: [batch, n_frames, channels].
        n_timesteps: Samples wanted; a multiple of the intervals, and more.
        add_endpoint: As in `resample`.

    Returns:
        [batch, n_timesteps, channels].

    Raises:
        ShapeError: The shapes do not allow it.
    """
    inputs = tf_float32(inputs)
    if len(inputs.shape) != 3:
        raise ShapeError(
            f"got shape {inputs.shape}; 'window' needs [batch, n_frames, channels]"
        )
    if add_endpoint:
        inputs = hold_last(inputs)
    n_intervals = int(inputs.shape[1]) - 1
    if n_intervals >= n_timesteps or n_timesteps % n_intervals:
        raise ShapeError(
            f"got {n_intervals} intervals between frames for {n_timesteps} samples"
            f" (add_endpoint={add_endpoint}); 'window' needs more samples than"
            " intervals, and a multiple of them"
        )
    hop_size = n_timesteps // n_intervals
    rise = fade_in(hop_size, "window")[:, np.newaxis]
    # [batch, n_intervals, hop_size, channels]
    x = inputs[:, :-1, tf.newaxis] * (1.0 - rise) + inputs[:, 1:, tf.newaxis] * rise
    return tf.reshape(x, [-1, n_timesteps, inputs.shape[2]])


def _interpolate(x: tf.Tensor, n_timesteps: int, add_endpoint: bool) -> tf.Tensor:
    """Interpolate linearly along axis 1, with positions rounded as TensorFlow's."""
    n_frames = int(x.shape[1])
    n_in, n_out = n_frames, n_timesteps
    if not add_endpoint and n_timesteps > 1:
        n_in, n_out = n_frames - 1, n_timesteps - 1
    position = np.arange(n_timesteps, dtype=np.float32) * np.float32(n_in / n_out)
    here = np.minimum(position.astype(np.int64), n_frames - 1)
    weight = (position - here).reshape([-1] + [1] * (len(x.shape) - 2))
    start = tf.gather(x, here, axis=1)
    end = tf.gather(x, np.minimum(here + 1, n_frames - 1), axis=1)
    return start + (end - start) * weight


def fade_in(hop_size: int, method: str) -> np.ndarray:
    """Return the weight of the next frame at each sample of an interval.

    The weight of the frame at its start is one minus that.

    Args:
        hop_size: Samples in the interval.
        method: 'nearest', 'linear' or 'window'.

    Returns:
        Float32, [hop_size], from 0.
    """
    position = np.arange(hop_size) / hop_size
    weights = {
        "nearest": np.zeros(hop_size),
        "linear": position,
        "window": 0.5 - 0.5 * np.cos(np.pi * position),
    }
    return weights[method].astype(np.float32)


def hold_last(frames: tf.Tensor) -> tf.Tensor:
    """Repeat the last frame, so that every frame has a next one.

    Args:
        frames: [batch, n_frames, ...].

    Returns:
        [batch, n_frames + 1, ...].
    """
    return tf.concat([frames, frames[:, -1:]], axis=1)
