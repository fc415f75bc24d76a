"""CREPE's Viterbi decoding: the likeliest path of pitch through the loudest bins."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.features.weights import N_BINS

REACH: Final = 11  # bins: CREPE's transition weight 12 - |i - j| is 0 beyond
SELF_EMISSION: Final = 0.1  # CREPE: an observed bin is right one time in ten, ...
OTHER_EMISSION: Final = 0.9 / N_BINS  # ... else any of the 360
# Logarithms are multiples of this, so that sums of a whole block of them are exact in
# float64. Paths that are equally likely, as those that change note a frame sooner or
# later often are, then tie exactly, and a path does not depend on where it began.
GRAIN: Final = 2.0**-30


def viterbi(observed: np.ndarray) -> np.ndarray:
    """Return the likeliest states of CREPE's hidden Markov model of pitch.

    360 bins of 20 cents, a uniform start, transitions falling off linearly over 12 bins
    (each row normalised), and the strongest bin of each frame as the observation.
    Exact: transitions of probability 0 are left out, nothing else. Of equally likely
    paths the lower bin is taken.

    Args:
        observed: The strongest bin of each frame, [n_frames] int.

    Returns:
        The likeliest bin of each frame, [n_frames] int64.

    Source: Kim et al. 2018 (arXiv:1802.06182), as released.

    >>> viterbi(np.array([100, 100, 160, 100, 100])).tolist()
    [100, 100, 100, 100, 100]
    """
    n_frames = len(observed)
    if not n_frames:
        return np.zeros(0, np.int64)
    band = _log_transitions()  # [23, 360]: from bin j - 11 + d to bin j
    bonus = _exact(np.log((SELF_EMISSION + OTHER_EMISSION) / OTHER_EMISSION))
    scores = np.full((n_frames, N_BINS + 2 * REACH), -np.inf)
    middle = scores[:, REACH:-REACH]
    middle[0] = 0.0
    middle[0, observed[0]] += bonus
    sums = np.empty_like(band)
    # [n_frames, 23, 360]: the scores of the bins from which each bin is reached
    before = np.lib.stride_tricks.as_strided(
        scores, (n_frames, *band.shape), (*scores.strides, scores.itemsize)
    )
    for k in range(1, n_frames):
        np.add(before[k - 1], band, out=sums)
        sums.max(axis=0, out=middle[k])
        middle[k, observed[k]] += bonus
    # Where each path came from is looked up again on the way back: one bin a frame.
    path = np.empty(n_frames, np.int64)
    path[-1] = np.argmax(middle[-1])
    for k in range(n_frames - 1, 0, -1):
        j = path[k]
        candidates = scores[k - 1, j : j + len(band)] + band[:, j]
        path[k - 1] = j - REACH + candidates.argmax()
    return path


def _log_transitions() -> np.ndarray:
    """Return log P(j | j - 11 + d) as [d, j]; -inf where there is no such bin."""
    bins = np.arange(N_BINS)
    distance = np.abs(bins[:, None] - bins[None, :])
    weights = np.maximum(REACH + 1 - distance, 0).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)  # [from, to]
    band = np.full((2 * REACH + 1, N_BINS), -np.inf)
    for d in range(2 * REACH + 1):
        origin = bins - REACH + d
        real = (origin >= 0) & (origin < N_BINS)
        band[d, real] = np.log(weights[origin[real], bins[real]])
    return _exact(band)


def _exact(logarithms: np.ndarray) -> np.ndarray:
    return np.round(logarithms / GRAIN) * GRAIN
