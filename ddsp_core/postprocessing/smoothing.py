"""Moving averages, and where notes are by their help."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddsp_core.dsp.units import DB_RANGE
from ddsp_core.errors import ShapeError


def smooth(x: Any, filter_size: int = 3) -> np.ndarray:
    """Return the moving average of a feature, with zeros beyond its ends.

    Args:
        x: [n_frames] or [batch, n_frames].
        filter_size: Frames in the average; an even one takes one more to the right.

    Returns:
        Float32 of the same shape.

    Raises:
        ShapeError: `x` has other axes, or the filter no frames.
    """
    x = np.asarray(x, np.float32)
    if x.ndim not in (1, 2) or filter_size < 1:
        raise ShapeError(
            f"x has shape {x.shape} and filter_size is {filter_size}; needed [n_frames]"
            " or [batch, n_frames] and at least 1"
        )
    before = (filter_size - 1) // 2
    edges = [(0, 0)] * (x.ndim - 1) + [(before, filter_size - 1 - before)]
    padded = np.pad(x.astype(np.float64), edges)
    windows = np.lib.stride_tricks.sliding_window_view(padded, filter_size, axis=-1)
    return windows.mean(axis=-1).astype(np.float32)


def detect_notes(
    loudness_db: Any,
    f0_confidence: Any,
    note_threshold: float = 1.0,
    exponent: float = 2.0,
    smoothing: int = 40,
    f0_confidence_threshold: float = 0.7,
    min_db: float = -DB_RANGE,
) -> tuple[np.ndarray, np.ndarray]:
    """Say where notes sound: loud and surely pitched, against the mean of all.

    The rule of Magenta's timbre transfer; our own transfer uses `transfer.gate`.

    Args:
        loudness_db: [n_frames] or [batch, n_frames].
        f0_confidence: In [0, 1], of the same shape.
        note_threshold: Ratio from which a note sounds.
        exponent: Of the confidence.
        smoothing: Frames over which the confidence is averaged.
        f0_confidence_threshold: Confidence that counts as usual.
        min_db: Loudness that counts as nothing.

    Returns:
        Whether a note sounds, bool, and the ratio to the usual, both of that shape.
        If all is at `min_db`, nothing sounds.
    """
    loudness_db = np.asarray(loudness_db)
    ratio = note_ratio(
        loudness_db,
        np.asarray(f0_confidence),
        float(np.mean(loudness_db)),
        exponent,
        smoothing,
        f0_confidence_threshold,
        min_db,
    )
    return ratio >= note_threshold, ratio


def note_ratio(
    loudness_db: np.ndarray,
    f0_confidence: np.ndarray,
    mean_db: float,
    exponent: float = 2.0,
    smoothing: int = 40,
    f0_confidence_threshold: float = 0.7,
    min_db: float = -DB_RANGE,
) -> np.ndarray:
    """Return the ratio of `detect_notes`, for a part of a whole of known mean.

    Args:
        loudness_db: [n_frames] or [batch, n_frames].
        f0_confidence: In [0, 1], of the same shape.
        mean_db: Mean loudness of the whole.
        exponent: As the others, that of `detect_notes`.
        smoothing: Of `detect_notes`.
        f0_confidence_threshold: Of `detect_notes`.
        min_db: Of `detect_notes`.
    """
    usual = (mean_db - min_db) * f0_confidence_threshold**exponent
    level = smooth(f0_confidence**exponent, smoothing) * (loudness_db - min_db)
    return np.zeros_like(level) if usual == 0 else level / usual
