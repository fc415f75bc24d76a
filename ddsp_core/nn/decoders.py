"""Decoders: from conditioning to what the synthesizers are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.nn.dict_layer import DictLayer, Splits, split_to_dict
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
