"""From stored features to what a decoder reads: resampled, scaled to about [0, 1]."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.dsp.resampling import resample
from ddsp_core.dsp.units import DB_RANGE, hz_to_midi, midi_to_hz
from ddsp_core.nn.dict_layer import DictLayer

F0_RANGE = 127.0  # MIDI pitch that is scaled to 1.
PREPROCESSED = ("f0_hz", "loudness_db", "f0_scaled", "ld_scaled")


def at_least_3d(x: tf.Tensor) -> tf.Tensor:
    """Add the axes that are missing of [batch, time, channel].

    A vector is one example, a matrix has one channel; a scalar stays as it is.
    """
    x = x[tf.newaxis, :] if len(x.shape) == 1 else x
    return x[:, :, tf.newaxis] if len(x.shape) == 2 else x


def scale_db(db: Any) -> Any:
    """Scale levels of [-80, 0] dB to [0, 1]; louder is above 1.

    >>> scale_db(-40.0)
    0.5
    """
    return (db / DB_RANGE) + 1.0


def inv_scale_db(db_scaled: Any) -> Any:
    """Undo `scale_db`."""
    return (db_scaled - 1.0) * DB_RANGE


def scale_f0_hz(f0_hz: Any) -> tf.Tensor:
    """Scale Hz to MIDI pitch / 127; 0 Hz and less give 0."""
    return hz_to_midi(f0_hz) / F0_RANGE


def inv_scale_f0_hz(f0_scaled: Any) -> tf.Tensor:
    """Undo `scale_f0_hz`, up to silence: 0 becomes MIDI pitch 0, 8.2 Hz."""
    return midi_to_hz(f0_scaled * F0_RANGE)


class F0LoudnessPreprocessor(DictLayer):
    """Resamples f0 and loudness to the model's frames and scales them.

    `compute_loudness` is Magenta's default; it measures the loudness anew from the
    crop, with silence beyond its edges, and ignores the loudness that is given. Our
    configs bind it to False and use the stored feature.

    Args:
        time_steps: Frames of the result.
        frame_rate: Frames per second, for `compute_loudness`.
        sample_rate: Of the audio in Hz, for `compute_loudness`.
        compute_loudness: Measure loudness from the audio.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        time_steps: int = 1000,
        frame_rate: int = 250,
        sample_rate: int = 16000,
        compute_loudness: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("output_keys", PREPROCESSED)
        super().__init__(**kwargs)
        self.time_steps = time_steps
        self.frame_rate = frame_rate
        self.sample_rate = sample_rate
        self.compute_loudness = compute_loudness

    def call(
        self, loudness_db: Any, f0_hz: Any, audio: Any = None
    ) -> dict[str, tf.Tensor]:
        """Resample and scale.

        Args:
            loudness_db: [batch, n_frames] or [batch, n_frames, 1], dB.
            f0_hz: The same, Hz.
            audio: [batch, n_samples], read if `compute_loudness`.

        Returns:
            f0_hz, loudness_db, f0_scaled, ld_scaled, each [batch, time_steps, 1].
        """
        if self.compute_loudness:
            loudness_db = compute_loudness(
                audio, sample_rate=self.sample_rate, frame_rate=self.frame_rate
            )
        f0_hz, loudness_db = self.resample(f0_hz), self.resample(loudness_db)
        return {
            "f0_hz": f0_hz,
            "loudness_db": loudness_db,
            "f0_scaled": scale_f0_hz(f0_hz),
            "ld_scaled": scale_db(loudness_db),
        }

    @staticmethod
    def invert_scaling(f0_scaled: Any, ld_scaled: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Return f0 in Hz and loudness in dB."""
        return inv_scale_f0_hz(f0_scaled), inv_scale_db(ld_scaled)

    def resample(self, x: tf.Tensor) -> tf.Tensor:
        """Return [batch, time_steps, 1]."""
        return resample(at_least_3d(x), self.time_steps)
