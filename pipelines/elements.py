"""The small values that travel between the stages of preparation; never audio."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ddsp_core.audio.blocks import n_blocks_for

if TYPE_CHECKING:
    from ddsp_core.audio.blocks import Scan


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A file, or a part of a recording, that is not used.

    Args:
        source: Path as given.
        stage: Where it was refused: 'find', 'decode', 'duplicate', 'measure', 'plan'.
        reason: For people.
        is_audio: False for what nobody would call an audio file: it is listed, and
            does not count as a failure.
        start_secs: Of the part, in seconds; None for a whole file.
        end_secs: Of the part, in seconds; None for a whole file.
        file_sha256: Of the file's bytes, where they could be read.
    """

    source: str
    stage: str
    reason: str
    is_audio: bool = True
    start_secs: float | None = None
    end_secs: float | None = None
    file_sha256: str | None = None


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A file that may be audio; its path as given, any bytes surrogate-escaped."""

    source: str


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What tells, without reading it, that a file is still the one that was scanned."""

    size: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True)
class Recording:
    """A decoded recording: its place and what one pass over its samples told.

    Args:
        source: Path as given.
        file_sha256: Of the file's bytes.
        stamp: Size and time of the file when it was scanned.
        scan: Source key, length and measures.
    """

    source: str
    file_sha256: str
    stamp: Stamp
    scan: Scan

    @property
    def key(self) -> str:
        """Digest of the decoded samples: 32 hex digits."""
        return self.scan.source_key

    @property
    def n_samples(self) -> int:
        """Length, in samples of the recording's own rate."""
        return self.scan.n_samples

    @property
    def sample_rate(self) -> int:
        """The recording's own rate, in Hz."""
        return self.scan.info.sample_rate

    @property
    def seekable(self) -> bool:
        """Is a block read without decoding what comes before it?"""
        info = self.scan.info
        return info.seekable and info.n_samples == self.n_samples

    @property
    def n_blocks(self) -> int:
        """Blocks of the grid."""
        return n_blocks_for(self.n_samples, self.sample_rate)

    @property
    def secs(self) -> float:
        """Length, in seconds."""
        return self.n_samples / self.sample_rate


@dataclasses.dataclass(frozen=True)
class Segment:
    """Consecutive blocks of one recording: what a worker measures in one go."""

    recording: Recording
    first: int
    n_blocks: int


@dataclasses.dataclass(frozen=True)
class Mask:
    """A boolean per frame, packed to bits: 0.6 kB for 20 s at 250 frames/s."""

    n_frames: int
    bits: bytes

    @classmethod
    def of(cls, values: np.ndarray) -> Mask:
        """Pack booleans, [n_frames]."""
        return cls(len(values), np.packbits(values.astype(bool)).tobytes())

    def values(self) -> np.ndarray:
        """Return the booleans, [n_frames]."""
        bits = np.frombuffer(self.bits, np.uint8)
        return np.unpackbits(bits, count=self.n_frames).astype(bool)


@dataclasses.dataclass(frozen=True)
class BlockMeasures:
    """What the plan must know of one block.

    Args:
        key: Source key of the recording.
        index: Number of the block in the recording.
        loud: True where a frame is louder than silence.
        sounding: True where a note sounds: loud, with a confident pitch.
    """

    key: str
    index: int
    loud: Mask
    sounding: Mask


@dataclasses.dataclass(frozen=True)
class Judged:
    """The windows of one recording, kept or refused; starts in frames.

    Args:
        recording: Which.
        n_frames: Whole frames that the recording has.
        kept: Starts of the windows that can be examples, ascending.
        refused: Starts of the others with the reason, ascending.
    """

    recording: Recording
    n_frames: int
    kept: tuple[int, ...]
    refused: tuple[tuple[int, str], ...]


@dataclasses.dataclass(frozen=True)
class Planned:
    """A recording with its windows divided between the splits; starts in frames."""

    judged: Judged
    train: tuple[int, ...]
    eval: tuple[int, ...]
    guard: tuple[int, ...]

    @property
    def recording(self) -> Recording:
        """The recording."""
        return self.judged.recording


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """One shard to be written: the k-th record is the k-th of `windows`.

    Args:
        name: File name in the dataset directory.
        split: 'train' or 'eval'.
        windows: (index into `recordings`, start in frames) of every record.
        recordings: Those that the windows are cut from.
    """

    name: str
    split: str
    windows: tuple[tuple[int, int], ...]
    recordings: tuple[Recording, ...]
