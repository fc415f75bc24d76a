"""Discrete values in the forward pass, with the gradient of what they came from.

Source: Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic
Neurons", arXiv:1308.3432.
"""

from __future__ import annotations

import tensorflow as tf

from ddsp_core import randomness


def straight_through_softmax(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw one class of each distribution; the gradient is that of its probability.

    Args:
        logits: Unnormalised log probabilities, [..., n_classes].

    Returns:
        One-hot draws and probabilities, both [..., n_classes].
    """
    probs = tf.nn.softmax(logits)
    drawn = tf.one_hot(_draw(probs), probs.shape[-1], dtype=probs.dtype)
    p_drawn = probs * drawn
    return tf.stop_gradient(drawn - p_drawn) + p_drawn, probs


def straight_through_choice(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Draw one of `values` with the probabilities of `straight_through_softmax`.

    Args:
        logits: [..., n_classes].
        values: What each class stands for; broadcast to the logits.

    Returns:
        The chosen value, [..., 1].
    """
    choice, _ = straight_through_softmax(logits)
    return tf.reduce_sum(choice * values, axis=-1, keepdims=True)


def straight_through_int_quantization(x: tf.Tensor) -> tf.Tensor:
    """Round to whole numbers, half to even; the gradient passes unchanged.

    Args:
        x: Any shape, in units of the step.
    """
    return x + tf.stop_gradient(tf.math.round(x) - x)


def _draw(probs: tf.Tensor) -> tf.Tensor:
    """Draw a class of each distribution [..., n_classes] by inverting its sums."""
    sums = tf.cumsum(tf.cast(probs, tf.float32), axis=-1)
    shape = tf.unstack(tf.shape(probs)[:-1], len(probs.shape) - 1)
    known = [s or t for s, t in zip(probs.shape[:-1], shape, strict=True)]
    level = randomness.uniform([*known, 1]) * sums[..., -1:]
    n_below = tf.reduce_sum(tf.cast(sums <= level, tf.int32), axis=-1)
    return tf.minimum(n_below, probs.shape[-1] - 1)
