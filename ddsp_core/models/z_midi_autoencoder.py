"""`MidiAutoencoder` with latents beside the notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.nested import make_iterable
from ddsp_core.models.midi_autoencoder import Features, MidiAutoencoder
from ddsp_core.nn.notes import get_note_mask, pool_over_notes


class ZMidiAutoencoder(MidiAutoencoder):
    """`MidiAutoencoder` with latents beside the notes.

    Differs from Magenta's: the latents of notes are their means alone (there a pair of
    mean and deviation, which no decoder reads), and either kind of latent may be
    missing.

    Args:
        synthcoder: As in `MidiAutoencoder`, as all up to `mask_f0_loss`.
        midi_encoder: As in `MidiAutoencoder`.
        midi_decoder: As in `MidiAutoencoder`; called with (pitch, velocity, z).
        sg_before_midiae: As in `MidiAutoencoder`.
        reverb: As in `MidiAutoencoder`.
        preprocessor: As in `MidiAutoencoder`.
        reconstruction_losses: As in `MidiAutoencoder`.
        qpitch_f0rec_loss: As in `MidiAutoencoder`.
        pitch_f0rec_loss: As in `MidiAutoencoder`.
        pitch_qpitch_loss: As in `MidiAutoencoder`.
        midi_slowness_loss: As in `MidiAutoencoder`.
        mask_f0_loss: As in `MidiAutoencoder`.
        z_synth_encoders: Layers from features to 'z', for the synthcoder.
        z_global_encoders: Layers from features to 'z', for the MIDI decoder.
        z_note_encoder: Layer from features to 'z', pooled over each note.
        z_preconditioning_stack: Layer that the decoder's latent runs through first.
        z_global_prior: A layer with a loss, from global latents to samples of them.
        z_note_prior: The same for notes' latents.
        **kwargs: As in `MidiAutoencoder`.
    """

    def __init__(
        self,
        synthcoder: Any = None,
        midi_encoder: Any = None,
        midi_decoder: Any = None,
        sg_before_midiae: bool = True,
        reverb: bool = True,
        preprocessor: Any = None,
        reconstruction_losses: Any = None,
        qpitch_f0rec_loss: Any = None,
        pitch_f0rec_loss: Any = None,
        pitch_qpitch_loss: Any = None,
        midi_slowness_loss: Any = None,
        mask_f0_loss: bool = True,
        z_synth_encoders: Any = None,
        z_global_encoders: Any = None,
        z_note_encoder: Any = None,
        z_preconditioning_stack: Any = None,
        z_global_prior: Any = None,
        z_note_prior: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            synthcoder=synthcoder,
            midi_encoder=midi_encoder,
            midi_decoder=midi_decoder,
            sg_before_midiae=sg_before_midiae,
            reverb=reverb,
            preprocessor=preprocessor,
            reconstruction_losses=reconstruction_losses,
            qpitch_f0rec_loss=qpitch_f0rec_loss,
            pitch_f0rec_loss=pitch_f0rec_loss,
            pitch_qpitch_loss=pitch_qpitch_loss,
            midi_slowness_loss=midi_slowness_loss,
            mask_f0_loss=mask_f0_loss,
            **kwargs,
        )
        self.z_synth_encoders = z_synth_encoders
        self.z_global_encoders = z_global_encoders
        self.z_note_encoder = z_note_encoder
        self.z_preconditioning_stack = z_preconditioning_stack
        self.z_global_prior = z_global_prior
        self.z_note_prior = z_note_prior

    def call(self, features: Mapping[str, Any], training: bool = True) -> Features:
        """Do what `MidiAutoencoder` does; also return 'z_global' and 'z_notes'.

        Each is [batch, n_frames, channels], after its prior.
        """
        features = self.preprocess(dict(features))
        return self._run(features, training, self.z_synth_encode(features))

    def z_synth_encode(self, features: Mapping[str, Any]) -> Any:
        """Return the synthcoder's latents [batch, n_frames, channels], or None."""
        return _encoded(self.z_synth_encoders, features)

    def z_global_encode(self, features: Mapping[str, Any]) -> Any:
        """Return the MIDI decoder's latents [batch, n_frames, channels], or None."""
        return _encoded(self.z_global_encoders, features)

    def z_note_encode(self, features: Mapping[str, Any], q_pitch: tf.Tensor) -> Any:
        """Return latents that are constant over each note, or None.

        Args:
            features: What the encoder reads.
            q_pitch: Rounded pitch, [batch, n_frames, 1].
        """
        if self.z_note_encoder is None:
            return None
        z = self.z_note_encoder(features)["z"]
        return pool_over_notes(z, get_note_mask(q_pitch), return_std=False)

    def _latents(self, features: Features, q_pitch: tf.Tensor) -> Features:
        z_global = self._sampled(self.z_global_prior, self.z_global_encode(features))
        z_notes = self._sampled(
            self.z_note_prior, self.z_note_encode(features, q_pitch)
        )
        found = [z for z in (z_global, z_notes) if z is not None]
        z = tf.concat(found, axis=-1) if found else None
        if z is not None and self.z_preconditioning_stack is not None:
            z = self.z_preconditioning_stack(z)
        return {"z": z, "z_global": z_global, "z_notes": z_notes}

    def _sampled(self, prior: Any, z: Any) -> Any:
        """Add a prior's loss, and return its sample."""
        if prior is None or z is None:
            return z
        self._update_losses_dict(prior, z)
        return prior(z)


def _encoded(encoders: Any, features: Mapping[str, Any]) -> Any:
    """Return the latents of all encoders side by side, or None."""
    latents = [encoder(dict(features))["z"] for encoder in make_iterable(encoders)]
    return tf.concat(latents, axis=-1) if latents else None
