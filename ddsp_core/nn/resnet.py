"""Residual networks of two-dimensional convolutions, over spectrograms.

Source: He et al. 2016, "Identity Mappings in Deep Residual Networks",
arXiv:1603.05027: normalisation and nonlinearity stand before each convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.errors import UnknownNameError
from ddsp_core.nn.keras import Layer, Sequential, layers
from ddsp_core.nn.normalization import Normalize, ensure_4d, get_norm
from ddsp_core.nn.stacks import get_nonlinearity

# Channels of the first stack, and layers of the first three.
SIZES = {
    "small": (32, [2, 3, 4]),
    "medium": (32, [3, 4, 6]),
    "large": (64, [3, 4, 6]),
}
BOTTLENECK = 4  # times the channels inside a layer are those outside.


class NormReluConv(Sequential):
    """Normalisation, ReLU, a square convolution.

    Args:
        ch: Output channels.
        k: Size of the kernel in time and frequency.
        s: Stride in frequency.
        norm_type: As in `normalize_op`.
        **kwargs: Of `Sequential`.
    """

    def __init__(
        self, ch: int, k: int, s: int, norm_type: str | None, **kwargs: Any
    ) -> None:
        parts = [
            Normalize(norm_type),
            layers.Activation(tf.nn.relu),
            layers.Conv2D(ch, (k, k), (1, s), padding="same"),
        ]
        super().__init__(parts, **kwargs)


class ResidualLayer(Layer):
    """One layer of a residual network, with a bottleneck.

    Args:
        ch: Channels of the bottleneck; the output has four times as many.
        stride: In frequency.
        shortcut: Add a projection of the input, else the input itself, whose channels
            must then be 4 * ch and whose stride 1.
        norm_type: As in `normalize_op`.
        conditional: Take (x, z), and scale and shift the first normalisation by z.
        shift_only: As in `ConditionalNorm`.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        ch: int,
        stride: int,
        shortcut: bool,
        norm_type: str | None,
        conditional: bool,
        shift_only: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        ch_out = BOTTLENECK * ch
        self.shortcut = shortcut
        self.conditional = conditional
        self.norm_input = get_norm(norm_type, conditional, shift_only)
        if shortcut:
            self.conv_proj = layers.Conv2D(
                ch_out, (1, 1), (1, stride), padding="same", name="conv_proj"
            )
        parts = [
            layers.Conv2D(ch, (1, 1), (1, 1), padding="same"),
            NormReluConv(ch, 3, stride, norm_type),
            NormReluConv(ch_out, 1, 1, norm_type),
        ]
        self.bottleneck = Sequential(parts, name="bottleneck")

    def call(self, inputs: Any) -> tf.Tensor:
        """Run the layer.

        Args:
            inputs: x [batch, time, frequency, channels], 2 or 3 axes as in `ensure_4d`;
                if conditional (x, z).

        Returns:
            [batch, time, frequency / stride, 4 * ch].
        """
        x, *z = map(ensure_4d, inputs if self.conditional else (inputs,))
        normal = tf.nn.relu(self.norm_input([x, *z] if self.conditional else x))
        residual = self.conv_proj(normal) if self.shortcut else x
        return self.bottleneck(normal) + residual


class ResidualStack(Layer):
    """Residual layers, a normalisation and a nonlinearity.

    Args:
        filters: Bottleneck channels of each block.
        block_sizes: Layers of each block.
        strides: In frequency, of the first layer of each block.
        norm_type: As in `normalize_op`.
        conditional: Take (x, z), as in `ResidualLayer`.
        shift_only: As in `ConditionalNorm`.
        nonlinearity: Name of the last activation.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        filters: Sequence[int],
        block_sizes: Sequence[int],
        strides: Sequence[int],
        norm_type: str | None,
        conditional: bool = False,
        shift_only: bool = False,
        nonlinearity: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conditional = conditional
        parts: list[Layer] = []
        for ch, n_layers, stride in zip(filters, block_sizes, strides, strict=False):
            # The first layer of a block changes the shape, so it projects.
            for i in range(max(1, n_layers)):
                is_first = i == 0
                parts.append(
                    ResidualLayer(
                        ch,
                        stride if is_first else 1,
                        is_first,
                        norm_type,
                        conditional,
                        shift_only,
                    )
                )
        parts.append(Normalize(norm_type))
        parts.append(layers.Activation(get_nonlinearity(nonlinearity)))
        self.layers = parts

    def call(self, inputs: Any) -> tf.Tensor:
        """Run the stack on x [batch, time, frequency, channels], or (x, z)."""
        return _run(self.layers, inputs, self.conditional, ResidualLayer)


class ResNet(Layer):
    """A residual network that downsamples frequency by 32 and keeps time.

    Args:
        size: 'small', 'medium' or 'large'.
        norm_type: As in `normalize_op`.
        conditional: Take (x, z), as in `ResidualLayer`.
        shift_only: As in `ConditionalNorm`.
        **kwargs: Of the Keras layer.

    Raises:
        UnknownNameError: There is no such size.
    """

    def __init__(
        self,
        size: str = "large",
        norm_type: str | None = "layer",
        conditional: bool = False,
        shift_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size not in SIZES:
            raise UnknownNameError(f"size is {size!r}; it must be one of {list(SIZES)}")
        self.conditional = conditional
        ch, blocks = SIZES[size]
        options = (norm_type, conditional, shift_only)
        self.layers = [
            layers.Conv2D(64, (7, 7), (1, 2), padding="same"),
            layers.MaxPool2D(pool_size=(1, 3), strides=(1, 2), padding="same"),
            ResidualStack([ch, 2 * ch, 4 * ch], blocks, [1, 2, 2], *options),
            ResidualStack([8 * ch], [3], [2], *options),
        ]

    def call(self, inputs: Any) -> tf.Tensor:
        """Run the network.

        Args:
            inputs: x [batch, time, frequency, channels]; if conditional (x, z).

        Returns:
            [batch, time, ceil(frequency / 32), 1024 or (large) 2048].
        """
        return _run(self.layers, inputs, self.conditional, ResidualStack)


def _run(parts: Sequence[Layer], inputs: Any, conditional: bool, kind: type) -> Any:
    """Run layers in order; those of a kind are given the conditioning too."""
    x, *z = inputs if conditional else (inputs,)
    for part in parts:
        x = part([x, *z] if z and isinstance(part, kind) else x)
    return x
