"""Small numerical helpers: safe logarithms and divisions, differences, padding."""

from __future__ import annotations

from typing import Any, Final

import tensorflow as tf

from ddsp_core.errors import DtypeError, ShapeError

LOG_EPSILON: Final = 1e-5  # what the logarithm of zero is the logarithm of


def tf_float32(x: Any) -> tf.Tensor:
    """Return an array, number or tensor as a float32 tensor of the same shape.

    Raises:
        DtypeError: It does not hold numbers.
    """
    if isinstance(x, tf.Tensor):
        if x.dtype in (tf.string, tf.resource, tf.variant):
            raise DtypeError(f"got a tensor of {x.dtype.name}; needed numbers")
        return tf.cast(x, tf.float32)
    try:
        return tf.convert_to_tensor(x, tf.float32)
    except (TypeError, ValueError) as error:
        kind = getattr(x, "dtype", type(x).__name__)
        raise DtypeError(
            f"got {kind}, which is no tensor of numbers: {error}"
        ) from error


def nan_to_num(x: tf.Tensor, value: float = 0.0) -> tf.Tensor:
    """Replace NaN by `value`."""
    return tf.where(tf.math.is_nan(x), value * tf.ones_like(x), x)


def safe_divide(numerator: Any, denominator: Any, eps: float = 1e-7) -> tf.Tensor:
    """Divide, with a denominator of exactly zero replaced by `eps`."""
    return numerator / tf.where(denominator == 0.0, eps, denominator)


def safe_log(x: Any, eps: float = LOG_EPSILON) -> tf.Tensor:
    """Return the natural logarithm; zero and less count as `eps`."""
    return tf.math.log(tf.where(x <= 0.0, eps, x))


def logb(x: Any, base: float = 2.0, eps: float = 1e-5) -> tf.Tensor:
    """Return the logarithm to `base`, safe at zero."""
    return safe_divide(safe_log(x, eps), safe_log(base, eps), eps)


def log10(x: Any, eps: float = 1e-5) -> tf.Tensor:
    """Return the logarithm to base 10, safe at zero."""
    return logb(x, base=10.0, eps=eps)


def diff(x: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Return differences of neighbours along `axis`; one shorter there.

    Args:
        x: Any shape.
        axis: Which axis; negative counts from the last.

    Raises:
        ShapeError: `x` has no such axis.
    """
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ShapeError(f"got axis {axis}, but the tensor has {rank} axes: {x.shape}")
    length = x.shape[axis] or tf.shape(x)[axis]
    after = tf.gather(x, tf.range(1, length), axis=axis)
    return after - tf.gather(x, tf.range(0, length - 1), axis=axis)


def pad_axis(
    x: tf.Tensor, padding: tuple[int, int] = (0, 0), axis: int = 0, **pad_kwargs: Any
) -> tf.Tensor:
    """Pad one axis.

    Args:
        x: Any shape.
        padding: Samples before and after.
        axis: Which axis; negative counts from the last.
        **pad_kwargs: For `tf.pad`: `mode`, `constant_values`.
    """
    paddings = [[0, 0] for _ in x.shape]
    paddings[axis] = list(padding)
    return tf.pad(x, paddings, **pad_kwargs)


def gradient_reversal(x: tf.Tensor) -> tf.Tensor:
    """Return `x`, whose gradient is turned round."""
    return tf.stop_gradient(2.0 * x) - x
