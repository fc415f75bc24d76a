"""The one place that draws random numbers for synthesis.

Outside any context a draw is TensorFlow's own. Inside `keyed` it is stateless: the
numbers of an example depend on the run's seed, the step, the place of the draw in the
step and the example's index in the global batch, and on nothing else, so 1 and 4
replicas, and a resumed run, hear the same noise.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.errors import ShapeError

Draw = Callable[[Sequence[Any], Any, Any, tf.DType], tf.Tensor]

# The three indices of a draw share one 64-bit key.
MAX_ROWS = 2**20  # examples of a global batch
MAX_DRAWS = 2**8  # draws of one step


def uniform(
    shape: Sequence[Any],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: tf.DType = tf.float32,
    is_shared: bool = False,
) -> tf.Tensor:
    """Draw uniform numbers in [minval, maxval).

    Args:
        shape: Integers or scalar tensors; the first is the batch.
        minval: Least value.
        maxval: Bound that is not reached.
        dtype: Of the result.
        is_shared: The draw is one for all examples of the global batch, and so its
            first axis is not the batch.
    """
    draw = _draw_shared if is_shared else _draw
    return draw.get()(shape, minval, maxval, dtype)


@contextlib.contextmanager
def replace_uniform(draw: Draw) -> Iterator[None]:
    """Inside the block, let `draw(shape, minval, maxval, dtype)` make all draws.

    What a `tf.function` draws is decided when it is traced.
    """
    with _drawing(draw, draw):
        yield


@contextlib.contextmanager
def keyed(seed: Any, step: Any, rows: Any) -> Iterator[None]:
    """Inside the block, draws are stateless and belong to examples, or to the step.

    Enter it inside the traced step, so that `step` and `rows` are its tensors.

    Args:
        seed: Of the run; integer or scalar tensor.
        step: Integer or scalar tensor, below 2**35.
        rows: Index of each example of this batch in the global batch, [batch]; below
            MAX_ROWS.

    Raises:
        ShapeError: A draw has another batch than `rows`, or there are too many draws.
    """
    rows = tf.cast(rows, tf.int64)
    seed, step = tf.cast(seed, tf.int64), tf.cast(step, tf.int64)
    n_draws = 0

    def first_key() -> tf.Tensor:
        nonlocal n_draws
        if n_draws == MAX_DRAWS:
            raise ShapeError(f"more than {MAX_DRAWS} random draws in one step")
        n_draws += 1
        return (step * MAX_DRAWS + n_draws - 1) * MAX_ROWS

    def draw_shared(
        shape: Sequence[Any], low: Any, high: Any, dtype: tf.DType
    ) -> tf.Tensor:
        return _stateless(shape, [seed, first_key()], low, high, dtype)

    def draw(shape: Sequence[Any], low: Any, high: Any, dtype: tf.DType) -> tf.Tensor:
        _check_batch(shape, rows)
        keys = first_key() + rows
        drawn = tf.map_fn(
            lambda key: _stateless(shape[1:], [seed, key], low, high, dtype),
            keys,
            fn_output_signature=dtype,
        )
        return tf.ensure_shape(drawn, [rows.shape[0], *drawn.shape[1:]])

    with _drawing(draw, draw_shared):
        yield


@contextlib.contextmanager
def _drawing(draw: Draw, draw_shared: Draw) -> Iterator[None]:
    """Inside the block, let these make the draws."""
    tokens = _draw.set(draw), _draw_shared.set(draw_shared)
    try:
        yield
    finally:
        _draw.reset(tokens[0])
        _draw_shared.reset(tokens[1])


def _stateless(
    shape: Sequence[Any], seed: Any, low: Any, high: Any, dtype: tf.DType
) -> tf.Tensor:
    """Draw numbers that a seed decides, in a compiled function as elsewhere."""
    if dtype != tf.float32:
        return tf.random.stateless_uniform(shape, seed, low, high, dtype, alg="philox")
    # The same numbers as TensorFlow's floats. XLA makes other floats of equal bits: so
    # only bits are drawn, and become the mantissas of numbers in [1, 2).
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg="philox")
    mantissa = tf.bitwise.bitwise_and(bits, tf.constant(0x7FFFFF, tf.uint32))
    in_1_to_2 = tf.bitwise.bitwise_or(mantissa, tf.constant(0x3F800000, tf.uint32))
    return (tf.bitcast(in_1_to_2, tf.float32) - 1.0) * (high - low) + low


def _check_batch(shape: Sequence[Any], rows: tf.Tensor) -> None:
    """Refuse a draw whose batch is known and is not that of `rows`."""
    n_rows = rows.shape[0]
    if isinstance(shape[0], int) and n_rows is not None and shape[0] != n_rows:
        raise ShapeError(
            f"got a random draw of shape {list(shape)} in a batch of {n_rows} examples;"
            " its first axis must be the batch, so that each example has its own key"
        )


def _draw_from_tensorflow(
    shape: Sequence[Any], minval: Any, maxval: Any, dtype: tf.DType
) -> tf.Tensor:
    return tf.random.uniform(shape, minval, maxval, dtype)


_draw: contextvars.ContextVar[Draw] = contextvars.ContextVar(
    "draw", default=_draw_from_tensorflow
)
_draw_shared: contextvars.ContextVar[Draw] = contextvars.ContextVar(
    "draw_shared", default=_draw_from_tensorflow
)
