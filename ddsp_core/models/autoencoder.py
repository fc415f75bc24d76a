"""The model of Magenta's DDSP: features to controls to audio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.nested import make_iterable
from ddsp_core.models.model import Losses, Model, losses_of

Features = dict[str, Any]


class Autoencoder(Model):
    """Preprocess, encode, decode to controls, synthesize.

    Args:
        preprocessor: Layer from features to scaled features; or None.
        encoder: Layer from features to a latent; or None.
        decoder: Layer from features to what the synthesizers are given.
        processor_group: Synthesizers and effects; the last one's signal is the audio.
        losses: A loss or a list of them, of target and synthesized audio.
        **kwargs: Of the Keras model.
    """

    def __init__(
        self,
        preprocessor: Any = None,
        encoder: Any = None,
        decoder: Any = None,
        processor_group: Any = None,
        losses: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.encoder = encoder
        self.decoder = decoder
        self.processor_group = processor_group
        self.loss_objs = make_iterable(losses)

    def encode(self, features: Mapping[str, Any], training: bool = True) -> Features:
        """Return the features with what preprocessor and encoder make of them."""
        features = dict(features)
        if self.preprocessor is not None:
            features |= self.preprocessor(features, training=training)
        if self.encoder is not None:
            features |= self.encoder(features)
        return features

    def get_controls(
        self, features: Mapping[str, Any], training: bool = True
    ) -> Features:
        """Return encoded features with the decoder's outputs: all but the sound."""
        features = self.encode(features, training=training)
        return features | self.decoder(features, training=training)

    def decode(self, features: Mapping[str, Any], training: bool = True) -> tf.Tensor:
        """Return the audio [batch, n_samples] of encoded features."""
        outputs = self.decoder(features, training=training)
        return self.processor_group(dict(features) | outputs)

    def call(self, features: Mapping[str, Any], training: bool = True) -> Features:
        """Synthesize.

        Args:
            features: As stored: `f0_hz` and `loudness_db` [batch, n_frames] in Hz and
                dB, `audio` [batch, n_samples] for the losses or a fresh loudness.
            training: Compute the losses too.

        Returns:
            Everything on the way, by name: scaled features, decoder outputs,
            `<processor>/signal` and `/controls` as nested dictionaries, and
            `audio_synth` [batch, n_samples].
        """
        controls = self.get_controls(features, training=training)
        result = self.processor_group(controls, return_outputs_dict=True)
        outputs = {**result["controls"], "audio_synth": result["signal"]}
        if training:
            self._update_losses_dict(
                self.loss_objs, features["audio"], outputs["audio_synth"]
            )
        return outputs

    def get_losses(
        self, features: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> Losses:
        """Return the losses of synthesized against recorded audio."""
        return losses_of(
            self.loss_objs, features["audio"], self.get_audio_from_outputs(outputs)
        )

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Return `audio_synth` [batch, n_samples]."""
        return outputs["audio_synth"]
