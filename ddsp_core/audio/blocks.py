"""The absolute grid of 20 s blocks on which features are computed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Final

import numpy as np

from ddsp_core.audio.decode import AudioInfo, stream
from ddsp_core.audio.scan import Scan, mono_mix, scan
from ddsp_core.errors import AudioError

__all__ = [
    "BLOCK_SECS",
    "CONTEXT_SECS",
    "Block",
    "Scan",
    "blocks",
    "n_blocks_for",
    "scan",
]

# Whole seconds, so that a block starts on a whole sample at every rate. 22 s of six
# channels at 96 kHz are 50 MB.
BLOCK_SECS: Final = 20
# Much longer than a CREPE frame (64 ms), the resampler's filter and what Viterbi
# remembers, so that a block's core is what the whole recording would give.
CONTEXT_SECS: Final = 1


@dataclasses.dataclass(frozen=True)
class Block:
    """One block of a recording, with context on both sides.

    Args:
        index: The block's core starts `index * BLOCK_SECS` seconds into the recording.
        audio: Context, core, context: mono float32, [n_samples] at `sample_rate`.
        sample_rate: The recording's own, in Hz.
        n_before: Samples of context before the core; 0 in the first block.
        n_core: Samples of the core; fewer than 20 s only in the last block.
    """

    index: int
    audio: np.ndarray
    sample_rate: int
    n_before: int
    n_core: int

    @property
    def start(self) -> int:
        """First sample of the core, counted from the recording's start."""
        return self.index * BLOCK_SECS * self.sample_rate


def n_blocks_for(n_samples: int, sample_rate: int) -> int:
    """Return how many blocks a recording has.

    >>> n_blocks_for(16_000 * 20 + 1, 16_000)
    2
    """
    return -(-n_samples // (BLOCK_SECS * sample_rate))


def blocks(
    path: str | os.PathLike[str],
    info: AudioInfo,
    n_samples: int,
    first: int = 0,
    count: int | None = None,
) -> Iterator[Block]:
    """Yield blocks of a recording, mixed to mono, holding no more than one in memory.

    Samples that are not finite become 0; `Scan.nonfinite` says where they are. A file
    whose length was confirmed is entered by seeking if that is exact, any other is
    decoded from its start; the arrays are the same.

    Args:
        path: The file.
        info: Its `probe`.
        n_samples: Its decoded length, as `scan` found it.
        first: Index of the first block.
        count: How many blocks; all that remain if None.

    Raises:
        AudioError: The file is shorter than `n_samples`, cannot be opened, or its
            decoder failed before them.
        StorageError: The disk or the network failed.
    """
    rate = info.sample_rate
    last = n_blocks_for(n_samples, rate)
    if count is not None:
        last = min(last, first + count)
    if first >= last:
        return
    starts, context = BLOCK_SECS * rate, CONTEXT_SECS * rate
    # A header that lies about the length points to a damaged file: no seeking in it.
    can_seek = info.seekable and info.n_samples == n_samples
    origin = max(0, first * starts - context) if can_seek else 0
    window = _Window(path, origin)
    for index in range(first, last):
        core = index * starts
        core_end = min(core + starts, n_samples)
        begin, end = max(0, core - context), min(core_end + context, n_samples)
        audio = window.cut(begin, end)
        yield Block(index, audio, rate, core - begin, core_end - core)


class _Window:
    """The part of a decoded recording that moves on from block to block.

    Args:
        path: The file.
        origin: Sample from which it is decoded.
    """

    def __init__(self, path: str | os.PathLike[str], origin: int) -> None:
        self._path = path
        self._chunks = stream(path, start=origin)
        self._held: list[np.ndarray] = []
        self._start = self._end = origin

    def cut(self, begin: int, end: int) -> np.ndarray:
        """Return samples [begin, end), mono; `begin` never moves back."""
        while self._end < end:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise AudioError(
                    f"{os.fspath(self._path)!r} ended after {self._end} samples, needed"
                    f" {end}; it was changed while it was read"
                )
            mono = mono_mix(chunk)
            self._held.append(np.where(np.isfinite(mono), mono, np.float32(0)))
            self._end += len(mono)
            self._drop(begin)
        self._drop(begin)
        held = np.concatenate(self._held)
        return held[begin - self._start : end - self._start]

    def _drop(self, begin: int) -> None:
        """Forget whole chunks before `begin`."""
        while self._held and self._start + len(self._held[0]) <= begin:
            self._start += len(self._held.pop(0))
