"""Distances between what a pretrained network makes of two signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from ddsp_core.dsp.framing import frames as cut_frames
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.features.crepe import FRAME_SIZE
from ddsp_core.features.crepe_model import build_crepe
from ddsp_core.features.options import SIZES
from ddsp_core.losses.base import Loss
from ddsp_core.losses.difference import mean_difference
from ddsp_core.nn.keras import Layer, Model

# Factors that bring the losses of CREPE's layers to one order of magnitude.
LAYER_SCALES: Final = {
    "conv1-BN": 1.3,
    "conv1-maxpool": 1.0,
    "conv2-BN": 1.4,
    "conv2-maxpool": 1.1,
    "conv3-BN": 1.9,
    "conv3-maxpool": 1.6,
    "conv4-BN": 1.5,
    "conv4-maxpool": 1.4,
    "conv5-BN": 1.9,
    "conv5-maxpool": 1.7,
    "conv6-BN": 30.0,
    "conv6-maxpool": 25.0,
    "classifier": 130.0,
}
CREPE_SCALE: Final = 20.0  # ... and to that of a spectral loss.
MIN_DEVIATION: Final = 1e-5  # added to a frame's, so that silence stays silence.


class UnknownNameError(UsageError, KeyError):
    """A name is none of those that are known."""

    __str__ = Exception.__str__  # KeyError would quote the whole message.


class EmbeddingLoss(Loss):
    """Mean distance between the embeddings of two signals.

    Args:
        weight: Of the loss.
        loss_type: As in `mean_difference`.
        pretrained_model: From audio [batch, n_samples] to embeddings.
        name: Of the layer.
    """

    def __init__(
        self,
        weight: float = 1.0,
        loss_type: str = "L1",
        pretrained_model: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "embedding_loss",
    ) -> None:
        super().__init__(name=name)
        self.weight = weight
        self.loss_type = loss_type
        self.pretrained_model = pretrained_model

    def call(self, target_audio: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
        """Return the weighted mean distance of embeddings.

        Args:
            target_audio: What is wanted, [batch, n_samples].
            audio: What there is, [batch, n_samples].

        Returns:
            A scalar.

        Raises:
            UsageError: There is no model.
        """
        if not self.weight > 0.0:
            return tf.zeros([])
        if self.pretrained_model is None:
            raise UsageError(f"{self.name!r} has no pretrained_model; give it one")
        target = self.pretrained_model(tf_float32(target_audio))
        value = self.pretrained_model(tf_float32(audio))
        return self.weight * mean_difference(target, value, self.loss_type)


class PretrainedCREPEEmbeddingLoss(EmbeddingLoss):
    """Mean distance between the activations of CREPE for two signals at 16 kHz.

    Args:
        weight: Of the loss, times 20 and a factor of the layer.
        loss_type: As in `mean_difference`.
        model_capacity: "tiny", "small", "medium", "large" or "full".
        activation_layer: A key of `LAYER_SCALES`.
        name: Of the layer.

    Raises:
        UnknownNameError: The capacity or the layer is unknown.
        FeatureError: The weights of that capacity are not installed.
    """

    def __init__(
        self,
        weight: float = 1.0,
        loss_type: str = "L1",
        model_capacity: str = "tiny",
        activation_layer: str = "classifier",
        name: str = "pretrained_crepe_embedding_loss",
    ) -> None:
        _check_known("activation_layer", activation_layer, LAYER_SCALES)
        super().__init__(
            weight=CREPE_SCALE * LAYER_SCALES[activation_layer] * weight,
            loss_type=loss_type,
            name=name,
            pretrained_model=PretrainedCREPE(model_capacity, activation_layer),
        )


class PretrainedCREPE(Layer):
    """The activations of one layer of CREPE, frame by frame.

    Differs from the reference: dropout and batch statistics are those of inference even
    while a model trains, and the gradient is finite for frames that are constant.

    Args:
        model_capacity: "tiny", "small", "medium", "large" or "full".
        activation_layer: Name of a layer, as in `features.crepe_model.build_crepe`.
        name: Of the layer.
        trainable: Let the weights be trained, not frozen.

    Raises:
        UnknownNameError: The capacity is unknown, or, once called, the layer.
        FeatureError: The weights of that capacity are not installed.
    """

    def __init__(
        self,
        model_capacity: str = "tiny",
        activation_layer: str = "conv5-maxpool",
        name: str = "pretrained_crepe",
        trainable: bool = False,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        _check_known("model_capacity", model_capacity, SIZES)
        self._model_capacity = model_capacity
        self._activation_layer = activation_layer
        self._model = build_crepe(model_capacity)
        self.frame_length = FRAME_SIZE

    def build(self, unused_x_shape: Any) -> None:
        """Cut the network after the layer."""
        self.layer_names = [layer.name for layer in self._model.layers]
        _check_known("activation_layer", self._activation_layer, self.layer_names)
        last = self._model.get_layer(self._activation_layer)
        self._activation_model = Model(self._model.input, last.output)
        self._model.trainable = self.trainable
        self._activation_model.trainable = self.trainable

    def frame_audio(
        self, audio: tf.Tensor, hop_length: int = 1024, center: bool = True
    ) -> tf.Tensor:
        """Cut audio into frames of mean 0 and deviation 1.

        Args:
            audio: [batch, n_samples].
            hop_length: Samples between the starts of frames.
            center: Centre the first frame on sample 0.

        Returns:
            [batch, n_frames, 1024]; a frame that is constant becomes zeros.

        Raises:
            ShapeError: Audio has other than two axes.
        """
        if len(audio.shape) != 2:
            raise ShapeError(
                f"audio has shape {tuple(audio.shape)}; needed [batch, n_samples]"
            )
        half = self.frame_length // 2
        audio = tf.pad(audio, [(0, 0), (half, half)]) if center else audio
        frames = cut_frames(audio, self.frame_length, hop_length)
        mean, variance = tf.nn.moments(frames, [-1], keepdims=True)
        # The slope of a square root is infinite at 0.
        varies = variance > 0.0
        deviation = tf.where(varies, tf.where(varies, variance, 1.0) ** 0.5, 0.0)
        return (frames - mean) / (deviation + MIN_DEVIATION)

    def call(self, audio: tf.Tensor) -> tf.Tensor:
        """Return the activations.

        Args:
            audio: At 16 kHz, [batch, n_samples].

        Returns:
            [batch, n_frames, n_activations], a frame each 1024 samples.
        """
        frames = self.frame_audio(audio)
        shape = tf.shape(frames)
        outputs = self._activation_model(
            tf.reshape(frames, [-1, self.frame_length]), training=False
        )
        n_activations = outputs.shape[1:].num_elements()
        return tf.reshape(outputs, [shape[0], shape[1], n_activations])


def _check_known(argument: str, name: str, known: Any) -> None:
    if name not in known:
        raise UnknownNameError(f"{argument} is {name!r}; known: {', '.join(known)}")
