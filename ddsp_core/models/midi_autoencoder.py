"""Models with notes at their bottleneck: audio to controls to notes to controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.units import amplitude_to_db, hz_to_midi, midi_to_hz
from ddsp_core.effects import FilteredNoiseReverb
from ddsp_core.models.model import Losses, Model, losses_of
from ddsp_core.nn.notes import (
    get_note_lengths,
    get_note_mask,
    get_note_moments,
    get_short_note_loss_mask,
)
from ddsp_core.nn.preprocessing import F0PowerPreprocessor
from ddsp_core.nn.straight_through import straight_through_int_quantization
from ddsp_core.processors import Add, ProcessorGroup
from ddsp_core.synths import FilteredNoise, Harmonic

Features = dict[str, Any]
MIN_NOTE_FRAMES = 40  # Shorter notes are penalised by the slowness loss.
MAX_F0_ERROR = 2.0  # semitones between f0 and a note where f0 is trusted


class MidiAutoencoder(Model):
    """Two autoencoders, one in the other, and notes in the inner one.

    The synthcoder turns f0 and loudness into a synthesizer's controls; the MIDI encoder
    turns those into a rounded pitch, and the MIDI decoder that into f0 and controls.
    The velocity of notes is always 0.

    Differs from Magenta's: it works without a MIDI decoder, with any batch size, and
    keeps the batch axis of 'pianoroll' at batch 1.

    Args:
        synthcoder: Layer from scaled features to controls.
        midi_encoder: Layer from f0 (semitones), amplitudes (dB), harmonic distribution
            and noise magnitudes (dB) to pitch and velocity; None to read
            'note_active_velocities' from the features instead.
        midi_decoder: Layer from (pitch, velocity[, z]) to controls and 'f0_midi'.
        sg_before_midiae: Keep the notes' errors from the synthcoder.
        reverb: Learn the room's response.
        preprocessor: Layer from features to scaled features; it runs twice, so it must
            not need audio.
        reconstruction_losses: `LossGroup` over the outputs.
        qpitch_f0rec_loss: Of |decoded f0 - rounded pitch|.
        pitch_f0rec_loss: Of |decoded f0 - pitch|.
        pitch_qpitch_loss: Of pitch and rounded pitch.
        midi_slowness_loss: Of pitch, and a mask of the notes that are too short.
        mask_f0_loss: Give no weight to f0 where it is far from a note that was read.
        n_samples: Of the audio; a config binds it from the spec.
        sample_rate: In Hz; a config binds it from the spec.
        **kwargs: Of the Keras model.
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
        n_samples: int = 64000,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.synthcoder = synthcoder
        self.midi_encoder = midi_encoder
        self.midi_decoder = midi_decoder
        self.reconstruction_losses = reconstruction_losses
        self.mask_f0_loss = mask_f0_loss
        self.qpitch_f0rec_loss = qpitch_f0rec_loss
        self.pitch_f0rec_loss = pitch_f0rec_loss
        self.pitch_qpitch_loss = pitch_qpitch_loss
        self.slowness_loss = midi_slowness_loss
        self.sg_before_midiae = sg_before_midiae
        self.preprocessor = preprocessor
        is_power = isinstance(preprocessor, F0PowerPreprocessor)
        self.db_key = "power_db" if is_power else "loudness_db"
        self.processor_group = _processor_group(n_samples, sample_rate, reverb)

    def call(self, features: Mapping[str, Any], training: bool = True) -> Features:
        """Encode to notes and back, and synthesize both sets of controls.

        Args:
            features: `f0_hz` and `loudness_db` (or `power_db`) [batch, n_frames];
                without a MIDI encoder `note_active_velocities` [batch, n_frames, 128].
            training: Compute the losses too.

        Returns:
            By name: 'synth_audio', 'midi_audio' [batch, n_samples]; 'q_pitch', 'q_vel',
            'z_pitch', 'f0_midi_pred', 'f0_hz_pred' [batch, n_frames, 1]; 'pianoroll'
            [batch, n_frames, 128]; the controls 'amps', 'hd', 'noise' and their
            '..._pred'; features and the processors' outputs. What a missing part would
            make is missing.
        """
        features = self.preprocess(dict(features))
        return self._run(features, training, z_synth=None)

    def _run(self, features: Features, training: bool, z_synth: Any) -> Features:
        """Do what `call` says, with preprocessed features."""
        audio, params = self.synthcoder_branch(features, training, z_synth)
        amps, hd, noise = self.extract_harm_controls(params)
        features |= {"amps_scaled": amps, "hd_scaled": hd, "noise_scaled": noise}
        outputs = self._notes(features, (amps, hd, noise))
        q_pitch = outputs["q_pitch"]
        outputs |= {
            "synth_params": params,
            "synth_audio": audio,
            "pianoroll": self.midi_to_pianoroll(q_pitch, outputs["q_vel"]),
            "amps": amps,
            "hd": hd,
            "noise": noise,
            f"{self.db_key}_pred": features["db"],
        }
        if self.midi_decoder is None:
            outputs |= {"f0_midi_pred": q_pitch, "midi_synth_params": params}
        else:
            outputs |= self._decoded(features, outputs, training)
        outputs["f0_hz_pred"] = midi_to_hz(outputs["f0_midi_pred"])
        outputs = {k: v for k, v in outputs.items() if v is not None}
        outputs = features | outputs | params
        if training and self.reconstruction_losses is not None:
            self._losses_dict.update(self.reconstruction_losses(outputs))
        return outputs

    def _notes(self, features: Features, controls: Sequence[tf.Tensor]) -> Features:
        """Return the notes, encoded or read."""
        if self.midi_encoder is None:
            q_pitch, q_vel, weights = self.get_gt_midi(features)
            return {"q_pitch": q_pitch, "q_vel": q_vel, "f0_loss_weights": weights}
        f0_midi = features["f0_midi"]
        z_pitch, q_pitch, z_vel, q_vel = self.encode_to_midi(f0_midi, *controls)
        return {
            "z_pitch": z_pitch,
            "z_vel": z_vel,
            "q_pitch": q_pitch,
            "q_vel": q_vel,
            "f0_loss_weights": tf.ones_like(f0_midi),
        }

    def _latents(self, features: Features, q_pitch: tf.Tensor) -> Features:
        """Return what else the MIDI decoder is given, as 'z', and outputs of it."""
        return {}

    def _decoded(
        self, features: Features, outputs: Features, training: bool
    ) -> Features:
        """Decode the notes to controls and audio; add the losses of pitch."""
        q_pitch, z_pitch = outputs["q_pitch"], outputs.get("z_pitch")
        latents = self._latents(features, q_pitch)
        z = latents.pop("z", None)
        notes = (q_pitch, outputs["q_vel"], *([] if z is None else [z]))
        controls = self.midi_decoder(*notes)
        params = self.processor_group.get_controls(controls)
        amps, hd, noise = self.extract_harm_controls(params)
        if training:
            self.add_zpitch_losses(z_pitch, q_pitch, controls["f0_midi"])
            self.add_closeness_loss(
                self.qpitch_f0rec_loss, controls["f0_midi"], q_pitch
            )
        return latents | {
            "f0_midi_pred": controls["f0_midi"],
            "midi_synth_params": params,
            "midi_audio": self.processor_group.get_signal(params),
            "amps_pred": amps,
            "hd_pred": hd,
            "noise_pred": noise,
        }

    def preprocess(self, features: Mapping[str, Any]) -> Features:
        """Return the features with what the preprocessor makes of them.

        Further keys are 'f0_midi' in semitones and 'db', the loudness or power.
        """
        made = {**features, **self.preprocessor(features)}
        made["f0_midi"] = hz_to_midi(made["f0_hz"])
        made["db"] = made[self.db_key if self.db_key in made else "pw_db"]
        return made

    def synthcoder_branch(
        self, features: Mapping[str, Any], training: bool = True, z: Any = None
    ) -> tuple[tf.Tensor, Features]:
        """Return audio and processor outputs of preprocessed features."""
        return self.synthesize_audio(
            features["f0_hz"], features["db"], z, training, return_params=True
        )

    def synthesize_audio(
        self,
        f0_hz: tf.Tensor,
        db: tf.Tensor,
        z: Any = None,
        training: bool = False,
        return_params: bool = False,
    ) -> Any:
        """Run the synthcoder and the processors.

        Args:
            f0_hz: In Hz, [batch, n_frames, 1].
            db: Loudness or power in dB, [batch, n_frames, 1].
            z: Latent [batch, n_frames, channels], or None.
            training: For the synthcoder.
            return_params: Return the processors' outputs too.

        Returns:
            Audio [batch, n_samples]; with `return_params` (audio, outputs).
        """
        features = {"f0_hz": f0_hz, self.db_key: db}
        features |= {} if z is None else {"z": z}
        features |= self.preprocessor(features)
        features |= self.synthcoder(features, training=training)
        params = self.processor_group.get_controls(features)
        audio = self.processor_group.get_signal(params)
        return (audio, params) if return_params else audio

    def encode_to_midi(self, *args: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Return pitch, rounded pitch, velocity, rounded velocity; 0 is all velocity.

        Args:
            *args: What the MIDI encoder takes, [batch, n_frames, channels] each.
        """
        if self.sg_before_midiae:
            args = tuple(tf.stop_gradient(arg) for arg in args)
        z_pitch, z_vel = self.midi_encoder(*args).values()
        z_vel *= 0.0
        return z_pitch, straight_through_int_quantization(z_pitch), z_vel, z_vel

    def midi_to_audio(
        self,
        q_pitch: tf.Tensor,
        q_vel: tf.Tensor,
        z: Any = None,
        return_synth_params: bool = False,
    ) -> Any:
        """Return the audio of notes [batch, n_frames, 1]; on request also outputs."""
        params = self.processor_group.get_controls(self.midi_decoder(q_pitch, q_vel, z))
        audio = self.processor_group.get_signal(params)
        return (audio, params) if return_synth_params else audio

    @staticmethod
    def extract_harm_controls(
        synth_params: Mapping[str, Any],
        log_scale: bool = True,
        stop_gradient: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return amplitudes, harmonic distribution and noise of processor outputs.

        Args:
            synth_params: As of `ProcessorGroup.get_controls`.
            log_scale: Amplitudes and noise magnitudes in dB.
            stop_gradient: Keep errors from what made them.
        """
        harmonic = synth_params["harmonic"]["controls"]
        amps, hd = harmonic["amplitudes"], harmonic["harmonic_distribution"]
        noise = synth_params["filtered_noise"]["controls"]["magnitudes"]
        if log_scale:
            amps, noise = amplitude_to_db(amps), amplitude_to_db(noise)
        controls = (amps, hd, noise)
        return tuple(map(tf.stop_gradient, controls)) if stop_gradient else controls

    @staticmethod
    def pianoroll_to_midi(pianoroll: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return pitch and velocity [batch, n_frames, 1] of the loudest keys.

        Args:
            pianoroll: Velocities, [batch, n_frames, 128].
        """
        notes = tf.cast(tf.argmax(pianoroll, axis=-1), tf.float32)
        return notes[..., tf.newaxis], tf.reduce_max(pianoroll, -1, keepdims=True)

    @staticmethod
    def midi_to_pianoroll(
        q_pitch: tf.Tensor, q_vel: Any, piano_keys: int = 128, thresh: float = 20.0
    ) -> tf.Tensor:
        """Return 1 at the key that sounds, [batch, n_frames, piano_keys].

        Args:
            q_pitch: In semitones, [batch, n_frames, 1] or [batch, n_frames].
            q_vel: Not used.
            piano_keys: How many.
            thresh: Pitches up to this become key 0, if it is above 0.
        """
        pitch = q_pitch[..., 0] if len(q_pitch.shape) == 3 else q_pitch
        if thresh > 0.0:
            pitch *= tf.cast(pitch > thresh, pitch.dtype)
        return tf.one_hot(tf.cast(pitch, tf.int32), piano_keys)

    def get_gt_midi(self, features: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Return pitch, velocity 0 and weights of f0 from the notes in the features."""
        q_pitch, q_vel = self.pianoroll_to_midi(features["note_active_velocities"])
        if not self.mask_f0_loss:
            return q_pitch, 0.0 * q_vel, None
        is_close = tf.abs(features["f0_midi"] - q_pitch) < MAX_F0_ERROR
        return q_pitch, 0.0 * q_vel, tf.cast(is_close, tf.float32)

    def add_closeness_loss(
        self, loss_obj: Any, f0: tf.Tensor, pitch: tf.Tensor, tag: str = ""
    ) -> None:
        """Add a loss of |pitch - f0|, in semitones; `tag` is not used."""
        self._update_losses_dict(loss_obj, tf.abs(pitch - f0))

    def add_slowness_loss(
        self, loss_obj: Any, z_pitch: tf.Tensor, q_pitch: tf.Tensor, tag: str = ""
    ) -> None:
        """Add the slowness loss of pitch in short notes; `tag` ends its name."""
        if loss_obj is None:
            return
        note_mask = get_note_mask(q_pitch, note_on_only=False)
        pitches = get_note_moments(q_pitch, note_mask, return_std=False)
        loss_mask = get_short_note_loss_mask(
            note_mask, get_note_lengths(note_mask), pitches[..., 0], MIN_NOTE_FRAMES
        )
        name = f"{loss_obj.name}{tag}"
        self._losses_dict[name] = self.slowness_loss(z_pitch, loss_mask)

    def add_zpitch_losses(
        self, z_pitch: Any, q_pitch: tf.Tensor, f0_midi_pred: tf.Tensor
    ) -> None:
        """Add the losses of the encoded pitch, if there is one."""
        if z_pitch is None:
            return
        self.add_slowness_loss(self.slowness_loss, z_pitch, q_pitch)
        self._update_losses_dict(self.pitch_qpitch_loss, z_pitch, q_pitch)
        self.add_closeness_loss(self.pitch_f0rec_loss, f0_midi_pred, z_pitch)

    def get_losses(
        self, features: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> Losses:
        """Return the reconstruction losses of a call that computed none."""
        return losses_of(self.reconstruction_losses, outputs)

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Return the synthcoder's audio [batch, n_samples], as the reference does."""
        return outputs["synth_audio"]


def _processor_group(n_samples: int, sample_rate: int, reverb: bool) -> ProcessorGroup:
    """Return harmonics and noise, and a room that is learned."""
    dag: list[Any] = [
        (
            Harmonic(n_samples=n_samples, sample_rate=sample_rate),
            ["amplitudes", "harmonic_distribution", "f0_hz"],
        ),
        (FilteredNoise(n_samples=n_samples), ["magnitudes"]),
        (Add(), ["filtered_noise/signal", "harmonic/signal"]),
    ]
    if reverb:
        room = FilteredNoiseReverb(
            trainable=True,
            reverb_length=24000,
            n_frames=500,
            n_filter_banks=32,
            name="reverb",
        )
        dag.append((room, ["add/signal"]))
    return ProcessorGroup(dag=dag)
