"""From stored features to what a decoder reads: resampled, scaled to about [0, 1]."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core import spectral_ops
from ddsp_core.dsp.framing import get_framed_lengths
from ddsp_core.dsp.loudness import compute_loudness, compute_power
from ddsp_core.dsp.resampling import resample
from ddsp_core.dsp.units import DB_RANGE, hz_to_midi, midi_to_hz
from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.nn.dict_layer import DictLayer

F0_RANGE = 127.0  # MIDI pitch that is scaled to 1.
PREPROCESSED = ("f0_hz", "loudness_db", "f0_scaled", "ld_scaled")
WITH_POWER = ("f0_hz", "pw_db", "f0_scaled", "pw_scaled")


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


class F0PowerPreprocessor(F0LoudnessPreprocessor):
    """Resamples f0 and power to the model's frames and scales them.

    Args:
        time_steps: Frames of the result.
        frame_rate: Frames per second, where power is measured.
        sample_rate: Of the audio in Hz.
        frame_size: Over which power is measured, in samples.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        time_steps: int = 1000,
        frame_rate: int = 250,
        sample_rate: int = 16000,
        frame_size: int = 64,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("output_keys", WITH_POWER)
        super().__init__(time_steps, frame_rate, sample_rate, **kwargs)
        self.frame_size = frame_size

    def call(  # type: ignore[override]
        self, f0_hz: Any, power_db: Any = None, audio: Any = None
    ) -> dict[str, tf.Tensor]:
        """Resample and scale.

        Args:
            f0_hz: [batch, n_frames] or [batch, n_frames, 1], Hz.
            power_db: The same, dB; None to measure it.
            audio: [batch, n_samples], read if there is no `power_db`.

        Returns:
            f0_hz, pw_db, f0_scaled, pw_scaled, each [batch, time_steps, 1].

        Raises:
            UsageError: There is neither power nor audio.
        """
        if power_db is None:
            if audio is None:
                raise UsageError(
                    f"{self.name!r} got neither 'power_db' nor 'audio'; needed one"
                )
            power_db = compute_power(
                audio,
                sample_rate=self.sample_rate,
                frame_rate=self.frame_rate,
                frame_size=self.frame_size,
            )
        f0_hz, power_db = self.resample(f0_hz), self.resample(power_db)
        return {
            "f0_hz": f0_hz,
            "pw_db": power_db,
            "f0_scaled": scale_f0_hz(f0_hz),
            "pw_scaled": scale_db(power_db),
        }

    @staticmethod
    def invert_scaling(f0_scaled: Any, pw_scaled: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Return f0 in Hz and power in dB."""
        return inv_scale_f0_hz(f0_scaled), inv_scale_db(pw_scaled)


class OnlineF0PowerPreprocessor(DictLayer):
    """Measures power, and hears f0, in the audio itself; no interpolation.

    Audio is at 16 kHz: 'audio_16k' if it is there, else 'audio'.

    Args:
        frame_rate: Frames per second.
        frame_size: Over which power is measured, in samples at 16 kHz.
        padding: As in `dsp.framing.get_framed_lengths`.
        compute_power: Must be True: there is no input of power.
        compute_f0: Hear f0 with CREPE; else it is an input.
        crepe_saved_model_path: A size of CREPE or the path of a saved model; read only
            if `compute_f0`.
        viterbi: Join the pitches of frames to the likeliest path.
        **kwargs: Of the Keras layer.

    Raises:
        UsageError: `compute_power` is False, or `compute_f0` has no model.
        FeatureError: The weights of that size are not installed.
    """

    def __init__(
        self,
        frame_rate: int = 250,
        frame_size: int = 1024,
        padding: str = "center",
        compute_power: bool = True,
        compute_f0: bool = True,
        crepe_saved_model_path: str | None = "full",
        viterbi: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("output_keys", (*WITH_POWER, "f0_confidence"))
        super().__init__(**kwargs)
        if not compute_power:
            raise UsageError(
                "compute_power is False, but power is no input; needed True"
            )
        self.sample_rate = spectral_ops.CREPE_SAMPLE_RATE
        self.frame_rate = frame_rate
        self.frame_size = frame_size
        self.hop_size = self.sample_rate // frame_rate
        self.compute_f0 = compute_f0
        self.compute_power = compute_power
        self.padding = padding
        self.viterbi = viterbi
        if compute_f0 and not crepe_saved_model_path:
            raise UsageError("compute_f0 needs a crepe_saved_model_path, got none")
        if compute_f0 and crepe_saved_model_path:
            self.crepe_model = spectral_ops.PretrainedCREPE(
                model_size_or_path=crepe_saved_model_path, hop_size=self.hop_size
            )

    def call(
        self,
        audio: Any,
        f0_hz: Any = None,
        f0_confidence: Any = None,
        audio_16k: Any = None,
    ) -> dict[str, tf.Tensor]:
        """Measure and scale.

        Args:
            audio: [batch, n_samples].
            f0_hz: [batch, n_frames] or [batch, n_frames, 1], Hz, unless `compute_f0`.
            f0_confidence: The same, in [0, 1], unless `compute_f0`.
            audio_16k: [batch, n_samples], read in place of `audio`.

        Returns:
            f0_hz, pw_db, f0_scaled, pw_scaled, each [batch, n_frames, 1], and
            f0_confidence. No gradient flows to the audio through f0.

        Raises:
            UsageError: f0 is neither heard nor given.
            ShapeError: It has other frames than the audio.
        """
        audio = audio if audio_16k is None else audio_16k
        pw_db = compute_power(
            audio,
            sample_rate=self.sample_rate,
            frame_rate=self.frame_rate,
            frame_size=self.frame_size,
            padding=self.padding,
        )
        if self.compute_f0:
            f0_hz, f0_confidence = self.crepe_model.predict_f0_and_confidence(
                audio, viterbi=self.viterbi, padding=self.padding
            )
            f0_hz = tf.stop_gradient(f0_hz)
            f0_confidence = tf.stop_gradient(f0_confidence)
        elif f0_hz is None or f0_confidence is None:
            raise UsageError(
                f"{self.name!r} has compute_f0=False and got no 'f0_hz' and"
                " 'f0_confidence'; needed both"
            )
        pw_db, f0_hz = at_least_3d(pw_db), at_least_3d(f0_hz)
        outputs = {
            "f0_hz": f0_hz,
            "pw_db": pw_db,
            "f0_scaled": scale_f0_hz(f0_hz),
            "pw_scaled": scale_db(pw_db),
            "f0_confidence": f0_confidence,
        }
        self._check_frames(outputs, audio.shape[1])
        return outputs

    def _check_frames(self, outputs: dict[str, tf.Tensor], n_samples: int) -> None:
        """Refuse features that have other frames than the audio."""
        n_frames, _ = get_framed_lengths(
            n_samples, self.frame_size, self.hop_size, self.padding
        )
        for key, output in outputs.items():
            if output.shape[1] != n_frames:
                raise ShapeError(
                    f"{self.name!r}: {key!r} has shape {tuple(output.shape)}; needed"
                    f" {n_frames} frames, as {n_samples} samples have at"
                    f" {self.frame_rate} Hz with padding {self.padding!r}"
                )
