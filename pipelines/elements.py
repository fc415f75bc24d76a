"""The small values that travel between the stages of preparation; never audio."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ddsp_core.audio.blocks import BLOCK_SECS, n_blocks_for
from pipelines.windows import Starts, covered_frames

if TYPE_CHECKING:
    from ddsp_core.audio.blocks import Scan
    from ddsp_core.quality import Quality
    from ddsp_core.spec import ExampleSpec


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
    """A file that may be audio.

    Args:
        source: The name that people see: its path as given, any bytes
            surrogate-escaped, or the address of an example of TFDS.
        path: Where its bytes are, if that is not `source`.
    """

    source: str
    path: str | None = None


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What tells, without reading it, that a file is still the one that was scanned.

    Args:
        size: In bytes.
        version: As `io.Entry` has it: a local file's time, an object's generation.
    """

    size: int
    version: int


@dataclasses.dataclass(frozen=True)
class Recording:
    """A decoded recording: its place and what one pass over its samples told.

    Args:
        source: Path as given, or the address of an example of TFDS.
        file_sha256: Of the file's bytes.
        stamp: Size and time of the file when it was scanned.
        scan: Source key, length and measures.
        path: Where its bytes are, if that is not `source`.
    """

    source: str
    file_sha256: str
    stamp: Stamp
    scan: Scan
    path: str | None = None

    @property
    def file(self) -> str:
        """The file to read."""
        return self.path or self.source

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

    @property
    def secs(self) -> float:
        """Length, in seconds."""
        start = self.first * BLOCK_SECS
        return min(self.n_blocks * BLOCK_SECS, self.recording.secs - start)


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
        polyphonic: True where more than one note may sound; None if not measured.
        quality: Counts of the block's frames for the report; None if not measured.
    """

    key: str
    index: int
    loud: Mask
    sounding: Mask
    polyphonic: Mask | None = None
    quality: Quality | None = None


@dataclasses.dataclass(frozen=True)
class Judged:
    """The windows of one recording, kept or refused; starts in frames.

    Args:
        recording: Which.
        n_frames: Whole frames that the recording has.
        kept: Starts of the windows that can be examples, ascending.
        refused_for: The others by reason, the reasons in alphabetical order.
        is_joinable: It is shorter than an example and may be joined with others.
        reason: Why a recording that is shorter than an example is not joined.
        quality: Counts of its frames; None if none was measured.
    """

    recording: Recording
    n_frames: int
    kept: Starts
    refused_for: tuple[tuple[str, Starts], ...] = ()
    is_joinable: bool = False
    reason: str = ""
    quality: Quality | None = None

    @property
    def refused(self) -> list[tuple[int, str]]:
        """Starts of the refused windows with the reason, ascending."""
        return sorted(
            (start, reason) for reason, starts in self.refused_for for start in starts
        )


@dataclasses.dataclass(frozen=True)
class Planned:
    """A recording with its windows divided between the splits; starts in frames.

    Args:
        judged: What could be used.
        train: Windows to train on.
        eval: Windows held out.
        guard: Windows left out between the two.
        joined_to: The split whose examples a short recording is joined to.
        joined: The stretches of it that examples hold, (start, stop) in frames.
    """

    judged: Judged
    train: Starts
    eval: Starts
    guard: Starts
    joined_to: str | None = None
    joined: tuple[tuple[int, int], ...] = ()

    @property
    def recording(self) -> Recording:
        """Which recording this is."""
        return self.judged.recording

    def covered(self, split: str, spec: ExampleSpec) -> list[tuple[int, int]]:
        """Return the stretches that examples of a split hold, (start, stop) in frames.

        Frames here are steps of time: one on the very end is not counted.
        """
        if self.joined_to is not None:
            return list(self.joined) if self.joined_to == split else []
        return covered_frames(getattr(self, split), spec.n_intervals)


@dataclasses.dataclass(frozen=True)
class Piece:
    """A stretch of a recording inside a joined example; all in frames.

    Args:
        place: Of the recording in the list that goes with the example.
        start: First frame, counted in the recording.
        n_frames: Length.
        at: First frame, counted in the example.
    """

    place: int
    start: int
    n_frames: int
    at: int


@dataclasses.dataclass(frozen=True)
class JoinedExample:
    """An example made of short recordings; what no piece covers is a rest.

    Args:
        key: 32 hex digits over the pieces: the source key in its example id.
        pieces: In order.
    """

    key: str
    pieces: tuple[Piece, ...]


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """One shard to be written: the k-th record is the k-th of `windows`.

    Args:
        name: File name in the dataset directory.
        split: 'train' or 'eval'.
        windows: (index into `recordings`, start in frames), or a joined example, of
            every record.
        recordings: Those that the windows and pieces are cut from.
    """

    name: str
    split: str
    windows: Sequence[tuple[int, int] | JoinedExample]
    recordings: tuple[Recording, ...]
