"""What only the sound tells of quality, frame by frame: level and polyphony."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from ddsp_core.audio.polyphony import HOP, polyphonic
from ddsp_core.spec import FEATURE_RATE

MEASURES_VERSION: Final = "1"  # grows whenever a measure would come out differently
LEVEL_WINDOW: Final = 512  # 32 ms: a period of 31 Hz, and short beside a decay
STEPS_PER_DB: Final = 10
LOWEST_DB: Final = -120.0


@dataclasses.dataclass(frozen=True)
class AudioMeasures:
    """Measures of consecutive frames, rounded: the same on every CPU.

    Args:
        polyphonic: More than one note sounds, bool [n_frames].
        level: Of the 32 ms around a frame without their mean, in tenths of a dB of full
            scale, -1200 or more, int16 [n_frames].
    """

    polyphonic: np.ndarray
    level: np.ndarray

    @property
    def level_db(self) -> np.ndarray:
        """The level in dB, float64 [n_frames]."""
        return self.level / STEPS_PER_DB

    def head(self, n_frames: int) -> AudioMeasures:
        """Return the first frames."""
        return AudioMeasures(self.polyphonic[:n_frames], self.level[:n_frames])

    def to_bytes(self) -> bytes:
        """Return both rows packed, for a store."""
        return (
            self.level.astype("<i2").tobytes()
            + np.packbits(self.polyphonic.astype(bool)).tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes, n_frames: int) -> AudioMeasures:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: The data are not of so many frames.
        """
        if len(data) != 2 * n_frames + -(-n_frames // 8):
            raise ValueError(f"{len(data)} bytes are not measures of {n_frames} frames")
        level = np.frombuffer(data, "<i2", n_frames).astype(np.int16)
        bits = np.frombuffer(data, np.uint8, offset=2 * n_frames)
        return cls(np.unpackbits(bits, count=n_frames).astype(bool), level)


def measure_audio(
    audio_16k: np.ndarray, n_before: int, n_core: int, n_frames: int, frame_rate: int
) -> AudioMeasures:
    """Measure a block's core.

    Args:
        audio_16k: Context, core, context: mono at 16 kHz, [n_samples].
        n_before: Samples of context before the core: whole seconds.
        n_core: Samples of the core.
        n_frames: Of its features: whole hops, or one more on the very end.
        frame_rate: Of the features, in Hz.
    """
    hop = FEATURE_RATE // frame_rate
    found = polyphonic(audio_16k, n_before, n_core)
    at = np.arange(n_frames) * hop
    nearest = np.minimum((at + HOP // 2) // HOP, len(found) - 1)
    return AudioMeasures(found[nearest], _level(audio_16k, n_before + at))


def _level(audio: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the level around each sample, [n] int16 in tenths of a dB."""
    wide = audio.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(wide)])
    squares = np.concatenate([[0.0], np.cumsum(wide**2)])
    start = np.maximum(centres - LEVEL_WINDOW // 2, 0)
    stop = np.minimum(centres + LEVEL_WINDOW // 2, len(audio))
    n = np.maximum(stop - start, 1)
    mean = (sums[stop] - sums[start]) / n
    power = np.maximum((squares[stop] - squares[start]) / n - mean**2, 0.0)
    level_db = 10 * np.log10(np.maximum(power, 10 ** (LOWEST_DB / 10)))
    return np.rint(level_db * STEPS_PER_DB).astype(np.int16)
