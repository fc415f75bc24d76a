"""bfloat16 products in networks, by option; all else stays float32.

Weights, states, normalisation and every signal are float32 as ever: only the factors of
the large matrix products are rounded to 8 bits of mantissa, which processors with
bfloat16 units multiply about twice as fast. Checkpoints do not change.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Final

import tensorflow as tf

from ddsp_core.errors import UsageError

PRECISIONS: Final = ("float32", "bfloat16")
_precision = contextvars.ContextVar("network_precision", default="float32")


@contextlib.contextmanager
def network_precision(name: str) -> Iterator[None]:
    """Compute the networks' large products so; enter it where a model is called.

    A traced function keeps what was in force when it was traced.

    Args:
        name: 'float32' or 'bfloat16'.

    Raises:
        UsageError: It is neither.
    """
    if name not in PRECISIONS:
        raise UsageError(
            f"precision is {name!r}; needed {' or '.join(map(repr, PRECISIONS))}"
        )
    token = _precision.set(name)
    try:
        yield
    finally:
        _precision.reset(token)


def current_precision() -> str:
    """Return what is in force: 'float32' or 'bfloat16'."""
    return _precision.get()


def product(x: tf.Tensor, kernel: tf.Tensor, precision: str) -> tf.Tensor:
    """Return x times kernel over the last axis, float32.

    Args:
        x: [..., n_inputs].
        kernel: [n_inputs, n_outputs].
        precision: Of the factors.
    """
    if precision == "bfloat16":
        x, kernel = tf.cast(x, tf.bfloat16), tf.cast(kernel, tf.bfloat16)
    return tf.cast(tf.tensordot(x, kernel, 1), tf.float32)
