"""`FeatureExtractor`: f0, confidence and loudness of a recording, block by block."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
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
from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.errors import AudioError, SpecError
from ddsp_core.features.block import BLOCKS_AT_ONCE, MAX_BLOCK_SAMPLES, BlockAudio
from ddsp_core.features.f0 import MIN_CONFIDENCE
from ddsp_core.features.options import PitchOptions
from ddsp_core.features.trackers import make_tracker
from ddsp_core.spec import FEATURE_RATE, LoudnessVersion, Padding, frame_rates

logger = logging.getLogger(__name__)

# 10 dB above the floor of the loudness scale (-80 dB): nearer to it lies only noise,
# in which CREPE may still find a pitch.
MIN_LOUDNESS_DB: Final = -70.0
MAX_HOP: Final = 512  # samples at 16 kHz: one frame of the loudness definition
# Loudness is computed in two fixed shapes, the short one since many recordings are. The
# last second holds no core: TensorFlow may round the last values of an array apart.
SHORT_SAMPLES: Final = 5 * FEATURE_RATE
TAIL_SAMPLES: Final = FEATURE_RATE


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
        pitch: Which tracker hears f0, and how.

    Attributes:
        seconds: CPU time spent so far on 'f0' and 'loudness', by all threads of the
            process.

    Raises:
        FeatureError: Weights or a package are missing or wrong.
        SpecError: The frame rate does not divide 16 kHz, or is too low for loudness.
    """

    def __init__(
        self, frame_rate: int = 250, pitch: PitchOptions | None = None
    ) -> None:
        works = [r for r in frame_rates(FEATURE_RATE) if FEATURE_RATE // r <= MAX_HOP]
        if frame_rate not in works:
            raise SpecError(
                f"{frame_rate} frames/s are not a whole hop of at most {MAX_HOP}"
                f" samples at {FEATURE_RATE} Hz; rates that work:"
                f" {', '.join(map(str, works))}"
            )
        pitch = pitch or PitchOptions()
        self.frame_rate = frame_rate
        self.hop_size = FEATURE_RATE // frame_rate
        self._tracker = make_tracker(pitch, frame_rate)
        mark = "" if pitch.weights is None else f"@{_digest(pitch.weights)}"
        self.f0_version = f"{pitch.version(frame_rate)}{mark}"
        self.loudness_version = LoudnessVersion.POWER_2022
        self.seconds = {"f0": 0.0, "loudness": 0.0}
        self._loudness_of = {
            n: tf.function(
                lambda audio: compute_loudness(audio, FEATURE_RATE, frame_rate),
                input_signature=[tf.TensorSpec([n], tf.float32)],
            )
            for n in (SHORT_SAMPLES, MAX_BLOCK_SAMPLES)
        }

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
        paddings = [Padding.SAME] * (len(rows) - 1) + [padding]
        pairs = zip(rows, paddings, strict=True)
        return self.extract_all(BlockAudio.of(*pair) for pair in pairs)

    def extract_all(self, blocks: Iterable[BlockAudio]) -> Features:
        """Return the features of consecutive blocks as one, some blocks at a time."""
        parts: list[Features] = []
        rest = iter(blocks)
        while group := list(itertools.islice(rest, BLOCKS_AT_ONCE)):
            parts += self.extract_blocks(group)
        return Features.joined(parts)

    def extract_block(
        self,
        audio_16k: np.ndarray,
        n_before: int,
        n_core: int,
        padding: Padding = Padding.SAME,
        start: int = 0,
    ) -> Features:
        """Return the features of one block's core: `extract_blocks` of `BlockAudio`."""
        block = BlockAudio(audio_16k, n_before, n_core, padding, start)
        return self.extract_blocks([block])[0]

    def extract_blocks(self, blocks: Sequence[BlockAudio]) -> list[Features]:
        """Return the features of the cores of blocks, whatever recordings they are of.

        Together they take less time than one by one, and the results are the same.
        Memory grows by some 20 MB a block.

        Raises:
            FeatureError: A block is longer than the grid's, or its parts do not fit.
            AudioError: f0 is given by files, and that of a block is missing or wrong.
        """
        for block in blocks:
            block.check(self.hop_size)
        with self._timed("f0"):
            tracks = self._tracker.track(blocks)
        result = []
        for block, (f0_hz, f0_confidence) in zip(blocks, tracks, strict=True):
            with self._timed("loudness"):
                loudness_db = self._loudness(block.audio_16k)
            core = block.core(self.hop_size)
            parts = (f0_hz[core], f0_confidence[core], loudness_db[core])
            result.append(Features(*parts))
        return result

    def _loudness(self, audio_16k: np.ndarray) -> np.ndarray:
        """The loudness of a block and of zeros after it, in a fixed shape."""
        is_short = len(audio_16k) <= SHORT_SAMPLES - TAIL_SAMPLES
        n = SHORT_SAMPLES if is_short else MAX_BLOCK_SAMPLES
        whole = np.zeros(n, np.float32)
        whole[: len(audio_16k)] = audio_16k
        return np.asarray(self._loudness_of[n](whole))

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Count the CPU time of what is done inside."""
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.process_time() - start


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
    rows = blocks(path, found.info, found.n_samples)
    name = os.fspath(path)
    return extractor.extract_all(BlockAudio.of(b, source=name) for b in rows), info


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
