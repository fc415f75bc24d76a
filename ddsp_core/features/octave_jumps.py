"""Octave errors of a pitch tracker, as they look from outside: there and back."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

INTERVALS: Final = (12.0, 7.0, 19.0, 24.0)  # semitones: octave, fifth, twelfth, two
TOLERANCE: Final = 0.6  # semitones: between an interval and a trill's neighbours
MAX_SECS: Final = 0.1  # longer excursions are notes


def n_octave_jumps(f0_hz: np.ndarray, sounding: np.ndarray, frame_rate: int) -> int:
    """Count excursions by an octave, fifth or twelfth that return within 0.1 s.

    Nobody plays them; a tracker that mistakes a partial for the note makes them.

    Args:
        f0_hz: [n_frames], positive where a note sounds.
        sounding: True where a note sounds, bool [n_frames].
        frame_rate: In Hz.
    """
    midi = 12 * np.log2(np.maximum(f0_hz.astype(np.float64), 1e-3))
    steps = np.diff(midi)
    size = np.abs(steps)[:, None]
    is_jump = (np.abs(size - INTERVALS) < TOLERANCE).any(axis=1)
    is_jump &= sounding[1:] & sounding[:-1]
    at = np.flatnonzero(is_jump).tolist()
    count, last = 0, -1
    for first, second in itertools.pairwise(at):
        is_near = second - first <= MAX_SECS * frame_rate
        returns = abs(midi[second + 1] - midi[first]) < TOLERANCE
        if first > last and is_near and returns and sounding[first : second + 2].all():
            count, last = count + 1, second
    return count
