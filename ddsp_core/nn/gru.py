"""A GRU for CPUs: the weights' gradient is one product after the loop, not one a step.

Keras forms the gradient of the recurrent kernel at every step of the backward loop, a
sum of n_frames small products. Here the forward loop keeps its gates, the backward loop
makes the gradients of the pre-activations only, and one large product over all steps
follows. Weights and results are those of Keras's GRU (`reset_after=True`, gates in the
order z, r, h).

Source: Cho et al. 2014, arXiv:1406.1078; as in cuDNN, reset after the product.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import tensorflow as tf

from ddsp_core.dsp.compiled import can_compile, compiled
from ddsp_core.nn.precision import current_precision, product

BLOCK_ELEMENTS: Final = 200_000  # 0.8 MB: most of a core's second cache
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
    return _gru(x, *weights, current_precision())


@tf.function(autograph=False)  # A loop of Python would be slow when called eagerly.
def _gru(
    x: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    precision: str,
) -> tf.Tensor:
    by_time = tf.transpose(x, [1, 0, 2])
    # [time, batch, 3 * units]. The recurrence stays float32, or its state would drift.
    projected = product(by_time, kernel, precision) + bias[0]
    states = _recurrence(projected, recurrent_kernel, bias[1])
    return tf.transpose(states, [1, 0, 2])


@tf.custom_gradient
def _recurrence(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[..., Tensors]]:
    """Return all states [time, batch, units], and their gradient."""
    units = recurrent_kernel.shape[0]
    kept = _forward(projected, recurrent_kernel, bias)  # [time, batch, 4 * units]
    states, recurrent = tf.split(kept, [units, 3 * units], axis=-1)

    def gradient(d_states: tf.Tensor, variables: Any = None) -> Any:
        before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)
        args = (d_states, before, projected, recurrent)
        # Outside the loop elementwise work may be compiled; loops must not be.
        factors = (_fast_factors if can_compile(*args) else _factors)(*args)
        d_projected = _backward(factors, recurrent_kernel)
        d_zr, d_h = tf.split(d_projected, [2 * units, units], axis=-1)
        d_recurrent = tf.concat([d_zr, d_h * factors[..., -units:]], axis=-1)
        d_kernel = tf.matmul(_rows(before), _rows(d_recurrent), transpose_a=True)
        return d_projected, d_kernel, tf.reduce_sum(d_recurrent, [0, 1])

    return states, gradient


def _forward(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Return the state and the recurrent product of every step."""
    units = recurrent_kernel.shape[0]
    n_frames = projected.shape[0] or tf.shape(projected)[0]
    inputs = tf.TensorArray(projected.dtype, n_frames).unstack(projected)
    kept = tf.TensorArray(projected.dtype, n_frames)
    blocks = _blocks(recurrent_kernel)

    def step(i: tf.Tensor, state: tf.Tensor, kept: Any) -> tuple[Any, ...]:
        x_zr, x_h = tf.split(inputs.read(i), [2 * units, units], axis=-1)
        recurrent = _product(state, blocks) + bias
        recurrent_zr, recurrent_h = tf.split(recurrent, [2 * units, units], axis=-1)
        z, r = tf.split(tf.sigmoid(x_zr + recurrent_zr), 2, axis=-1)
        h = tf.tanh(x_h + r * recurrent_h)
        state = h + z * (state - h)
        return i + 1, state, kept.write(i, tf.concat([state, recurrent], axis=-1))

    start = tf.zeros_like(projected[0, :, :units])
    _, _, kept = tf.while_loop(
        lambda i, *_: i < n_frames,
        step,
        (0, start, kept),
        maximum_iterations=n_frames,
    )
    return tf.ensure_shape(
        kept.stack(), [projected.shape[0], projected.shape[1], 4 * units]
    )


def _factors(
    d_states: tf.Tensor, before: tf.Tensor, projected: tf.Tensor, recurrent: tf.Tensor
) -> tf.Tensor:
    """Return every elementwise factor of the chain rule, for all steps at once.

    Args:
        d_states: Gradient of the states, [time, batch, units].
        before: The state before each step, the same shape.
        projected: [time, batch, 3 * units].
        recurrent: The same shape.

    Returns:
        d_states, z, to_z, to_h, to_r and r, [time, batch, 6 * units].
    """
    units = before.shape[-1]
    x_zr, x_h = tf.split(projected, [2 * units, units], axis=-1)
    recurrent_zr, recurrent_h = tf.split(recurrent, [2 * units, units], axis=-1)
    z, r = tf.split(tf.sigmoid(x_zr + recurrent_zr), 2, axis=-1)
    h = tf.tanh(x_h + r * recurrent_h)
    to_z = (before - h) * z * (1.0 - z)
    to_h = (1.0 - z) * (1.0 - h * h)
    to_r = recurrent_h * r * (1.0 - r)
    return tf.concat([d_states, z, to_z, to_h, to_r, r], axis=-1)


_fast_factors = compiled(_factors)


def _backward(factors: tf.Tensor, recurrent_kernel: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the projected inputs [time, batch, 3 * units]."""
    units = recurrent_kernel.shape[0]
    n_frames = factors.shape[0] or tf.shape(factors)[0]
    inputs = tf.TensorArray(factors.dtype, n_frames).unstack(factors)
    gradients = tf.TensorArray(factors.dtype, n_frames)
    blocks = _blocks(tf.transpose(recurrent_kernel))

    def step(i: tf.Tensor, d_later: tf.Tensor, gradients: Any) -> tuple[Any, ...]:
        d_out, z, to_z, to_h, to_r, r = tf.split(inputs.read(i), 6, axis=-1)
        d_state = d_later + d_out
        d_h = d_state * to_h
        d_zr = tf.concat([d_state * to_z, d_h * to_r], axis=-1)
        d_recurrent = tf.concat([d_zr, d_h * r], axis=-1)
        d_before = d_state * z + _product(d_recurrent, blocks)
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


def _blocks(kernel: tf.Tensor) -> list[tf.Tensor]:
    """Cut a kernel by columns into blocks that stay in a core's cache.

    A few rows times all of a large kernel reads it from beyond that cache at every
    step; blocks are read by the same core again, and by several cores at a time.
    """
    n_inputs, n_outputs = kernel.shape
    n_blocks = math.ceil(n_inputs * n_outputs / BLOCK_ELEMENTS)
    edges = [n_outputs * i // n_blocks for i in range(n_blocks + 1)]
    sizes = [stop - start for start, stop in itertools.pairwise(edges)]
    return [tf.identity(block) for block in tf.split(kernel, sizes, axis=1)]


def _product(x: tf.Tensor, blocks: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return x times the kernel that was cut into blocks."""
    parts = [tf.matmul(x, block) for block in blocks]
    return tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]


def _rows(x: tf.Tensor) -> tf.Tensor:
    """Return [time, batch, channels] as [time * batch, channels]."""
    return tf.reshape(x, [-1, x.shape[-1]])
