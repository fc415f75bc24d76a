"""How fast sound dies away after notes: an estimate of the room."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from ddsp_core.audio.ranges import runs

SMOOTH_SECS: Final = 0.06  # power is averaged so long: the partials of a tail beat
MIN_FALL_DB: Final = 30.0  # a decay is measured from 10 dB to 30 dB below its start
FIT_DB: Final = (10.0, 30.0)
RISE_DB: Final = 3.0  # ends a fall: another sound begins
MIN_SLOPE_DB: Final = 3.0  # in 0.2 s: slower falls (4 s for 60 dB) are played
LOWEST_START_DB: Final = -50.0  # of full scale: a fall from there ends in noise


def decay_times(level_db: np.ndarray, frame_rate: int) -> np.ndarray:
    """Return the time that each fall after a note would take for 60 dB, in seconds.

    The room's own reverberation is the fastest that a fall in it can be, so the lower
    quartile of many is taken for it. After ISO 3382-2, which fits the slope between
    -5 dB and -25 or -35 dB of a room's response; notes end more slowly than shots, so
    the fit begins at -10 dB here.

    Args:
        level_db: [n_frames], in dB.
        frame_rate: In Hz.
    """
    found = []
    smooth_db = _smooth(level_db, frame_rate)
    for start, stop in _falls(smooth_db):
        fall = _steep_part(smooth_db[start : stop + 1], frame_rate)
        if fall[0] - fall[-1] < MIN_FALL_DB or fall[0] < LOWEST_START_DB:
            continue
        first, last = (int(np.argmax(fall <= fall[0] - drop)) for drop in FIT_DB)
        if last > first:
            secs = np.arange(first, last + 1) / frame_rate
            slope = np.polyfit(secs, fall[first : last + 1], 1)[0]
            found.append(60 / max(-slope, 1e-3))
        else:
            found.append(0.0)
    return np.array(found)


def _falls(level_db: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, last) frame of every fall by `MIN_FALL_DB` without a rise."""
    found: list[tuple[int, int]] = []
    top = low = 0
    levels = level_db.tolist()
    for index, level in enumerate(levels):
        if level > levels[low] + RISE_DB:
            if levels[top] - levels[low] >= MIN_FALL_DB:
                found.append((top, low))
            top = low = index
        elif level >= levels[top]:
            top = low = index
        elif level < levels[low]:
            low = index
    if levels and levels[top] - levels[low] >= MIN_FALL_DB:
        found.append((top, low))
    return found


def _steep_part(fall: np.ndarray, frame_rate: int) -> np.ndarray:
    """Return the longest drop in a fall that is steeper than `MIN_SLOPE_DB`.

    Before it a note may die away slowly, and behind it lies the noise of the room.
    """
    reach = max(1, frame_rate // 5)
    ahead = np.minimum(np.arange(len(fall)) + reach, len(fall) - 1)
    is_steep = fall - fall[ahead] >= MIN_SLOPE_DB
    parts = [fall[start : ahead[stop - 1] + 1] for start, stop in runs(is_steep)]
    return max(parts, key=_drop, default=fall[:1])


def _drop(part: np.ndarray) -> float:
    return float(part[0] - part[-1])


def _smooth(level_db: np.ndarray, frame_rate: int) -> np.ndarray:
    """Return the level of the power averaged around each frame, in dB."""
    size = max(1, round(SMOOTH_SECS * frame_rate))
    power = ndimage.uniform_filter1d(10.0 ** (level_db / 10), size)
    return np.round(10 * np.log10(np.maximum(power, 1e-12)), 2)
