"""The distance between two sets of sinusoids as work: amplitude moved, times way."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.maths import diff, tf_float32
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.errors import ShapeError
from ddsp_core.losses.base import Loss


class WassersteinConsistencyLoss(Loss):
    """Wasserstein distance between the frequencies of two sets of sinusoids.

    Differs from the reference, which returns 0 if `midi` is False.

    Args:
        weight: Of the loss.
        midi: Measure in semitones; else in Hz.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, weight: float = 1.0, midi: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.midi = midi

    def call(
        self,
        amps_a: tf.Tensor,
        freqs_a: tf.Tensor,
        amps_b: tf.Tensor,
        freqs_b: tf.Tensor,
    ) -> tf.Tensor:
        """Return the weighted mean of `wasserstein_distance` over batch and frames.

        Args:
            amps_a: Not negative, [batch, n_frames, n_sinusoids_a].
            freqs_a: In Hz, of the same shape.
            amps_b: Not negative, [batch, n_frames, n_sinusoids_b].
            freqs_b: In Hz, of the same shape.

        Returns:
            A scalar.
        """
        if not self.weight > 0.0:
            return tf.zeros([])
        if self.midi:
            freqs_a, freqs_b = hz_to_midi(freqs_a), hz_to_midi(freqs_b)
        distance = wasserstein_distance(freqs_a, freqs_b, amps_a, amps_b, p=1.0)
        return tf.reduce_mean(self.weight * distance)


def wasserstein_distance(
    u_values: tf.Tensor,
    v_values: tf.Tensor,
    u_weights: tf.Tensor | None,
    v_weights: tf.Tensor | None,
    p: float = 1.0,
) -> tf.Tensor:
    """Return the distance between two weighted sets of points on a line.

    The p-norm of the difference of their cumulative weights (Ramdas et al. 2017,
    doi:10.3390/e19020047): p = 1 is the Wasserstein distance. As in the reference,
    weights are taken as they are, not divided by their sum: give weights of sum 1 for
    the distance between distributions. Unlike there, weights may be None.

    Args:
        u_values: [..., n_u].
        v_values: [..., n_v].
        u_weights: Not negative, [..., n_u]; None for 1 / n_u each.
        v_weights: Not negative, [..., n_v]; None for 1 / n_v each.
        p: Of the norm.

    Returns:
        [...], in the unit of the values.

    Raises:
        ShapeError: Values and weights differ in shape, or both sets in their batch.
    """
    u_values, v_values = tf_float32(u_values), tf_float32(v_values)
    _check_shapes(u_values, v_values, u_weights, v_weights)
    points = tf.sort(tf.concat([u_values, v_values], axis=-1), axis=-1)
    steps = diff(points, axis=-1)
    u_below = _weight_up_to(points[..., :-1], u_values, u_weights)
    v_below = _weight_up_to(points[..., :-1], v_values, v_weights)
    total = tf.reduce_sum(steps * tf.abs(u_below - v_below) ** p, axis=-1)
    if p == 1:
        return total
    # The root's slope at 0 is infinite; two equal sets have none.
    positive = total > 0.0
    root = tf.where(positive, total, 1.0) ** (1.0 / p)
    return tf.where(positive, root, 0.0)


def _weight_up_to(
    points: tf.Tensor, values: tf.Tensor, weights: tf.Tensor | None
) -> tf.Tensor:
    """Return the total weight of the values that are no greater than each point."""
    if weights is None:
        weights = tf.ones_like(values) / tf.cast(tf.shape(values)[-1], tf.float32)
    order = tf.argsort(values, axis=-1)
    batch_dims = len(values.shape) - 1
    ascending = tf.gather(values, order, axis=-1, batch_dims=batch_dims)
    weights = tf.gather(tf_float32(weights), order, axis=-1, batch_dims=batch_dims)
    none = tf.zeros_like(weights[..., :1])
    total = tf.concat([none, tf.cumsum(weights, axis=-1)], axis=-1)
    n_below = tf.searchsorted(ascending, points, side="right")
    return tf.gather(total, n_below, axis=-1, batch_dims=batch_dims)


def _check_shapes(
    u_values: tf.Tensor, v_values: tf.Tensor, u_weights: Any, v_weights: Any
) -> None:
    for name, values, weights in (
        ("u", u_values, u_weights),
        ("v", v_values, v_weights),
    ):
        shape = values.shape if weights is None else tf.TensorShape(weights.shape)
        if not values.shape.rank or not shape.is_compatible_with(values.shape):
            raise ShapeError(
                f"{name}_weights has shape {shape} and {name}_values {values.shape};"
                " needed equal shapes of at least one axis"
            )
    if not u_values.shape[:-1].is_compatible_with(v_values.shape[:-1]):
        raise ShapeError(
            f"u_values has shape {u_values.shape} and v_values {v_values.shape};"
            " needed equal axes but for the last"
        )
