"""Normalisation over groups of channels, learned or conditional scale and shift."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import ShapeError, UnknownNameError
from ddsp_core.nn.keras import Layer, layers

N_GROUPS = 32  # of the norm type 'group'; the number of channels is a multiple.
NORM_TYPES = ("layer", "instance", "group")


def ensure_4d(x: Any) -> tf.Tensor:
    """Give a tensor the axes [batch, time, 1, channels], as convolutions need them.

    Args:
        x: [batch, channels] or [batch, time, channels]; any other rank stays.

    >>> ensure_4d(tf.zeros([2, 5, 3])).shape.as_list()
    [2, 5, 1, 3]
    """
    if len(x.shape) == 2:
        return x[:, tf.newaxis, tf.newaxis, :]
    return x[:, :, tf.newaxis, :] if len(x.shape) == 3 else x


def inv_ensure_4d(x: Any, n_dims: int) -> tf.Tensor:
    """Undo `ensure_4d` for a tensor that had `n_dims` axes before."""
    if n_dims == 2:
        return x[:, 0, 0, :]
    return x[:, :, 0, :] if n_dims == 3 else x


def normalize_op(
    x: tf.Tensor, norm_type: str | None = "layer", eps: float = 1e-5
) -> tf.Tensor:
    """Shift and scale to mean 0 and variance 1 over time, height and a channel group.

    Sources: Ba et al. 2016 (arXiv:1607.06450), Ulyanov et al. 2016
    (arXiv:1607.08022), Wu and He 2018 (arXiv:1803.08494).

    Args:
        x: [batch, height, width, channels].
        norm_type: 'layer' (all channels together), 'instance' (each alone), 'group' (32
            groups of neighbours), or None for `x` itself.
        eps: Added to the variance.

    Returns:
        The same shape.

    Raises:
        UnknownNameError: `norm_type` is unknown.
        ShapeError: `x` has not 4 axes, or 32 groups do not divide its channels.
    """
    if norm_type is None:
        return x
    _check_norm_type(norm_type)
    if len(x.shape) != 4:
        raise ShapeError(
            f"x has shape {x.shape}; needed [batch, height, width, channels]"
        )
    n_channels = x.shape[-1]
    groups = {"instance": n_channels, "layer": 1, "group": N_GROUPS}
    n_groups = groups[norm_type]
    if n_channels % n_groups:
        raise ShapeError(
            f"x has shape {x.shape}; the norm type 'group' needs a number of channels"
            f" that {N_GROUPS} divides"
        )
    # [batch, height, width, n_groups, channels of a group]
    size = tf.shape(x)
    grouped = tf.reshape(
        x, [size[0], size[1], size[2], n_groups, n_channels // n_groups]
    )
    mean, variance = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
    normal = (grouped - mean) / tf.sqrt(variance + eps)
    return tf.ensure_shape(tf.reshape(normal, size), x.shape)


class Normalize(Layer):
    """`normalize_op`, then a learned scale and shift of each channel.

    Args:
        norm_type: As in `normalize_op`.
        **kwargs: Of the Keras layer.

    Raises:
        UnknownNameError: `norm_type` is unknown.
    """

    def __init__(self, norm_type: str | None = "layer", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_norm_type(norm_type)
        self.norm_type = norm_type

    def build(self, x_shape: tf.TensorShape) -> None:
        """Create scale and shift of inputs [..., channels]."""
        shape = [1, 1, 1, int(x_shape[-1])]
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.shift = self.add_weight(name="shift", shape=shape, initializer="zeros")
        super().build(x_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise [batch, channels], [batch, time, channels] or 4 axes."""
        normal = normalize_op(ensure_4d(x), self.norm_type)
        return inv_ensure_4d(normal * self.scale + self.shift, len(x.shape))


class ConditionalScaleAndShift(Layer):
    """Scale and shift each channel by what a dense layer makes of a conditioning.

    Source: Perez et al. 2017, "FiLM", arXiv:1709.07871.

    Args:
        shift_only: Do not scale.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, shift_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shift_only = shift_only

    def build(self, inputs_shapes: Any) -> None:
        """Create the dense layer for inputs ([..., channels], conditioning)."""
        self.x_ch = int(inputs_shapes[0][-1])
        self.dense = layers.Dense(self.x_ch if self.shift_only else 2 * self.x_ch)
        super().build(inputs_shapes)

    def call(self, inputs: Any) -> tf.Tensor:
        """Scale and shift.

        Args:
            inputs: x [batch, height, width, channels], and z [..., any], broadcast.

        Returns:
            [batch, height, width, channels].
        """
        x, z = inputs
        if self.shift_only:
            return x + self.dense(z)
        scale, shift = tf.split(self.dense(z), 2, axis=-1)
        return x * scale + shift


class ConditionalNorm(Layer):
    """`normalize_op`, then `ConditionalScaleAndShift`.

    Args:
        norm_type: As in `normalize_op`.
        shift_only: As in `ConditionalScaleAndShift`.
        **kwargs: Of the Keras layer.

    Raises:
        UnknownNameError: `norm_type` is unknown.
    """

    def __init__(
        self,
        norm_type: str | None = "instance",
        shift_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_norm_type(norm_type)
        self.norm_type = norm_type
        self.conditional_scale_and_shift = ConditionalScaleAndShift(shift_only)

    def call(self, inputs: Any) -> tf.Tensor:
        """Normalise x by itself and shift it by z.

        Args:
            inputs: x [batch, height, width, channels] and z, broadcast against it.

        Returns:
            [batch, height, width, channels].
        """
        x, z = inputs
        return self.conditional_scale_and_shift([normalize_op(x, self.norm_type), z])


def get_norm(norm_type: str | None, conditional: bool, shift_only: bool) -> Layer:
    """Return a `ConditionalNorm` if `conditional`, else a `Normalize`."""
    if conditional:
        return ConditionalNorm(norm_type=norm_type, shift_only=shift_only)
    return Normalize(norm_type)


def _check_norm_type(norm_type: str | None) -> None:
    if norm_type is not None and norm_type not in NORM_TYPES:
        raise UnknownNameError(
            f"norm_type is {norm_type!r}; it must be one of {NORM_TYPES} or None"
        )
