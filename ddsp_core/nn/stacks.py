"""Fully connected layers and stacks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp_core.errors import ConfigError
from ddsp_core.nn.keras import Sequential, activations, layers


def get_nonlinearity(nonlinearity: str) -> Callable[[Any], Any]:
    """Return the activation of that name: TensorFlow's if it has one, else Keras's.

    The order matters for 'leaky_relu', whose slope is 0.2 in `tf.nn`.

    Raises:
        ConfigError: Neither knows the name.
    """
    for library in (tf.nn, activations):
        function = getattr(library, str(nonlinearity), None)
        if callable(function):
            return function
    raise ConfigError(
        f"nonlinearity {nonlinearity!r} is neither in tf.nn nor in keras.activations"
    )


class Fc(Sequential):
    """Dense, layer normalisation, nonlinearity.

    Args:
        ch: Output channels.
        nonlinearity: Name of the activation.
        **kwargs: Of `Sequential`.
    """

    def __init__(
        self, ch: int = 128, nonlinearity: str = "leaky_relu", **kwargs: Any
    ) -> None:
        parts = [
            layers.Dense(ch),
            layers.LayerNormalization(),
            layers.Activation(get_nonlinearity(nonlinearity)),
        ]
        super().__init__(parts, **kwargs)


class FcStack(Sequential):
    """`layers` times `Fc`; the identity for none.

    Args:
        ch: Output channels of each.
        layers: How many.
        nonlinearity: Name of the activation.
        **kwargs: Of `Sequential`.
    """

    def __init__(
        self,
        ch: int = 256,
        layers: int = 2,
        nonlinearity: str = "leaky_relu",
        **kwargs: Any,
    ) -> None:
        super().__init__([Fc(ch, nonlinearity) for _ in range(layers)], **kwargs)
