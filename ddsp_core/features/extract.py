"""`FeatureExtractor`: f0, confidence and loudness of a recording, block by block."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import tensorflow as tf

from ddsp_core.audio.blocks import (
    BLOCK_SECS,
    CONTEXT_SECS,
    Block,
    blocks,
    scan,
)
from ddsp_core.audio.info import AudioInfo
from ddsp_core.audio.resample import resample_block
from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.errors import AudioError, FeatureError, SpecError
from ddsp_core.features.crepe import Crepe
from ddsp_core.features.f0 import f0_and_confidence
from ddsp_core.spec import FEATURE_RATE, LoudnessVersion, Padding, frame_rates

logger = logging.getLogger(__name__)

# Below one half, CREPE's confidence says that nothing pitched sounds (its own advice).
MIN_CONFIDENCE: Final = 0.5
# 10 dB above the floor of the loudness scale (-80 dB): nearer to it lies only noise,
# in which CREPE may still find a pitch.
MIN_LOUDNESS_DB: Final = -70.0
F0_REVISION: Final = 1  # grows whenever f0 or confidence would come out differently
MAX_HOP: Final = 512  # samples at 16 kHz: one frame of the loudness definition
MAX_BLOCK_SAMPLES: Final = (BLOCK_SECS + 2 * CONTEXT_SECS) * FEATURE_RATE


@dataclasses.dataclass(frozen=True)
class Features:
    """The features of a stretch of frames, each [n_frames] float32.

    Args:
        f0_hz: Fundamental frequency, in Hz.
        f0_confidence: That the frame is pitched, in [0, 1].
        loudness_db: A-weighted loudness, -80 dB or more.
    """

    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray

    @classmethod
    def joined(cls, parts: Iterable[Features]) -> Features:
        """Return consecutive stretches as one."""
        rows = [(p.f0_hz, p.f0_confidence, p.loudness_db) for p in parts]
        none = (np.zeros(0, np.float32),) * 3
        return cls(
            *(np.concatenate(column) for column in zip(none, *rows, strict=True))
        )


class FeatureExtractor:
    """Computes the features of blocks, recordings and signals; the same for each.

    Args:
        frame_rate: Frames per second.
        crepe_size: "tiny", "small", "medium", "large" or "full".
        weights: Path of a CREPE weight file; None for the installed one.

    Raises:
        FeatureError: The weights are missing or wrong.
        SpecError: The frame rate does not divide 16 kHz, or is too low for loudness.
    """

    def __init__(
        self,
        frame_rate: int = 250,
        crepe_size: str = "tiny",
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        works = [r for r in frame_rates(FEATURE_RATE) if FEATURE_RATE // r <= MAX_HOP]
        if frame_rate not in works:
            raise SpecError(
                f"{frame_rate} frames/s are not a whole hop of at most {MAX_HOP}"
                f" samples at {FEATURE_RATE} Hz; rates that work:"
                f" {', '.join(map(str, works))}"
            )
        self.frame_rate = frame_rate
        self.hop_size = FEATURE_RATE // frame_rate
        self._crepe = Crepe(crepe_size, weights)
        mark = "" if weights is None else f"@{_digest(weights)}"
        self.f0_version = f"crepe-{crepe_size}-viterbi/{F0_REVISION}{mark}"
        self.loudness_version = LoudnessVersion.POWER_2022
        self._loudness = tf.function(
            lambda audio: compute_loudness(audio, FEATURE_RATE, frame_rate),
            input_signature=[tf.TensorSpec([MAX_BLOCK_SAMPLES], tf.float32)],
        )

    @property
    def versions(self) -> dict[str, str]:
        """The version of each feature, as `ExampleSpec` takes them."""
        return {"f0": self.f0_version, "loudness": str(self.loudness_version)}

    def extract(
        self, audio_16k: np.ndarray, padding: Padding = Padding.SAME
    ) -> Features:
        """Return the features of a whole signal, cut into the grid's blocks inside.

        Args:
            audio_16k: Mono at 16 kHz, [n_samples].
            padding: SAME for n_samples // hop frames, CENTER for one more.
        """
        rows = list(_signal_blocks(np.asarray(audio_16k, np.float32)))
        parts = [
            self.extract_block(
                block.audio,
                block.n_before,
                block.n_core,
                padding if block is rows[-1] else Padding.SAME,
            )
            for block in rows
        ]
        return Features.joined(parts)

    def extract_block(
        self,
        audio_16k: np.ndarray,
        n_before: int,
        n_core: int,
        padding: Padding = Padding.SAME,
    ) -> Features:
        """Return the features of a block's core.

        Args:
            audio_16k: Context, core, context: mono at 16 kHz, [n_samples]; zeros are
                taken to stand beyond it.
            n_before: Samples of context before the core; a multiple of the hop.
            n_core: Samples of the core.
            padding: SAME for n_core // hop frames; CENTER for one more, on the core's
                end, which is wanted only at a recording's end: elsewhere it is the next
                block's first.

        Raises:
            FeatureError: The block is longer than the grid's, or its parts do not fit.
        """
        hop, n_samples = self.hop_size, len(audio_16k)
        if (
            n_samples > MAX_BLOCK_SAMPLES
            or n_before + n_core > n_samples
            or (n_before % hop)
        ):
            raise FeatureError(
                f"a block of {n_samples} samples with {n_before} before the core of"
                f" {n_core} does not fit: needed at most {MAX_BLOCK_SAMPLES} samples at"
                f" 16 kHz and whole hops of {hop} before the core"
            )
        n_frames = n_core // hop + (padding is Padding.CENTER)
        core = slice(n_before // hop, n_before // hop + n_frames)
        # One frame more than whole hops, whatever the padding, so that the path through
        # the other frames does not depend on it.
        activations = self._crepe.activations(audio_16k, hop, n_samples // hop + 1)
        f0_hz, f0_confidence = f0_and_confidence(activations)
        whole = np.zeros(MAX_BLOCK_SAMPLES, np.float32)
        whole[:n_samples] = audio_16k
        loudness_db = self._loudness(whole).numpy()
        return Features(f0_hz[core], f0_confidence[core], loudness_db[core])


def recording_features(
    path: str | os.PathLike[str], extractor: FeatureExtractor
) -> tuple[Features, AudioInfo]:
    """Return the features of a recording, reading it block by block.

    Args:
        path: An audio file of any rate and length.
        extractor: Whose frame rate the features have.

    Returns:
        Features of n_samples // hop frames of the 16 kHz copy, and the file's info with
        the length that was really decoded.

    Raises:
        AudioError: The file cannot be decoded or holds no samples.
        StorageError: The disk or the network failed.
    """
    found = scan(path)
    if not found.n_samples:
        raise AudioError(found.error or f"{os.fspath(path)!r} holds no samples")
    if found.error:
        logger.warning("%s; what comes before is used", found.error)
    info = dataclasses.replace(found.info, n_samples=found.n_samples)
    parts = [
        extractor.extract_block(*resample_block(block, FEATURE_RATE))
        for block in blocks(path, found.info, found.n_samples)
    ]
    return Features.joined(parts), info


def sounding(features: Features) -> np.ndarray:
    """Say in which frames a note sounds: pitched and above the noise.

    The one definition for statistics, evaluation and transfer.

    Returns:
        [n_frames] bool.
    """
    return (features.f0_confidence >= MIN_CONFIDENCE) & (
        features.loudness_db >= MIN_LOUDNESS_DB
    )


def _signal_blocks(audio_16k: np.ndarray) -> Iterator[Block]:
    """Cut a signal in memory into the blocks that its recording would have."""
    n_core, n_context = BLOCK_SECS * FEATURE_RATE, CONTEXT_SECS * FEATURE_RATE
    n_samples = len(audio_16k)
    for index, start in enumerate(range(0, max(n_samples, 1), n_core)):
        end = min(start + n_core, n_samples)
        begin = max(0, start - n_context)
        audio = audio_16k[begin : end + n_context]
        yield Block(index, audio, FEATURE_RATE, start - begin, end - start)


def _digest(path: str | os.PathLike[str]) -> str:
    """Return 8 hex digits of a weight file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
