"""f0 that was given beside a recording, or by a tracker of another grid, on ours."""

from __future__ import annotations

import csv
import functools
import math
import os
from collections.abc import Sequence
from typing import Final

import numpy as np

from ddsp_core import io
from ddsp_core.errors import AudioError, StorageError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.continuous import continuous_f0
from ddsp_core.features.f0 import MIN_CONFIDENCE
from ddsp_core.features.options import GIVEN_PATTERN
from ddsp_core.spec import FEATURE_RATE

COLUMNS: Final = ("time_s", "f0_hz", "confidence")
HEADS: Final = (COLUMNS, COLUMNS[:2], ("time", "frequency", "confidence"))  # of CREPE
MAX_HZ: Final = FEATURE_RATE / 2  # what 16 kHz can hold
REACH_SECS: Final = 0.05  # what a point speaks for; pitch trackers have hops below it
# Two points further apart are two notes: between them there is no glide.
MAX_MOVE_CENTS: Final = 100.0


class GivenTracker:
    """Reads f0 from a CSV file beside each recording.

    Its columns are `time_s`, `f0_hz` (0 where nothing has a pitch) and, if it likes,
    `confidence`; rows are in the order of time. CREPE's own files, with `time` and
    `frequency` in their first line, are read as well.

    Args:
        frame_rate: In Hz.
        pattern: Name of the file for a recording, in its folder; `{stem}` stands for
            the recording's name without its ending and `{name}` for all of it.
    """

    def __init__(self, frame_rate: int, pattern: str = GIVEN_PATTERN) -> None:
        self._frame_rate, self._pattern = frame_rate, pattern
        self._track = functools.lru_cache(maxsize=4)(self._read)

    def track(
        self, blocks: Sequence[BlockAudio]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return f0 in Hz and confidence of all frames of each block.

        Where nothing has a pitch f0 is filled and confidence is 0.

        Raises:
            AudioError: A file is missing or a row of it is wrong.
        """
        hop = FEATURE_RATE // self._frame_rate
        result = []
        for block in blocks:
            if block.source is None:
                raise AudioError(
                    "f0 is given by files beside recordings, but this sound is none"
                )
            f0_hz, confidence = self._track(given_path(block.source, self._pattern))
            frames = block.first_frame(hop) + np.arange(block.n_frames(hop))
            inside = frames.clip(max=len(f0_hz) - 1)
            beyond = frames >= len(f0_hz)
            result.append((f0_hz[inside], np.where(beyond, 0, confidence[inside])))
        return result

    def _read(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        """A file's f0 and confidence on the grid, from the recording's start."""
        times, f0_hz, confidence = read_f0(path)
        n_frames = math.ceil((times[-1] + REACH_SECS) * self._frame_rate) + 1
        grid_secs = np.arange(n_frames) / self._frame_rate
        f0_hz, confidence = on_grid(times, f0_hz, confidence, grid_secs)
        is_voiced = (confidence > 0) & (f0_hz > 0)
        filled = continuous_f0(f0_hz, is_voiced, self._frame_rate)
        return filled, confidence


def given_path(source: str, pattern: str) -> str:
    """Return where the f0 of a recording is.

    >>> given_path("takes/a.wav", "{stem}_f0.csv")
    'takes/a_f0.csv'
    """
    name = io.name(source)
    stem = os.path.splitext(name)[0]
    beside = pattern.replace("{stem}", stem).replace("{name}", name)
    return io.join(io.parent(source), beside)


def read_f0(
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a file of f0.

    Returns:
        Times in seconds, f0 in Hz (0: no pitch) and confidence in [0, 1], [n] each.

    Raises:
        AudioError: It is missing, is no such file, or a row is wrong.
    """
    name = repr(os.fspath(path))
    try:
        with (
            io.local_copy(path) as local,
            open(local, newline="", encoding="utf-8-sig") as file,
        ):
            rows = list(csv.reader(file))
    except StorageError:
        raise
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AudioError(f"f0 file {name} cannot be read: {error}") from error
    if not rows or tuple(rows[0]) not in HEADS:
        head = ",".join(rows[0]) if rows else ""
        raise AudioError(
            f"f0 file {name} begins with {head!r}; needed a first line"
            f" {' or '.join(map(','.join, HEADS))}"
        )
    if len(rows) < 2:
        raise AudioError(f"f0 file {name} has no rows")
    last, values = -math.inf, []
    for number, row in enumerate(rows[1:], start=2):
        value = _values(row, len(rows[0]))
        if value is None or value[0] <= last:
            raise AudioError(
                f"f0 file {name}, line {number}: {','.join(row)!r}; needed"
                f" {','.join(rows[0])} with times that grow, f0 from 0 (no pitch) to"
                f" {MAX_HZ:g} Hz and confidence from 0 to 1"
            )
        last = value[0]
        values.append(value)
    times, f0_hz, confidence = np.array(values).T
    return times, f0_hz, confidence


def on_grid(
    times: np.ndarray, f0_hz: np.ndarray, confidence: np.ndarray, grid_secs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bring f0 of any times to those of our frames.

    Between two voiced points at most 100 cents and 50 ms apart, log f0 and confidence
    are on a line; else the nearer point counts: no glide leads across a rest or from
    note to note. Further than 50 ms from any point confidence is 0.

    Args:
        times: Of the points, growing, in seconds, [n].
        f0_hz: In Hz, [n]; 0 where nothing has a pitch.
        confidence: In [0, 1], [n].
        grid_secs: Of the frames, in seconds, [n_frames].

    Returns:
        f0 in Hz and confidence, [n_frames] float32 each.
    """
    right = np.searchsorted(times, grid_secs).clip(max=len(times) - 1)
    left = (right - 1).clip(min=0)
    span = times[right] - times[left]
    share = ((grid_secs - times[left]) / np.where(span > 0, span, 1)).clip(0, 1)
    nearest = np.where((share <= 0.5) & (span > 0), left, right)
    is_voiced = (f0_hz > 0) & (confidence >= MIN_CONFIDENCE)
    octaves = np.log2(np.where(f0_hz > 0, f0_hz, 1.0))
    move = octaves[right] - octaves[left]
    on_line = is_voiced[left] & is_voiced[right] & (span > 0) & (span <= REACH_SECS)
    on_line &= 1200.0 * np.abs(move) <= MAX_MOVE_CENTS
    line_hz = 2.0 ** (octaves[left] + share * move)
    rise = confidence[right] - confidence[left]
    sure = np.where(on_line, confidence[left] + share * rise, confidence[nearest])
    is_near = np.abs(times[nearest] - grid_secs) <= REACH_SECS
    result = np.where(on_line, line_hz, f0_hz[nearest])
    return result.astype(np.float32), np.where(is_near, sure, 0).astype(np.float32)


def _values(row: Sequence[str], n: int) -> tuple[float, float, float] | None:
    """A row's numbers, or None if it is wrong."""
    try:
        numbers = [float(text) for text in row]
    except ValueError:
        return None
    if len(numbers) != n or not all(map(math.isfinite, numbers)) or min(numbers) < 0:
        return None
    time, f0_hz = numbers[:2]
    confidence = numbers[2] if n == len(COLUMNS) else float(f0_hz > 0)
    return (time, f0_hz, confidence) if f0_hz <= MAX_HZ and confidence <= 1 else None
