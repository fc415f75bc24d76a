"""Kernels in two ways: compiled by XLA where that pays, else as plain TensorFlow.

A compiled kernel fuses what TensorFlow would run operation by operation, several times
faster on CPUs and GPUs. It needs static shapes, and takes about a second to compile, so
it runs only inside a traced function. The plain way gives the same numbers but for
rounding: it serves eager calls, dynamic shapes and graphs that leave this process.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # the only way to ask it

_plain_only = contextvars.ContextVar("plain_only", default=False)


@contextlib.contextmanager
def plain_kernels() -> Iterator[None]:
    """Trace plain TensorFlow only, for SavedModel, TFLite and the like."""
    token = _plain_only.set(True)
    try:
        yield
    finally:
        _plain_only.reset(token)


def wants_plain() -> bool:
    """Whether `plain_kernels` is in force."""
    return _plain_only.get()


def can_compile(*tensors: Any) -> bool:
    """Whether a kernel of these tensors may be compiled here.

    Args:
        *tensors: All that it reads.
    """
    if wants_plain() or tf.executing_eagerly():
        return False
    return all(x.shape.is_fully_defined() for x in tensors)


def is_compiling() -> bool:
    """Whether a `tf.function(jit_compile=True)`, at any depth, is being traced."""
    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))


def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Make a kernel of tensors that XLA compiles once a shape; for `can_compile`."""
    return tf.function(kernel, jit_compile=True, autograph=False)
