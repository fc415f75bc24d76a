"""A GRU for CPUs: the weights' gradient is one product after the loop, not one a step.

Keras forms the gradient of the recurrent kernel at every step of the backward loop, a
sum of n_frames small products. Here the forward loop keeps its gates, the backward loop
makes the gradients of the pre-activations only, and one large product over all steps
follows. Weights and results are those of Keras's GRU (`reset_after=True`, gates in the
order z, r, h).

Source: Cho et al. 2014, arXiv:1406.1078; as in cuDNN, reset after the product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensors = tuple[tf.Tensor, ...]


def gru(
    x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Run a GRU from a state of zeros.

    Args:
        x: [batch, time, channels].
        kernel: [channels, 3 * units].
        recurrent_kernel: [units, 3 * units].
        bias: [2, 3 * units], of the input and of the recurrent product.

    Returns:
        Every state, [batch, time, units].
    """
    # Tensors, since a traced function would remember variables by their identity.
    weights = [tf.convert_to_tensor(w) for w in (kernel, recurrent_kernel, bias)]
    return _gru(x, *weights)


@tf.function(autograph=False)  # A loop of Python would be slow when called eagerly.
def _gru(
    x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    by_time = tf.transpose(x, [1, 0, 2])
    projected = tf.tensordot(by_time, kernel, 1) + bias[0]  # [time, batch, 3 * units]
    states = _recurrence(projected, recurrent_kernel, bias[1])
    return tf.transpose(states, [1, 0, 2])


@tf.custom_gradient
def _recurrence(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[..., Tensors]]:
    """Return all states [time, batch, units], and their gradient."""
    kept = _forward(projected, recurrent_kernel, bias)  # [time, batch, 5 * units]
    states, z, r, h, recurrent_h = tf.split(kept, 5, axis=-1)

    def gradient(d_states: tf.Tensor, variables: Any = None) -> Any:
        before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)
        # Every elementwise factor of the chain rule, for all steps at once.
        to_z = (before - h) * z * (1.0 - z)
        to_h = (1.0 - z) * (1.0 - h * h)
        to_r = recurrent_h * r * (1.0 - r)
        factors = tf.concat([d_states, z, to_z, to_h, to_r, r], axis=-1)
        d_projected = _backward(factors, recurrent_kernel)
        d_zr, d_h = tf.split(d_projected, [2 * z.shape[-1], z.shape[-1]], axis=-1)
        d_recurrent = tf.concat([d_zr, d_h * r], axis=-1)
        d_kernel = tf.matmul(_rows(before), _rows(d_recurrent), transpose_a=True)
        return d_projected, d_kernel, tf.reduce_sum(d_recurrent, [0, 1])

    return states, gradient


def _forward(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Return states, both gates, candidate and its recurrent part of every step."""
    units = recurrent_kernel.shape[0]
    n_frames = tf.shape(projected)[0]
    inputs = tf.TensorArray(projected.dtype, n_frames).unstack(projected)
    kept = tf.TensorArray(projected.dtype, n_frames)

    def step(i: tf.Tensor, state: tf.Tensor, kept: Any) -> tuple[Any, ...]:
        x_zr, x_h = tf.split(inputs.read(i), [2 * units, units], axis=-1)
        recurrent = tf.matmul(state, recurrent_kernel) + bias
        recurrent_zr, recurrent_h = tf.split(recurrent, [2 * units, units], axis=-1)
        z, r = tf.split(tf.sigmoid(x_zr + recurrent_zr), 2, axis=-1)
        h = tf.tanh(x_h + r * recurrent_h)
        state = h + z * (state - h)
        parts = tf.concat([state, z, r, h, recurrent_h], axis=-1)
        return i + 1, state, kept.write(i, parts)

    start = tf.zeros_like(projected[0, :, :units])
    _, _, kept = tf.while_loop(
        lambda i, *_: i < n_frames,
        step,
        (0, start, kept),
        maximum_iterations=n_frames,
    )
    return tf.ensure_shape(
        kept.stack(), [projected.shape[0], projected.shape[1], 5 * units]
    )


def _backward(factors: tf.Tensor, recurrent_kernel: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the projected inputs [time, batch, 3 * units]."""
    units = recurrent_kernel.shape[0]
    n_frames = tf.shape(factors)[0]
    inputs = tf.TensorArray(factors.dtype, n_frames).unstack(factors)
    gradients = tf.TensorArray(factors.dtype, n_frames)
    transposed = tf.transpose(recurrent_kernel)

    def step(i: tf.Tensor, d_later: tf.Tensor, gradients: Any) -> tuple[Any, ...]:
        d_out, z, to_z, to_h, to_r, r = tf.split(inputs.read(i), 6, axis=-1)
        d_state = d_later + d_out
        d_h = d_state * to_h
        d_zr = tf.concat([d_state * to_z, d_h * to_r], axis=-1)
        d_recurrent = tf.concat([d_zr, d_h * r], axis=-1)
        d_before = d_state * z + tf.matmul(d_recurrent, transposed)
        return i - 1, d_before, gradients.write(i, tf.concat([d_zr, d_h], axis=-1))

    start = tf.zeros_like(factors[0, :, :units])
    _, _, gradients = tf.while_loop(
        lambda i, *_: i >= 0,
        step,
        (n_frames - 1, start, gradients),
        maximum_iterations=n_frames,
    )
    return tf.ensure_shape(
        gradients.stack(), [factors.shape[0], factors.shape[1], 3 * units]
    )


def _rows(x: tf.Tensor) -> tf.Tensor:
    """Return [time, batch, channels] as [time * batch, channels]."""
    return tf.reshape(x, [-1, x.shape[-1]])
