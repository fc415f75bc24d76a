"""Resampling that moves samples between the axes of time and channels."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.nn.keras import Layer


def polyphase_resample(
    x: tf.Tensor, stride: int = 2, resample_type: str = "down", trim_or_pad: str = "pad"
) -> tf.Tensor:
    """Resample without loss: neighbours in time become neighbours in channels.

    Each channel of the result is one phase of a polyphase filter.

    Args:
        x: [batch, n_frames, channels] or [batch, n_frames, 1, channels].
        stride: Factor of both changes.
        resample_type: 'down' for [batch, n_frames / stride, channels * stride], 'up'
            for the inverse.
        trim_or_pad: What the axis that `stride` has to divide loses ('trim') or gains
            as zeros ('pad') at its end.

    Returns:
        The resampled tensor, of the rank of `x`.

    Raises:
        UsageError: `resample_type` is neither 'up' nor 'down'.
        ShapeError: `x` has not 3 axes, or 4 of which the third is 1.

    >>> polyphase_resample(tf.zeros([1, 6, 2]), 3).shape.as_list()
    [1, 2, 6]
    """
    if resample_type not in ("up", "down"):
        raise UsageError(f"resample_type is {resample_type!r}; needed 'up' or 'down'")
    if len(x.shape) == 4 and x.shape[2] == 1:
        flat = polyphase_resample(x[:, :, 0, :], stride, resample_type, trim_or_pad)
        return flat[:, :, tf.newaxis, :]
    if len(x.shape) != 3:
        raise ShapeError(
            f"x has shape {x.shape}; needed [batch, n_frames, channels] or"
            " [batch, n_frames, 1, channels]"
        )
    axis = 1 if resample_type == "down" else 2
    x = _divisible(x, axis, stride, trim_or_pad)
    n_frames, n_channels = (x.shape[i] or tf.shape(x)[i] for i in (1, 2))
    if resample_type == "down":
        return tf.reshape(x, [-1, n_frames // stride, n_channels * stride])
    return tf.reshape(x, [-1, n_frames * stride, n_channels // stride])


class PolyphaseResample(Layer):
    """`polyphase_resample` as a layer; its arguments are those of the function."""

    def __init__(
        self,
        stride: int = 2,
        resample_type: str = "down",
        trim_or_pad: str = "pad",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stride = stride
        self.resample_type = resample_type
        self.trim_or_pad = trim_or_pad

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Resample [batch, n_frames, channels] or [batch, n_frames, 1, channels]."""
        return polyphase_resample(x, self.stride, self.resample_type, self.trim_or_pad)


def _divisible(x: tf.Tensor, axis: int, stride: int, trim_or_pad: str) -> tf.Tensor:
    """Pad or trim the end of an axis so that `stride` divides its length."""
    length = x.shape[axis] or tf.shape(x)[axis]
    if trim_or_pad == "pad":
        paddings = [[0, 0], [0, 0], [0, 0]]
        paddings[axis][1] = -length % stride
        return tf.pad(x, paddings)
    kept = length - length % stride
    return x[:, :kept] if axis == 1 else x[:, :, :kept]
