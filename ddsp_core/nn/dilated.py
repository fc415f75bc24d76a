"""Stacks of dilated convolutions over time."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import UsageError
from ddsp_core.nn.keras import Layer, Sequential, layers
from ddsp_core.nn.normalization import ensure_4d, get_norm
from ddsp_core.nn.spectral_norm import SpectralNormalization


class DilatedConvStack(Layer):
    """Residual stacks of dilated convolutions, conditioned at each layer if wanted.

    Source: van den Oord et al. 2016, "WaveNet", arXiv:1609.03499.

    Args:
        ch: Channels of each convolution.
        layers_per_stack: Convolutions of a stack; the dilation grows from one to the
            next.
        stacks: How many.
        kernel_size: In frames.
        dilation: Its base: layer i of a stack skips dilation**i frames. Negative: the
            dilation falls within a stack instead of rising.
        norm_type: After each convolution, as in `normalize_op`.
        resample_type: 'upsample', 'downsample', or None.
        resample_stride: Factor of each resampling.
        stacks_per_resample: Stacks to one resampling.
        resample_after_convolve: Resample after these stacks, else before.
        spectral_norm: Normalise all kernels (`SpectralNormalization`).
        ortho_init: Start from orthogonal kernels.
        shift_only: As in `ConditionalNorm`.
        conditional: Take (x, z), and scale and shift the normalisations by z.
        **kwargs: Of the Keras layer.

    Raises:
        UsageError: `resample_type` is unknown, or the stacks cannot be shared out
            among the resamplings.
    """

    def __init__(
        self,
        ch: int = 256,
        layers_per_stack: int = 5,
        stacks: int = 2,
        kernel_size: int = 3,
        dilation: int = 2,
        norm_type: str | None = None,
        resample_type: str | None = None,
        resample_stride: int = 1,
        stacks_per_resample: int = 1,
        resample_after_convolve: bool = True,
        spectral_norm: bool = False,
        ortho_init: bool = False,
        shift_only: bool = False,
        conditional: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conditional = conditional
        self.norm_type = norm_type
        self.resample_after_convolve = resample_after_convolve
        conv = _ConvMaker(ortho_init, spectral_norm)
        n_resamples = (
            _n_resamples(stacks, stacks_per_resample, resample_after_convolve)
            if resample_type
            else 0
        )
        self.conv_in = conv(ch, kernel_size)
        rates = [_rate(dilation, i, layers_per_stack) for i in range(layers_per_stack)]
        self.layers = [
            Sequential(
                [layers.Activation(tf.nn.relu), conv(ch, kernel_size, dilation=rate)],
                name="dilated_conv",
            )
            for _ in range(stacks)
            for rate in rates
        ]
        self.norms = [get_norm(norm_type, conditional, shift_only) for _ in self.layers]
        self.resample_layers = [
            _resample_layer(conv, ch, resample_type, resample_stride)
            for _ in range(n_resamples)
        ]
        self.layers_per_resample = len(self.layers) // n_resamples if n_resamples else 0
        self._check_resampling()

    def call(self, inputs: Any) -> tf.Tensor:
        """Run the stacks.

        Args:
            inputs: x [batch, n_frames, channels]; if conditional (x, z), with z
                [batch, n_frames or 1, any].

        Returns:
            [batch, n_frames * or / resample_stride per resampling, ch].
        """
        x, *z = map(ensure_4d, inputs if self.conditional else (inputs,))
        x = self.conv_in(x)
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if not self.resample_after_convolve:
                x = self._resampled(x, i)
            y = layer(x)
            x += norm([y, *z] if self.conditional else y)
            if self.resample_after_convolve:
                x = self._resampled(x, i + 1)
        return x[:, :, 0, :]

    def _resampled(self, x: tf.Tensor, n_done: int) -> tf.Tensor:
        """Resample if it is time to, with `n_done` layers done."""
        index = self._resample_index(n_done)
        return x if index is None else self.resample_layers[index](x)

    def _resample_index(self, n_done: int) -> int | None:
        if not self.layers_per_resample or n_done % self.layers_per_resample:
            return None
        return n_done // self.layers_per_resample - int(self.resample_after_convolve)

    def _check_resampling(self) -> None:
        """Refuse stacks that would resample more often than there are layers for it."""
        first = int(self.resample_after_convolve)
        for n_done in range(first, len(self.layers) + first):
            index = self._resample_index(n_done)
            if index is not None and index >= len(self.resample_layers):
                raise UsageError(
                    f"{len(self.layers)} layers cannot be shared out among"
                    f" {len(self.resample_layers)} resamplings; let stacks be a"
                    " multiple of stacks_per_resample"
                )


class _ConvMaker:
    """Makes convolutions over time, [batch, n_frames, 1, channels]."""

    def __init__(self, ortho_init: bool, spectral_norm: bool) -> None:
        self.initializer = "orthogonal" if ortho_init else "glorot_uniform"
        self.spectral_norm = spectral_norm

    def __call__(
        self, ch: int, k: int, stride: int = 1, dilation: int = 1, up: bool = False
    ) -> Layer:
        layer = (layers.Conv2DTranspose if up else layers.Conv2D)(
            ch,
            (k, 1),
            (stride, 1),
            dilation_rate=(dilation, 1),
            padding="same",
            kernel_initializer=self.initializer,
        )
        return SpectralNormalization(layer) if self.spectral_norm else layer


def _rate(dilation: int, i: int, n_layers: int) -> int:
    """Return the dilation of layer `i` of a stack."""
    if dilation > 0:
        return int(dilation**i)
    return int((-dilation) ** (n_layers - i - 1))


def _n_resamples(stacks: int, per_resample: int, after: bool) -> int:
    """Count the stacks with a resampling after, or before, them."""
    return sum((i + int(after)) % per_resample == 0 for i in range(stacks))


def _resample_layer(
    conv: _ConvMaker, ch: int, resample_type: str | None, stride: int
) -> Layer:
    if resample_type == "downsample":
        return conv(ch, stride, stride)
    if resample_type == "upsample":
        return conv(ch, 2 * stride, stride, up=True)
    raise UsageError(
        f"resample_type is {resample_type!r}; it must be 'upsample' or 'downsample'"
    )
