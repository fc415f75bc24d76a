"""Effects: audio in, audio out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.filters import fft_convolve
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.errors import ShapeError
from ddsp_core.nn.keras import keras
from ddsp_core.processors import Processor


class Reverb(Processor):
    """Convolution with an impulse response, learned or given.

    Args:
        trainable: Learn one impulse response for all audio; else it is an input.
        reverb_length: Of the learned response, in samples.
        add_dry: Add the dry signal, whatever the response's first sample.
        name: As in `Processor`.
    """

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        add_dry: bool = True,
        name: str = "reverb",
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._reverb_length = reverb_length
        self._add_dry = add_dry

    def build(self, input_shape: Any) -> None:
        """Make the variable `ir`, nearly silent."""
        if self.trainable:
            self._ir = self.add_weight(
                name="ir",
                shape=[self._reverb_length],
                dtype=tf.float32,
                initializer=keras.initializers.RandomNormal(stddev=1e-6),
            )
        super().build(input_shape)

    def get_controls(self, audio: tf.Tensor, ir: tf.Tensor | None = None) -> dict:
        """Return the audio and the impulse response of each example.

        Args:
            audio: Dry, [batch, n_samples].
            ir: [batch, ir_size] or [batch, ir_size, 1]; unused if learned.

        Raises:
            ShapeError: No response is given and none is learned.
        """
        if self.trainable:
            ir = tf.tile(self._ir[tf.newaxis], [tf.shape(audio)[0], 1])
            ir = tf.ensure_shape(ir, [audio.shape[0], self._reverb_length])
        elif ir is None:
            raise ShapeError(
                f"{self.name!r} got no impulse response; pass `ir`, or make it with"
                " trainable=True"
            )
        return {"audio": audio, "ir": ir}

    def get_signal(self, audio: tf.Tensor, ir: tf.Tensor) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return reverberate(audio, ir, self._add_dry)

    def _signal_of(self, controls: dict[str, Any]) -> tf.Tensor:
        # Learned responses are equal: one is transformed for the whole batch.
        ir = controls["ir"][:1] if self.trainable else controls["ir"]
        return self.get_signal(controls["audio"], ir)


def reverberate(audio: Any, ir: Any, add_dry: bool) -> tf.Tensor:
    """Convolve with impulse responses whose first sample is the dry path.

    Args:
        audio: [batch, n_samples].
        ir: [ir_size], [batch or 1, ir_size] or [batch or 1, ir_size, 1]; its first
            sample is replaced.
        add_dry: Let the first sample be 1, else 0.

    Returns:
        [batch, n_samples].
    """
    audio, ir = tf_float32(audio), tf_float32(ir)
    if len(ir.shape) == 1:
        ir = ir[tf.newaxis]
    if len(ir.shape) == 3:
        ir = ir[:, :, 0]
    dry = tf.fill([tf.shape(ir)[0], 1], 1.0 if add_dry else 0.0)
    return fft_convolve(audio, tf.concat([dry, ir[:, 1:]], 1), delay_compensation=0)
