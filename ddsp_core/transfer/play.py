"""From an audio file to the same music played by a model, as a WAV file."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
import soundfile

from ddsp_core import io
from ddsp_core.checkpoints.directory import ModelDirectory
from ddsp_core.errors import AudioError, FeatureError, StorageError
from ddsp_core.features.extract import FeatureExtractor, recording_features
from ddsp_core.features.options import PitchOptions
from ddsp_core.spec import ExampleSpec, LoudnessVersion
from ddsp_core.transfer.condition import Fit, condition
from ddsp_core.transfer.options import TransferOptions
from ddsp_core.transfer.render import Player

CEILING: Final = 10 ** (-0.1 / 20)  # -0.1 dBFS: what a converter takes without clipping
COPY_SAMPLES: Final = 2**18  # of the scratch file at a time

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Transferred:
    """What came of one input.

    Args:
        source: The input.
        path: The output.
        secs: Its length, in seconds.
        gain_db: 0, or by how much the output was turned down so as not to clip.
        fit: How the source was fitted to the model.
    """

    source: Path
    path: Path
    secs: float
    gain_db: float
    fit: Fit


class Transfer:
    """A model directory that is ready to play recordings.

    Args:
        directory: The model.

    Raises:
        CheckpointError: The model can't be restored.
        ConfigError: It has parts that can't be played chunk by chunk.
        FeatureError: Its features are of a kind that this version can't compute.
    """

    def __init__(self, directory: ModelDirectory) -> None:
        self.spec = directory.spec
        self.statistics = directory.statistics
        self._extractor = _extractor_for(directory.spec)
        self._gain_db = directory.gain_db
        self._player = Player(directory.build().model, directory.spec)

    def play(
        self,
        source: str | os.PathLike[str],
        path: str | os.PathLike[str],
        options: TransferOptions,
    ) -> Transferred:
        """Play a recording of any length through the model.

        The output begins when the input begins and is as long, at the model's rate.

        Args:
            source: An audio file.
            path: Of the WAV file to write.
            options: How to fit the source to the model.

        Raises:
            AudioError: The source can't be decoded or holds no samples.
            StorageError: The disk is full or failed.
        """
        features, info = recording_features(source, self._extractor)
        n_source = info.n_samples or 0
        n_samples = math.ceil(n_source * self.spec.sample_rate / info.sample_rate)
        if not n_samples:
            raise AudioError(f"{os.fspath(source)!r} holds no samples")
        if not options.adjust:  # the model knows loudness as its dataset had it
            shift_db = options.loudness_shift_db + self._gain_db
            options = dataclasses.replace(options, loudness_shift_db=shift_db)
        played, fit = condition(features, self.spec, self.statistics, options)
        level = np.float32(10 ** (-self._gain_db / 20))
        chunks = (level * chunk for chunk in self._player.render(played, n_samples))
        gain = write_below_ceiling(path, chunks, self.spec.sample_rate)
        return Transferred(
            source=Path(source),
            path=Path(path),
            secs=n_samples / self.spec.sample_rate,
            gain_db=float(20 * np.log10(gain)),
            fit=fit,
        )


def write_below_ceiling(
    path: str | os.PathLike[str], chunks: Iterator[np.ndarray], sample_rate: int
) -> float:
    """Write audio of any length as WAV, turned down as a whole if it would clip.

    Args:
        path: Of the WAV file, 24 bit.
        chunks: [n] each, float32.
        sample_rate: In Hz.

    Returns:
        The gain that was applied; 1 if nothing had to be done.

    Raises:
        AudioError: A sample is NaN or infinite: the model has come apart.
        StorageError: The disk is full or failed.
    """
    folder = io.local_path(path).parent
    with io.storage_errors(f"writing {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        # The level is known only at the end; until then a scratch file holds all.
        with tempfile.TemporaryFile(dir=folder) as scratch:
            peak = 0.0
            for chunk in chunks:
                peak = max(peak, _finite_peak(chunk, path))
                scratch.write(np.asarray(chunk, np.float32).tobytes())
            gain = min(1.0, CEILING / peak) if peak else 1.0
            _write_scaled(path, scratch, gain, sample_rate)
    return gain


def _finite_peak(chunk: np.ndarray, path: str | os.PathLike[str]) -> float:
    if not np.isfinite(chunk).all():
        raise AudioError(
            f"the model gave NaN or infinity instead of audio for {os.fspath(path)!r};"
            " its training may have diverged: try an earlier checkpoint"
        )
    return float(np.abs(chunk).max())


def _write_scaled(
    path: str | os.PathLike[str], scratch: IO[bytes], gain: float, sample_rate: int
) -> None:
    """Copy float32 samples into a WAV file, whole or not at all."""
    scratch.seek(0)
    settings = (sample_rate, 1, "PCM_24", "FILE", "WAV")
    try:
        with (
            io.replacing(path) as temporary,
            soundfile.SoundFile(temporary, "w", *settings) as wav,
        ):
            while data := scratch.read(4 * COPY_SAMPLES):
                samples = np.frombuffer(data, np.float32)
                wav.write(gain * samples)
    except soundfile.LibsndfileError as error:
        raise StorageError(
            f"writing {os.fspath(path)!r} failed: {error}; make room or choose another"
            " place"
        ) from error


def _extractor_for(spec: ExampleSpec) -> FeatureExtractor:
    """Return an extractor of the features that a model was trained on.

    Raises:
        FeatureError: There is none.
    """
    if spec.loudness is not LoudnessVersion.POWER_2022:
        raise FeatureError(
            f"the model was trained on loudness {spec.loudness!s}; this version"
            f" computes '{LoudnessVersion.POWER_2022}' only"
        )
    return FeatureExtractor(spec.frame_rate, PitchOptions.hearing(spec.f0))
