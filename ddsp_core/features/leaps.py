"""Leaps of a path: taken at once instead of as a glide over bins that never sounded."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.features.f0 import NEIGHBOURS
from ddsp_core.features.viterbi import REACH

EVIDENCE_BINS: Final = 2  # on either side of a pitch: CREPE's peaks are that wide


def at_once(
    path: np.ndarray, observed: np.ndarray, activations: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Let a path go from one pitch to the next without what lies between.

    CREPE's transitions reach 11 bins, so that its path needs 20 ms for an octave at 250
    frames/s and up to 70 ms to come down from where noise led it, in frames that hear
    the new pitch clearly. Frames in which the path lies far from the strongest bin,
    between two in which it does not and which differ by more than a transition, are
    divided: the earlier ones take the pitch before, the later ones that after, where
    that gives the greatest sum of activations.

    Args:
        path: The bin of each frame, [n_frames] int.
        observed: The strongest bin of each frame, [n_frames] int.
        activations: [n_rows, 360].
        rows: Which of them stands for each frame, [n_frames] int.

    Returns:
        [n_frames] int.
    """
    is_astray = np.abs(path - observed) > NEIGHBOURS
    edges = np.flatnonzero(np.diff(is_astray, prepend=False, append=False))
    path = path.copy()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if start == 0 or stop == len(path):
            continue
        before, after = path[start - 1], path[stop]
        if abs(before - after) > REACH:
            near = activations[rows[start:stop]]
            gain = np.cumsum(_evidence(near, before) - _evidence(near, after))
            n_before = np.argmax(np.append(0.0, gain))
            path[start : start + n_before] = before
            path[start + n_before : stop] = after
    return path


def _evidence(activations: np.ndarray, center: int) -> np.ndarray:
    """The strongest activation of a pitch in each frame."""
    low = max(0, center - EVIDENCE_BINS)
    return activations[:, low : center + EVIDENCE_BINS + 1].max(axis=1)
