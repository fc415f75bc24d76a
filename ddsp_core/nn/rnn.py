"""Recurrent layers; the Keras layer that holds the weights is their attribute `rnn`.

On a GPU that layer runs too (cuDNN); on a CPU the GRU of `gru.py` runs on its weights.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import ConfigError
from ddsp_core.nn.gru import gru
from ddsp_core.nn.keras import Layer, layers


class Rnn(Layer):
    """One recurrent layer.

    Args:
        dims: Units.
        rnn_type: 'gru' or 'lstm'.
        return_sequences: Return every step, else the last one only.
        bidir: Run forwards and backwards and concatenate: 2 * dims channels.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        dims: int,
        rnn_type: str,
        return_sequences: bool = True,
        bidir: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.return_sequences = return_sequences
        self.rnn = _rnn_class(rnn_type)(dims, return_sequences=return_sequences)
        if bidir:
            self.rnn = layers.Bidirectional(self.rnn)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Create the weights for inputs [batch, time, channels]."""
        with tf.name_scope(self.rnn.name):
            self.rnn.build(input_shape)
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Run over time.

        Args:
            x: [batch, time, channels].

        Returns:
            [batch, time, dims], or [batch, dims] without `return_sequences`.
        """
        has_gpu = bool(tf.config.list_logical_devices("GPU"))
        if has_gpu or not isinstance(self.rnn, layers.GRU):
            return self.rnn(x)
        cell = self.rnn.cell
        states = gru(x, cell.kernel, cell.recurrent_kernel, cell.bias)
        return states if self.return_sequences else states[:, -1]


class StatelessRnn(Layer):
    """A recurrent layer whose state is handed in and out, for streaming.

    Args:
        dims: Units.
        rnn_type: 'gru'. ('lstm' has two states and raises, as in the reference.)
        **kwargs: Of the Keras layer.
    """

    def __init__(self, dims: int, rnn_type: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rnn = _rnn_class(rnn_type)(dims, return_sequences=True, return_state=True)

    def call(self, x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Run over time from a state.

        Args:
            x: [batch, time, channels].
            state: [batch, dims], what the last call returned; zeros at the start.

        Returns:
            Output [batch, time, dims] and the state after it [batch, dims].
        """
        y, new_state = self.rnn(x, initial_state=state)
        return y, new_state


def _rnn_class(rnn_type: str) -> Any:
    classes = {"gru": layers.GRU, "lstm": layers.LSTM}
    if rnn_type not in classes:
        raise ConfigError(f"rnn_type is {rnn_type!r}; it must be 'gru' or 'lstm'")
    return classes[rnn_type]
