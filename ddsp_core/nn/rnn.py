"""Recurrent layers; the Keras layer that holds the weights is their attribute `rnn`.

On a GPU that layer runs too (cuDNN); on a CPU the GRU of `gru.py` runs on its weights.
There no recurrent layer runs inside a function that XLA compiles.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.compiled import is_compiling
from ddsp_core.errors import ConfigError, UsageError
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

        Raises:
            UsageError: As `refuse_compilation`.
        """
        refuse_compilation(self.name)
        if _has_gpu() or not isinstance(self.rnn, layers.GRU):
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

        Raises:
            UsageError: As `refuse_compilation`.
        """
        refuse_compilation(self.name)
        y, new_state = self.rnn(x, initial_state=state)
        return y, new_state


def refuse_compilation(name: str) -> None:
    """Refuse to be traced inside a function that XLA compiles for a CPU.

    Its loops run step by step, without the fast products: 35 times slower, measured.
    (A `tf.function` that was traced before is not seen: it runs, right but slowly.)

    Args:
        name: Of the layer.

    Raises:
        UsageError: A `tf.function(jit_compile=True)` is being traced, without a GPU.
    """
    if is_compiling() and not _has_gpu():
        raise UsageError(
            f"the recurrent layer {name!r} is called inside a function with"
            " jit_compile=True; on a CPU, XLA makes its loop many times slower: call it"
            " from a plain tf.function, and compile what comes before and after it"
        )


def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


def _rnn_class(rnn_type: str) -> Any:
    classes = {"gru": layers.GRU, "lstm": layers.LSTM}
    if rnn_type not in classes:
        raise ConfigError(f"rnn_type is {rnn_type!r}; it must be 'gru' or 'lstm'")
    return classes[rnn_type]
