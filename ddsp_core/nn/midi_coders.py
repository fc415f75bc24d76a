"""From pitch and loudness to notes, and from notes back to synthesizer inputs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.units import midi_to_hz
from ddsp_core.nn.dict_layer import DictLayer, Splits, split_to_dict
from ddsp_core.nn.keras import layers
from ddsp_core.nn.normalization import Normalize

# Where loudness lies, in dB, and how far it usually is from there.
LOUDNESS_CENTER_DB, LOUDNESS_SPREAD_DB = -70.0, 30.0


class MidiEncoder(DictLayer):
    """Encodes f0 and loudness to a pitch and a velocity that are not rounded yet.

    Args:
        net: Layer from [batch, time, 2] to [batch, time, channels].
        f0_residual: Add the pitch that was given.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self, net: Any = None, f0_residual: bool = True, **kwargs: Any
    ) -> None:
        kwargs.setdefault("output_keys", ["z_pitch", "z_vel"])
        super().__init__(**kwargs)
        self.net = net
        self.f0_residual = f0_residual
        self.dense_out = layers.Dense(2)
        self.norm = Normalize("layer")

    def call(
        self, f0_midi: tf.Tensor, loudness: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encode.

        Args:
            f0_midi: In semitones, [batch, time, 1].
            loudness: In dB, [batch, time, 1].

        Returns:
            Pitch in semitones and velocity, [batch, time, 1] each.
        """
        return self._encoded(f0_midi, loudness)

    def _encoded(self, f0_midi: tf.Tensor, *others: tf.Tensor) -> Any:
        x = self.norm(self.net(tf.concat([f0_midi, *others], axis=-1)))
        z_pitch, z_vel = tf.split(self.dense_out(x), 2, axis=-1)
        return (z_pitch + f0_midi if self.f0_residual else z_pitch), z_vel


class HarmonicToMidiEncoder(MidiEncoder):
    """Encodes f0 and a synthesizer's controls; arguments as of `MidiEncoder`."""

    def call(  # type: ignore[override]
        self, f0_midi: tf.Tensor, amps: tf.Tensor, hd: tf.Tensor, noise: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encode.

        Args:
            f0_midi: In semitones, [batch, time, 1].
            amps: Amplitude on a log scale, [batch, time, 1].
            hd: Harmonic distribution, [batch, time, n_harmonics].
            noise: Magnitudes on a log scale, [batch, time, n_bands].

        Returns:
            Pitch in semitones and velocity, [batch, time, 1] each.
        """
        return self._encoded(f0_midi, amps, hd, noise)


class MidiDecoder(DictLayer):
    """Decodes a pitch to f0 and loudness. The velocity is not used.

    Args:
        net: Layer from z_pitch [batch, time, 1], or [z_pitch, z], to
            [batch, time, channels].
        f0_residual: Add the pitch that was given.
        center_loudness: Move loudness to where it usually lies.
        norm: Normalise what the network returns.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        net: Any = None,
        f0_residual: bool = True,
        center_loudness: bool = True,
        norm: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("output_keys", ["f0_midi", "loudness"])
        super().__init__(**kwargs)
        self.net = net
        self.f0_residual = f0_residual
        self.center_loudness = center_loudness
        self.dense_out = layers.Dense(2)
        self.norm = Normalize("layer") if norm else None

    def call(
        self, z_pitch: tf.Tensor, z_vel: Any = None, z: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Decode.

        Args:
            z_pitch: In semitones, [batch, time, 1].
            z_vel: Not used.
            z: Further latent, [batch, time, channels], or None.

        Returns:
            f0 in semitones and loudness in dB, [batch, time, 1] each.
        """
        x = self.dense_out(_decoded(self.net, self.norm, z_pitch, z))
        f0_midi, loudness = tf.split(x, 2, axis=-1)
        if self.f0_residual:
            f0_midi += z_pitch
        if self.center_loudness:
            loudness = loudness * LOUDNESS_SPREAD_DB + LOUDNESS_CENTER_DB
        return f0_midi, loudness


class MidiToHarmonicDecoder(DictLayer):
    """Decodes a pitch to what a processor group reads. The velocity is not used.

    Args:
        net: As in `MidiDecoder`.
        f0_residual: As in `MidiDecoder`.
        norm: As in `MidiDecoder`.
        output_splits: (name, channels) of each output; one is 'f0_midi'.
        midi_zero_silence: Turn pitch 0 into 0 Hz.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        net: Any = None,
        f0_residual: bool = True,
        norm: bool = True,
        output_splits: Splits = (
            ("f0_midi", 1),
            ("amplitudes", 1),
            ("harmonic_distribution", 60),
            ("magnitudes", 65),
        ),
        midi_zero_silence: bool = True,
        **kwargs: Any,
    ) -> None:
        names = [name for name, _ in output_splits]
        super().__init__(output_keys=[*names, "f0_hz"], **kwargs)
        self.output_splits = output_splits
        self.n_out = sum(n_channels for _, n_channels in output_splits)
        self.net = net
        self.f0_residual = f0_residual
        self.dense_out = layers.Dense(self.n_out)
        self.norm = Normalize("layer") if norm else None
        self.midi_zero_silence = midi_zero_silence

    def call(
        self, z_pitch: tf.Tensor, z_vel: Any = None, z: Any = None
    ) -> dict[str, tf.Tensor]:
        """Decode.

        Args:
            z_pitch: In semitones, [batch, time, 1].
            z_vel: Not used.
            z: Further latent, [batch, time, channels], or None.

        Returns:
            Each output [batch, time, channels], and 'f0_hz' [batch, time, 1].
        """
        x = self.dense_out(_decoded(self.net, self.norm, z_pitch, z))
        outputs = split_to_dict(x, self.output_splits)
        if self.f0_residual:
            outputs["f0_midi"] += z_pitch
        f0_hz = midi_to_hz(outputs["f0_midi"], self.midi_zero_silence)
        return outputs | {"f0_hz": f0_hz}


def _decoded(net: Any, norm: Any, z_pitch: tf.Tensor, z: Any) -> tf.Tensor:
    """Run a network on the pitch and, if there is one, a latent."""
    x = net(z_pitch) if z is None else net([z_pitch, z])
    return x if norm is None else norm(x)
