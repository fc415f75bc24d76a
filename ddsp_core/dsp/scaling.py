"""From unbounded network outputs to amplitudes and frequencies."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.maths import tf_float32


def exp_sigmoid(
    x: Any, exponent: float = 10.0, max_value: float = 2.0, threshold: float = 1e-7
) -> tf.Tensor:
    """Map any number to (threshold, max_value + threshold), nearly exponentially.

    Engel et al. 2020 (arXiv:2001.04643), equation 5.

    Args:
        x: Any shape.
        exponent: Factor by which the output grows where `x` grows by 1, below 0.
        max_value: Limit for large `x`.
        threshold: Limit for small `x`; keeps gradients of logarithms finite.
    """
    return max_value * tf.nn.sigmoid(tf_float32(x)) ** tf.math.log(exponent) + threshold


def sym_exp_sigmoid(x: Any, width: float = 8.0) -> tf.Tensor:
    """Return `exp_sigmoid`, symmetrical in `x` and least at 0."""
    return exp_sigmoid(width * (tf.abs(tf_float32(x)) / 2.0 - 1.0))


def log_scale(x: Any, min_x: Any, max_x: Any) -> tf.Tensor:
    """Map [-1, 1] to [min_x, max_x], evenly in the logarithm."""
    x = (tf_float32(x) + 1.0) / 2.0
    return tf.exp((1.0 - x) * tf.math.log(min_x) + x * tf.math.log(max_x))


def soft_limit(x: Any, x_min: float = 0.0, x_max: float = 1.0) -> tf.Tensor:
    """Limit softly to [x_min, x_max]."""
    return tf.nn.softplus(x) + x_min - tf.nn.softplus(x - (x_max - x_min))
