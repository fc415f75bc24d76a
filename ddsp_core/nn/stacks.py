"""Fully connected layers, stacks of them, and recurrent layers between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.compiled import can_compile
from ddsp_core.errors import ConfigError
from ddsp_core.nn.fused import normalized_leaky_relu
from ddsp_core.nn.keras import Layer, Sequential, activations, layers
from ddsp_core.nn.precision import current_precision, product
from ddsp_core.nn.rnn import Rnn, refuse_compilation

Dense = layers.Dense


def get_nonlinearity(nonlinearity: Any) -> Callable[[Any], Any]:
    """Return the activation of that name: TensorFlow's if it has one, else Keras's.

    The order matters for 'leaky_relu', whose slope is 0.2 in `tf.nn`. A function is
    returned as it is; None is the identity.

    Raises:
        ConfigError: Neither knows the name.
    """
    if nonlinearity is None or callable(nonlinearity):
        return nonlinearity or activations.linear
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

    def call(self, inputs: tf.Tensor, training: Any = None, mask: Any = None) -> Any:
        """Run over the last axis: [..., channels] -> [..., ch].

        Args:
            inputs: [..., channels].
            training: Without effect.
            mask: Without effect.
        """
        dense, normalize, activate = self.layers
        x = _dense(dense, inputs)
        is_fused = activate.activation is tf.nn.leaky_relu and x.dtype == tf.float32
        if not (is_fused and normalize.built and can_compile(x)):
            return activate(normalize(x))
        weights = [tf.convert_to_tensor(w) for w in (normalize.gamma, normalize.beta)]
        return normalized_leaky_relu(x, *weights, tf.constant(normalize.epsilon))


def _dense(dense: Any, x: tf.Tensor) -> tf.Tensor:
    """Call a dense layer, in the precision that is in force."""
    if current_precision() == "float32" or not dense.built:
        return dense(x)
    kernel = tf.convert_to_tensor(dense.kernel)
    return product(x, kernel, current_precision()) + dense.bias


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


class FcStackOut(Layer):
    """`FcStack`, then a dense layer.

    Args:
        ch: Channels of the stack.
        layers: Of the stack.
        n_out: Output channels.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, ch: int, layers: int, n_out: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stack = FcStack(ch, layers)
        self.dense_out = Dense(n_out)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Run over the last axis: [..., channels] -> [..., n_out]."""
        return self.dense_out(self.stack(x))


class RnnFc(Sequential):
    """Recurrent layers, then `Fc`.

    The reference hands its `bidir` on as `return_sequences`, and models are trained
    with what that means, so it means that here: by default only the last step is
    returned. Differs from Magenta's: `n_rnn` above 1 then works too.

    Args:
        rnn_feat: Units of each recurrent layer.
        out_feat: Output channels.
        rnn_type: 'gru' or 'lstm'.
        nonlinearity: Name of the last activation.
        bidir: Return every step, [batch, time, out_feat], else the last one only,
            [batch, out_feat].
        n_rnn: Recurrent layers.
        **kwargs: Of `Sequential`.
    """

    def __init__(
        self,
        rnn_feat: int,
        out_feat: int,
        rnn_type: str = "lstm",
        nonlinearity: str = "sigmoid",
        bidir: bool = False,
        n_rnn: int = 1,
        **kwargs: Any,
    ) -> None:
        every_step = [True] * (n_rnn - 1) + [bidir] * min(1, n_rnn)
        parts: list[Layer] = [
            Rnn(rnn_feat, rnn_type, return_sequences=each) for each in every_step
        ]
        parts.append(Fc(out_feat, nonlinearity=nonlinearity))
        super().__init__(parts, **kwargs)


class RnnSandwich(Sequential):
    """A recurrent layer between two `FcStack`s.

    Args:
        fc_stack_ch: Channels of the stacks.
        fc_stack_layers: Layers of each stack.
        rnn_ch: Units of the recurrent layer.
        rnn_type: 'gru' or 'lstm'.
        **kwargs: Of `Sequential`.
    """

    def __init__(
        self,
        fc_stack_ch: int = 256,
        fc_stack_layers: int = 2,
        rnn_ch: int = 512,
        rnn_type: str = "gru",
        **kwargs: Any,
    ) -> None:
        parts = [
            FcStack(fc_stack_ch, fc_stack_layers),
            Rnn(rnn_ch, rnn_type),
            FcStack(fc_stack_ch, fc_stack_layers),
        ]
        super().__init__(parts, **kwargs)


class SingleGru(Sequential):
    """A GRU, then layer normalisation.

    Args:
        gru_dim: Units.
        **kwargs: Of `Sequential`.
    """

    def __init__(self, gru_dim: int = 128, **kwargs: Any) -> None:
        parts = [
            layers.GRU(gru_dim, return_sequences=True),
            layers.LayerNormalization(),
        ]
        super().__init__(parts, **kwargs)

    def call(self, inputs: tf.Tensor, training: Any = None, mask: Any = None) -> Any:
        """Run over time.

        Args:
            inputs: [batch, time, channels].
            training: Without effect.
            mask: Of Keras.

        Raises:
            UsageError: As `rnn.refuse_compilation`.
        """
        refuse_compilation(self.name)
        return super().call(inputs, training, mask)


class Identity(Layer):
    """Returns what it is given."""

    def call(self, x: Any) -> Any:
        """Return `x`."""
        return x


def get_embedding(vocab_size: int = 1024, n_dims: int = 256) -> Layer:
    """Return a layer from whole numbers [batch, 1] to learned vectors.

    Args:
        vocab_size: Numbers are below this.
        n_dims: Channels of a vector; the result is [batch, 1, n_dims].
    """
    return layers.Embedding(input_dim=vocab_size, output_dim=n_dims, input_length=1)
