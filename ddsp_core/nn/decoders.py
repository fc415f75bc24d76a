"""Decoders: from conditioning to what the synthesizers are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.errors import UsageError
from ddsp_core.nn.dict_layer import (
    DictLayer,
    OutputSplitsLayer,
    Splits,
    split_to_dict,
)
from ddsp_core.nn.dilated import DilatedConvStack
from ddsp_core.nn.keras import layers
from ddsp_core.nn.rnn import Rnn, StatelessRnn
from ddsp_core.nn.stacks import FcStack


class RnnFcDecoder(DictLayer):
    """A stack per input, a recurrent layer over all, a stack over everything.

    The attribute names, and the positions in `input_stacks`, are the checkpoint format.
    Stacks of equal shape differ by position alone, so `input_keys` must keep the order
    that a checkpoint was trained with.

    Source: Engel et al. 2020, "DDSP", appendix B.

    Args:
        rnn_channels: Units of the recurrent layer.
        rnn_type: 'gru' or 'lstm'.
        ch: Channels of the stacks.
        layers_per_stack: Layers of each stack; 0 makes them the identity.
        stateless: Take the recurrent state as a last input 'state' and return it.
        input_keys: Names of the inputs, each [batch, n_frames, channels].
        output_splits: (name, channels) of each output.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = "gru",
        ch: int = 512,
        layers_per_stack: int = 3,
        stateless: bool = False,
        input_keys: Sequence[str] = ("ld_scaled", "f0_scaled", "z"),
        output_splits: Splits = (("amps", 1), ("harmonic_distribution", 40)),
        **kwargs: Any,
    ) -> None:
        state = ["state"] if stateless else []
        super().__init__(
            input_keys=[*input_keys, *state],
            output_keys=[name for name, _ in output_splits] + state,
            **kwargs,
        )
        self.stateless = stateless
        self.output_splits = output_splits
        self.input_stacks = [FcStack(ch, layers_per_stack) for _ in input_keys]
        rnn_class = StatelessRnn if stateless else Rnn
        self.rnn = rnn_class(rnn_channels, rnn_type)
        self.out_stack = FcStack(ch, layers_per_stack)
        self.dense_out = layers.Dense(sum(size for _, size in output_splits))

    def call(self, *inputs: Any, **unused_kwargs: Any) -> dict[str, tf.Tensor]:
        """Decode.

        Args:
            *inputs: [batch, n_frames, channels] each, in the order of `input_keys`; the
                state [batch, rnn_channels] last if stateless.
            **unused_kwargs: Keras's `training`.

        Returns:
            Each output [batch, n_frames, channels]; 'state' too if stateless.
        """
        tensors, state = (inputs[:-1], inputs[-1:]) if self.stateless else (inputs, ())
        stacked = [f(x) for f, x in zip(self.input_stacks, tensors, strict=True)]
        x = self.rnn(tf.concat(stacked, axis=-1), *state)
        x, *new_state = x if self.stateless else (x,)
        x = self.out_stack(tf.concat([*stacked, x], axis=-1))
        outputs = split_to_dict(self.dense_out(x), self.output_splits)
        return outputs | dict(zip(("state",), new_state, strict=False))


class DilatedConvDecoder(OutputSplitsLayer):
    """Dilated convolutions over time, conditioned by some of the inputs if wanted.

    Args:
        ch: As in `DilatedConvStack`.
        kernel_size: As in `DilatedConvStack`.
        layers_per_stack: As in `DilatedConvStack`.
        stacks: As in `DilatedConvStack`.
        dilation: As in `DilatedConvStack`.
        norm_type: As in `DilatedConvStack`.
        resample_stride: Upsample by this, if above 1.
        stacks_per_resample: As in `DilatedConvStack`.
        resample_after_convolve: As in `DilatedConvStack`.
        input_keys: Names of the inputs that are convolved.
        output_splits: (name, channels) of each output.
        conditioning_keys: Names of the inputs that condition; None for none.
        precondition_stack: Layer that the conditioning runs through first.
        spectral_norm: As in `DilatedConvStack`.
        ortho_init: As in `DilatedConvStack`.
        **kwargs: Of the Keras layer.

    Raises:
        UsageError: There is a precondition stack and nothing for it.
    """

    def __init__(
        self,
        ch: int = 256,
        kernel_size: int = 3,
        layers_per_stack: int = 5,
        stacks: int = 2,
        dilation: int = 2,
        norm_type: str | None = "layer",
        resample_stride: int = 1,
        stacks_per_resample: int = 1,
        resample_after_convolve: bool = True,
        input_keys: Sequence[str] = ("ld_scaled", "f0_scaled"),
        output_splits: Splits = (("amps", 1), ("harmonic_distribution", 60)),
        conditioning_keys: Sequence[str] | str | None = "z",
        precondition_stack: Any = None,
        spectral_norm: bool = False,
        ortho_init: bool = False,
        **kwargs: Any,
    ) -> None:
        keys = conditioning_keys or []
        keys = [keys] if isinstance(keys, str) else list(keys)
        super().__init__([*input_keys, *keys], output_splits, **kwargs)
        self.conditioning_keys = keys
        self.n_conditioning = len(keys)
        self.conditional = bool(keys)
        if precondition_stack is not None and not keys:
            raise UsageError(
                "got a precondition_stack but no conditioning_keys; name the inputs"
                " that it is to run on"
            )
        self.precondition_stack = precondition_stack
        self.dilated_conv_stack = DilatedConvStack(
            ch=ch,
            kernel_size=kernel_size,
            layers_per_stack=layers_per_stack,
            stacks=stacks,
            dilation=dilation,
            norm_type=norm_type,
            resample_type="upsample" if resample_stride > 1 else None,
            resample_stride=resample_stride,
            stacks_per_resample=stacks_per_resample,
            resample_after_convolve=resample_after_convolve,
            conditional=self.conditional,
            spectral_norm=spectral_norm,
            ortho_init=ortho_init,
        )

    def compute_output(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Run the stack on inputs [batch, n_frames, channels] each.

        Returns:
            [batch, n_frames * resample_stride per resampling, ch].
        """
        n_inputs = len(inputs) - self.n_conditioning
        x = tf.concat(inputs[:n_inputs], axis=-1)
        if not self.conditional:
            return self.dilated_conv_stack(x)
        z = tf.concat(inputs[n_inputs:], axis=-1)
        if self.precondition_stack is not None:
            z = self.precondition_stack(z)
        return self.dilated_conv_stack([x, z])
