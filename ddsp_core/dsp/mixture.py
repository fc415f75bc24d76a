"""Mixtures of Gaussians, and kernel density estimates with them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.maths import safe_divide, tf_float32

SILENT_WEIGHT = 1e-7  # of a component of weight 0: its logarithm stays finite.
LOG_SQRT_2_PI = 0.5 * math.log(2.0 * math.pi)


@dataclasses.dataclass(frozen=True)
class GaussianMixture:
    """A density on the real line, or one for each place of a batch.

    Args:
        weights: Positive, of any sum, [..., n_components].
        loc: Mean of each component, [..., n_components].
        scale: Standard deviation of all components.
    """

    weights: tf.Tensor
    loc: tf.Tensor
    scale: Any

    def log_prob(self, x: tf.Tensor) -> tf.Tensor:
        """Return the logarithm of the density at `x`.

        Args:
            x: Broadcasts with the places of the batch, which are its last axes.

        Returns:
            Of the broadcast shape; finite however far off `x` is.
        """
        log_weights = tf.nn.log_softmax(tf.math.log(self.weights), axis=-1)
        log_each = log_normal(x[..., tf.newaxis], self.loc, self.scale)
        return tf.reduce_logsumexp(log_weights + log_each, axis=-1)


def kernel_density(
    weights: tf.Tensor, points: tf.Tensor, scale: Any
) -> GaussianMixture:
    """Return the density that has a Gaussian at every point.

    Args:
        weights: Of each point, not negative, [..., n_points].
        points: [..., n_points].
        scale: Standard deviation of each Gaussian, in the unit of `points`.
    """
    weights = tf.where(weights == 0.0, SILENT_WEIGHT * tf.ones_like(weights), weights)
    return GaussianMixture(normalized(weights), points, scale)


def normalized(weights: tf.Tensor) -> tf.Tensor:
    """Divide by the sum of the last axis; all zeros stay zeros."""
    return safe_divide(weights, tf.reduce_sum(weights, axis=-1, keepdims=True))


def log_normal(x: tf.Tensor, loc: Any, scale: Any) -> tf.Tensor:
    """Return the logarithm of a Gaussian density; arguments broadcast.

    Args:
        x: Where.
        loc: Mean.
        scale: Standard deviation.
    """
    scale = tf_float32(scale)
    return -0.5 * ((x - loc) / scale) ** 2 - tf.math.log(scale) - LOG_SQRT_2_PI
