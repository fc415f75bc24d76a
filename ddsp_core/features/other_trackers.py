"""Pitch trackers of other packages: pYIN (librosa) and SwiftF0."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ddsp_core.errors import FeatureError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.given import on_grid
from ddsp_core.spec import FEATURE_RATE

PYIN_RANGE_HZ: Final = (40.0, 2093.0)  # four periods of 40 Hz in a frame of 2048
PYIN_FRAME: Final = 2048  # samples at 16 kHz
SWIFT_HOP: Final = 256  # samples at 16 kHz: its own grid, 16 ms
SWIFT_THREADS: Final = 2  # the same on every machine, so that sums are too


class PyinTracker:
    """pYIN, Mauch and Dixon 2014, as librosa computes it, at every frame.

    Confidence is its probability of voicing, brought above one half where its own path
    is voiced and below where it is not.

    Args:
        hop_size: Samples at 16 kHz between two frames.

    Raises:
        FeatureError: librosa is not installed.
    """

    def __init__(self, hop_size: int) -> None:
        self._hop_size = hop_size
        self._librosa = _imported("librosa", "pyin")

    def track(
        self, blocks: Sequence[BlockAudio]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return f0 in Hz and confidence of all frames of each block."""
        return [self._one(block) for block in blocks]

    def _one(self, block: BlockAudio) -> tuple[np.ndarray, np.ndarray]:
        low, high = PYIN_RANGE_HZ
        # Without a sample it would complain; frames are centred, so zeros add none.
        audio = np.pad(block.audio_16k, (0, max(0, 1 - len(block.audio_16k))))
        f0_hz, is_voiced, probability = self._librosa.pyin(
            audio,
            fmin=low,
            fmax=high,
            sr=FEATURE_RATE,
            frame_length=PYIN_FRAME,
            hop_length=self._hop_size,
            fill_na=None,
        )
        confidence = 0.5 * probability + np.where(is_voiced, 0.5, 0.0)
        confidence = np.where(is_voiced, confidence, np.minimum(confidence, 0.49))
        n_frames = block.n_frames(self._hop_size)
        return (
            f0_hz[:n_frames].astype(np.float32),
            confidence[:n_frames].astype(np.float32),
        )


class SwiftTracker:
    """SwiftF0, Nieradzik 2025 (arXiv:2508.18440), heard every 16 ms.

    Args:
        hop_size: Samples at 16 kHz between two frames.

    Raises:
        FeatureError: swift-f0 is not installed.
    """

    def __init__(self, hop_size: int) -> None:
        self._hop_size = hop_size
        swift = _imported("swift_f0", "swiftf0")
        self._detector: Any = swift.SwiftF0(threads=SWIFT_THREADS, spin=False)

    def track(
        self, blocks: Sequence[BlockAudio]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return f0 in Hz and confidence of all frames of each block.

        Its grid is counted from the recording's start, as ours is.
        """
        return [self._one(block) for block in blocks]

    def _one(self, block: BlockAudio) -> tuple[np.ndarray, np.ndarray]:
        skipped = -(block.start - block.n_before) % SWIFT_HOP
        audio = block.audio_16k[skipped:]
        audio = np.pad(audio, (0, max(0, SWIFT_HOP - len(audio))))
        found = self._detector.detect(audio, FEATURE_RATE)
        times = found.timestamps + skipped / FEATURE_RATE
        hops = np.arange(block.n_frames(self._hop_size)) * self._hop_size
        confidence = np.clip(found.confidence, 0.0, 1.0)
        return on_grid(times, found.pitch_hz, confidence, hops / FEATURE_RATE)


def _imported(module: str, tracker: str) -> Any:
    """Import an optional package.

    Raises:
        FeatureError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FeatureError(
            f"--pitch {tracker} needs {error.name or module!r}, which is not installed;"
            " run `pip install 'luthier[pitch]'`"
        ) from error
