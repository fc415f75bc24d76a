"""f0 without holes: what a model is shown where nothing has a pitch."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

# A consonant or a change of bow; beyond it lies a rest, into which no pitch leads.
MAX_GAP_SECS: Final = 0.3
UNKNOWN_HZ: Final = 440.0  # of a recording in which nothing has a pitch


@dataclasses.dataclass(frozen=True)
class Beyond:
    """The nearest frame beyond a stretch that has a pitch.

    Args:
        f0_hz: Its pitch, in Hz.
        n_frames: How far it is from the stretch's end frame; 1 is the next one.
    """

    f0_hz: float
    n_frames: int


def continuous_f0(
    f0_hz: np.ndarray,
    is_voiced: np.ndarray,
    frame_rate: int,
    before: Beyond | None = None,
    after: Beyond | None = None,
) -> np.ndarray:
    """Fill f0 where nothing has a pitch.

    Over gaps of 0.3 s or less log f0 leads in a line from the pitch before to the one
    after. Over longer ones, and at the end, the last pitch is held; before the first
    pitch stands the first. A recording may be filled stretch by stretch: with what
    `last_voiced` and `first_voiced` say of the others the result is the same.

    Args:
        f0_hz: In Hz, [n_frames]; only values of voiced frames are read.
        is_voiced: Which frames have a pitch, [n_frames] bool.
        frame_rate: In Hz.
        before: The last voiced frame before the stretch; None if there is none.
        after: The first voiced frame after it; None if there is none.

    Returns:
        [n_frames] float32; voiced frames as they were. 440 Hz if nothing is voiced.

    >>> f0_hz = np.array([0, 220, 0, 440, 0], np.float32)
    >>> continuous_f0(f0_hz, f0_hz > 0, 250).round().tolist()
    [220.0, 220.0, 311.0, 440.0, 440.0]
    """
    frames, n_frames = np.flatnonzero(is_voiced), len(f0_hz)
    pitches = f0_hz[frames].astype(np.float64)
    if before is not None:
        frames = np.insert(frames, 0, -before.n_frames)
        pitches = np.insert(pitches, 0, before.f0_hz)
    if after is not None:
        frames = np.append(frames, n_frames - 1 + after.n_frames)
        pitches = np.append(pitches, after.f0_hz)
    if not len(frames):
        return np.full(n_frames, UNKNOWN_HZ, np.float32)
    each = np.arange(n_frames)
    right = np.searchsorted(frames, each).clip(max=len(frames) - 1)
    left = (np.searchsorted(frames, each, side="right") - 1).clip(min=0)
    span = frames[right] - frames[left]
    is_short = (span > 0) & (span - 1 <= MAX_GAP_SECS * frame_rate)
    share = np.where(is_short, (each - frames[left]) / np.maximum(span, 1), 0.0)
    low, high = np.log2(pitches[left]), np.log2(pitches[right])
    filled = np.where(is_short, 2.0 ** (low + share * (high - low)), pitches[left])
    return np.where(is_voiced, f0_hz, filled).astype(np.float32)


def last_voiced(
    f0_hz: np.ndarray, is_voiced: np.ndarray, before: Beyond | None = None
) -> Beyond | None:
    """Return what the stretch after this one must know of all that came before it.

    Args:
        f0_hz: Of this stretch, [n_frames].
        is_voiced: [n_frames] bool.
        before: What this stretch itself was told.
    """
    found = np.flatnonzero(is_voiced)
    if len(found):
        return Beyond(float(f0_hz[found[-1]]), len(f0_hz) - int(found[-1]))
    if before is None:
        return None
    return dataclasses.replace(before, n_frames=before.n_frames + len(f0_hz))


def first_voiced(
    f0_hz: np.ndarray, is_voiced: np.ndarray, after: Beyond | None = None
) -> Beyond | None:
    """Return what the stretch before this one must know of all that comes after it."""
    return last_voiced(f0_hz[::-1], is_voiced[::-1], after)
