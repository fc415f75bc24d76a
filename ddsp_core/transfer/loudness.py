"""Fitting loudness to a model: its dataset's soft is the source's soft, and so on."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.histogram import Histogram

N_QUANTILES: Final = 101  # knots of the curve: every per cent
# dB of the model for one of the source, at most. Without a limit a note held steadily
# would be stretched over the whole dynamics of the dataset.
MAX_SLOPE: Final = 2.0


def match_loudness(
    loudness_db: np.ndarray, sounding: np.ndarray, training: Histogram
) -> np.ndarray:
    """Map loudness so that the source's notes are distributed as the dataset's.

    The curve joins equal quantiles of both, rising by no more than `MAX_SLOPE`, and
    goes on at a slope of one beyond the source's softest and loudest note.

    Args:
        loudness_db: Of the source, [n_frames].
        sounding: Which frames the source's distribution is of, bool [n_frames].
        training: Of the dataset's sounding frames, in dB.

    Returns:
        [n_frames] float32, in dB; unchanged if nothing sounds or nothing is known.
    """
    notes_db = Histogram.of(loudness_db[sounding])
    if not notes_db.n or not training.n:
        return loudness_db.astype(np.float32)
    source_db, model_db = matching_curve(notes_db, training)
    inner = np.interp(loudness_db, source_db, model_db)
    below = np.minimum(loudness_db - source_db[0], 0)
    above = np.maximum(loudness_db - source_db[-1], 0)
    return (inner + below + above).astype(np.float32)


def matching_curve(
    source: Histogram, training: Histogram
) -> tuple[np.ndarray, np.ndarray]:
    """Return the knots of the curve from the source's to the model's loudness.

    Args:
        source: Of the source's sounding frames, in dB; not empty.
        training: Of the dataset's sounding frames, in dB; not empty.

    Returns:
        Loudness of the source and of the model, both ascending, [N_QUANTILES].
    """
    shares = np.linspace(0, 1, N_QUANTILES)
    source_db, model_db = source.quantile(shares), training.quantile(shares)
    steps = np.minimum(np.diff(model_db), MAX_SLOPE * np.diff(source_db))
    rise = np.concatenate([[0.0], np.cumsum(steps)])
    # The medians meet; the limit on the slope then acts away from them.
    middle = N_QUANTILES // 2
    return source_db, model_db[middle] + rise - rise[middle]
