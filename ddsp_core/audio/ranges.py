"""Stretches of a recording as sorted, disjoint (start, stop), in bounded number."""

from __future__ import annotations

from typing import Final

import numpy as np

# A file of alternating good and bad samples must not fill the memory: beyond this many
# stretches the nearest are joined, so that a range may then hold good samples too.
MAX_RANGES: Final = 256


def runs(values: np.ndarray) -> np.ndarray:
    """Return (start, stop) of the stretches of True, [n_runs, 2].

    >>> runs(np.array([True, False, True, True])).tolist()
    [[0, 1], [2, 4]]
    """
    edges = np.flatnonzero(np.diff(values.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def merged(ranges: np.ndarray) -> np.ndarray:
    """Join ranges that touch, and the nearest ones while there are too many.

    Args:
        ranges: Sorted by start, [n, 2].

    Returns:
        Sorted, disjoint, at most `MAX_RANGES`, covering all of `ranges`.
    """
    if not len(ranges):
        return ranges
    reach = np.maximum.accumulate(ranges[:, 1])
    gaps = ranges[1:, 0] - reach[:-1]
    n_extra = int((gaps > 0).sum()) + 1 - MAX_RANGES
    positive = np.sort(gaps[gaps > 0])
    widest_joined = positive[n_extra - 1] if n_extra > 0 else 0
    is_new = gaps > widest_joined
    starts = ranges[np.concatenate([[True], is_new]), 0]
    stops = reach[np.concatenate([is_new, [True]])]
    return np.stack([starts, stops], axis=1)
