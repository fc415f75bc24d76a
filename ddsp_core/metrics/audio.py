"""Running means of how far generated audio is from the original."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core import spectral_ops
from ddsp_core.dsp.resampling import resample
from ddsp_core.metrics.pitch import (
    OUTLIER_MIDI_THRESH,
    f0_dist_conf_thresh,
    is_outlier,
    l1_distance,
    raw_accuracies,
    squeeze,
)
from ddsp_core.nn.keras import keras

_log = logging.getLogger(__name__)


def compute_audio_features(audio: Any, frame_rate: int = 250) -> dict[str, Any]:
    """Return the features of one recording.

    Args:
        audio: Mono at 16 kHz, [n_samples].
        frame_rate: In Hz.

    Returns:
        'audio', and 'loudness_db' (dB), 'f0_hz' (Hz), 'f0_confidence', each [n_frames].
    """
    mono = squeeze(audio)
    f0_hz, f0_confidence = spectral_ops.compute_f0(mono, frame_rate)
    return {
        "audio": audio,
        "loudness_db": spectral_ops.compute_loudness(
            mono, spectral_ops.CREPE_SAMPLE_RATE, frame_rate
        ),
        "f0_hz": f0_hz,
        "f0_confidence": f0_confidence,
    }


class BaseMetrics:
    """Metrics by name, with a state that is written and reset by `flush`.

    Args:
        sample_rate: Of the audio, in Hz.
        frame_rate: Of its features, in Hz.
        name: In logs and summaries.
    """

    def __init__(self, sample_rate: int, frame_rate: int, name: str) -> None:
        self._sample_rate = sample_rate
        self._frame_rate = frame_rate
        self._name = name
        self._metrics: dict[str, Any] = {}

    @property
    def metrics(self) -> dict[str, Any]:
        """Keras metrics by name."""
        return self._metrics

    def update_state(self, batch: Any, prediction: Any) -> None:
        """Take in a batch.

        Args:
            batch: Features of the original, by name.
            prediction: What there is instead.
        """
        raise NotImplementedError

    def flush(self, step: int) -> None:
        """Write every metric as the summary 'metrics/{name}/{metric}', and reset it."""
        for key, metric in self.metrics.items():
            _log.info("%s %s: %.3f", self._name, key, float(metric.result()))
            tf.summary.scalar(f"metrics/{self._name}/{key}", metric.result(), step)
            metric.reset_state()


class LoudnessMetrics(BaseMetrics):
    """Mean distance of loudness, 'loudness_db' in dB.

    Args:
        sample_rate: As in `BaseMetrics`.
        frame_rate: As in `BaseMetrics`.
        name: As in `BaseMetrics`.
    """

    def __init__(
        self, sample_rate: int, frame_rate: int, name: str = "loudness"
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        self._metrics = {"loudness_db": keras.metrics.Mean("loudness_db")}

    def update_state(self, batch: Mapping[str, Any], audio_gen: Any) -> None:
        """Take in a batch of audio.

        Args:
            batch: With 'loudness_db' [batch, n_frames], or else 'audio'.
            audio_gen: [batch, n_samples].
        """
        wanted = batch["loudness_db"] if "loudness_db" in batch else None
        wanted = self._loudness(batch["audio"]) if wanted is None else wanted
        for original, generated in zip(
            np.asarray(wanted), np.asarray(self._loudness(audio_gen)), strict=True
        ):
            distance = np.mean(l1_distance(original, generated))
            self.metrics["loudness_db"].update_state(distance)

    def _loudness(self, audio: Any) -> Any:
        return spectral_ops.compute_loudness(
            audio, sample_rate=self._sample_rate, frame_rate=self._frame_rate
        )


class F0CrepeMetrics(BaseMetrics):
    """Mean distance of the pitch that CREPE hears, and how often it hears none.

    'f0_dist' is in semitones; 'outlier_ratio' is the share of examples whose generated
    audio has another pitch by more than an octave. An example whose original has no
    sure pitch does not count.

    Args:
        sample_rate: As in `BaseMetrics`; the audio is taken to be at 16 kHz.
        frame_rate: As in `BaseMetrics`.
        name: As in `BaseMetrics`.
    """

    def __init__(
        self, sample_rate: int, frame_rate: int, name: str = "f0_crepe"
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        self._metrics = {
            "f0_dist": keras.metrics.Mean("f0_dist"),
            "outlier_ratio": keras.metrics.Mean("outlier_ratio"),
        }

    def update_state(self, batch: Mapping[str, Any], audio_gen: Any) -> None:
        """Take in a batch of audio.

        Args:
            batch: With 'f0_hz' and 'f0_confidence', [batch, n_frames], or else 'audio'.
            audio_gen: [batch, n_samples].
        """
        for i in range(int(audio_gen.shape[0])):
            generated, _ = self._f0(audio_gen[i])
            if "f0_hz" in batch and "f0_confidence" in batch:
                wanted = np.squeeze(batch["f0_hz"][i])
                confidence = np.squeeze(batch["f0_confidence"][i])
            else:
                wanted, confidence = self._f0(batch["audio"][i])
            if is_outlier(confidence):
                continue
            distance = f0_dist_conf_thresh(wanted, generated, confidence)
            is_lost = distance is None or not distance <= OUTLIER_MIDI_THRESH
            self.metrics["outlier_ratio"].update_state(float(is_lost))
            if not is_lost:
                self.metrics["f0_dist"].update_state(distance)

    def _f0(self, audio: Any) -> Any:
        return spectral_ops.compute_f0(audio, frame_rate=self._frame_rate, viterbi=True)


class F0Metrics(BaseMetrics):
    """Mean distance and accuracy of a predicted pitch.

    'f0_dist' is in semitones; 'raw_pitch_accuracy' and 'raw_chroma_accuracy' are those
    of `raw_accuracies`. An example whose pitch is nowhere sure does not count.

    Args:
        sample_rate: As in `BaseMetrics`.
        frame_rate: As in `BaseMetrics`.
        rpa_tolerance: Distance below which a pitch is right, in cents.
        name: As in `BaseMetrics`.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        rpa_tolerance: float = 50,
        name: str = "f0",
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        keys = ("f0_dist", "raw_pitch_accuracy", "raw_chroma_accuracy")
        self._metrics = {key: keras.metrics.Mean(key) for key in keys}
        self._rpa_tolerance = rpa_tolerance

    def update_state(self, batch: Mapping[str, Any], f0_hz_predict: Any) -> None:
        """Take in a batch of pitch.

        Args:
            batch: With 'f0_hz' and 'f0_confidence', [batch, n_frames]; resampled if
                the prediction has other frames.
            f0_hz_predict: In Hz, [batch, n_frames].
        """
        n_frames = f0_hz_predict.shape[1]
        wanted, confidence = batch["f0_hz"], batch["f0_confidence"]
        if wanted.shape[1] != n_frames:
            wanted = resample(wanted, n_frames)
            confidence = resample(confidence, n_frames)
        for row in zip(
            np.asarray(wanted),
            np.asarray(f0_hz_predict),
            np.asarray(confidence),
            strict=True,
        ):
            f0_hz, f0_hz_gen, f0_confidence = map(np.squeeze, row)
            if not is_outlier(f0_confidence):
                distance = f0_dist_conf_thresh(f0_hz, f0_hz_gen, f0_confidence)
                self.metrics["f0_dist"].update_state(distance)
                accuracies = raw_accuracies(f0_hz, f0_hz_gen, self._rpa_tolerance)
                self.metrics["raw_pitch_accuracy"].update_state(accuracies[0])
                self.metrics["raw_chroma_accuracy"].update_state(accuracies[1])
