"""The mean distance between two tensors, and the loss that is only that."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import UsageError
from ddsp_core.losses.base import Loss


class ParamLoss(Loss):
    """Mean difference of any two tensors of one shape.

    Args:
        weight: Of the loss.
        loss_type: As in `mean_difference`.
        **kwargs: Keras's `name`.
    """

    def __init__(
        self, weight: float = 1.0, loss_type: str = "L1", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.loss_type = loss_type

    def call(self, pred: tf.Tensor, target: tf.Tensor, weights: Any = None) -> Any:
        """Return the weighted mean difference of `pred` and `target`."""
        return self.weight * mean_difference(pred, target, self.loss_type, weights)


def mean_difference(
    target: tf.Tensor, value: tf.Tensor, loss_type: str = "L1", weights: Any = None
) -> tf.Tensor:
    """Return the mean distance between two tensors of one shape.

    Args:
        target: What is wanted.
        value: What there is.
        loss_type: 'L1', 'L2', or 'COSINE' (of the last axis).
        weights: Of each difference; must broadcast to them.

    Returns:
        A scalar.

    Raises:
        UsageError: `loss_type` is unknown.
    """
    weights = 1.0 if weights is None else weights
    kind = loss_type.upper()
    # Plain conditions: AutoGraph cannot convert `match`, and warns.
    if kind == "L1":
        return tf.reduce_mean(tf.abs((target - value) * weights))
    if kind == "L2":
        return tf.reduce_mean((target - value) ** 2 * weights)
    if kind == "COSINE":
        products = tf.reduce_sum(target * value, axis=-1, keepdims=True)
        return tf.reduce_mean((1.0 - products) * weights)
    raise UsageError(f"loss_type is {loss_type!r}; it must be 'L1', 'L2' or 'COSINE'")
