"""Layer normalisation and leaky ReLU in one pass, and one back.

Keras runs them as five operations and their gradients, each over all of the tensor;
compiled, the values pass through memory once. Ba et al. 2016 (arXiv:1607.06450), eq. 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from ddsp_core.dsp.compiled import compiled

SLOPE: Final = 0.2  # of tf.nn.leaky_relu


@tf.custom_gradient
def normalized_leaky_relu(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Return leaky_relu(layer_norm(x)); for tensors that `can_compile`.

    Args:
        x: [..., channels].
        gamma: Scale, [channels].
        beta: Shift, [channels].
        epsilon: Added to the variance, scalar.

    Returns:
        The same shape as x.
    """
    y, mean, inverse = _forward(x, gamma, beta, epsilon)

    def grad(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        d_x, d_scale, d_shift = _backward(upstream, x, mean, inverse, gamma, beta)
        # Sums over rows are TensorFlow's: XLA's are slow along the first axis.
        rows = list(range(len(x.shape) - 1))
        return d_x, tf.reduce_sum(d_scale, rows), tf.reduce_sum(d_shift, rows), None

    return y, grad


@compiled
def _forward(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the result, means and inverse deviations of rows."""
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
    inverse = tf.math.rsqrt(variance + epsilon)
    y = (x - mean) * inverse * gamma + beta
    return tf.maximum(y, SLOPE * y), mean, inverse


@compiled
def _backward(
    upstream: tf.Tensor,
    x: tf.Tensor,
    mean: tf.Tensor,
    inverse: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the gradients of x, and of gamma and beta row by row."""
    normal = (x - mean) * inverse
    d_shift = tf.where(normal * gamma + beta > 0, upstream, SLOPE * upstream)
    d_normal = d_shift * gamma
    common = tf.reduce_mean(d_normal, -1, keepdims=True)
    along = tf.reduce_mean(d_normal * normal, -1, keepdims=True)
    d_x = inverse * (d_normal - common - normal * along)
    return d_x, d_shift * normal, d_shift
