"""From CREPE's activations to the fundamental frequency and its confidence."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.features.viterbi import viterbi
from ddsp_core.features.weights import N_BINS

CENTS_PER_BIN: Final = 20.0
FIRST_BIN_CENTS: Final = 1997.3794084376191  # above 10 Hz: bin 0 is 31.7 Hz
REFERENCE_HZ: Final = 10.0
# Below one half, CREPE's confidence says that nothing pitched sounds (its own advice).
MIN_CONFIDENCE: Final = 0.5
NEIGHBOURS: Final = 4  # bins on either side that the average takes in, as in CREPE


def f0_and_confidence(activations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decode a stretch of frames as Magenta 3.7's `compute_f0` does.

    Args:
        activations: Of CREPE, [n_frames, 360].

    Returns:
        f0_hz along the Viterbi path, [n_frames] float32, and f0_confidence, the
        strongest activation of each frame, [n_frames] float32 in [0, 1].
    """
    if not len(activations):
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    bins = viterbi(activations.argmax(axis=1))
    return average_hz(activations, bins), activations.max(axis=1)


def average_hz(activations: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the mean pitch around a bin of each frame, weighted by activation.

    Args:
        activations: [n_frames, 360].
        bins: The bin of each frame, [n_frames] int.

    Returns:
        In Hz, [n_frames] float32.

    Source: Kim et al. 2018 (arXiv:1802.06182), equation 2, within 4 bins.
    """
    near = bins[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS + 1)  # [n_frames, 9]
    inside = (near >= 0) & (near < N_BINS)
    weights = np.take_along_axis(
        activations.astype(np.float64), near.clip(0, N_BINS - 1), axis=1
    )
    weights *= inside
    cents = FIRST_BIN_CENTS + CENTS_PER_BIN * near
    # A sigmoid never gives 0, but rounding may: then the bin itself is the answer.
    total = weights.sum(axis=1)
    mean = (weights * cents).sum(axis=1) / np.where(total > 0, total, 1.0)
    mean = np.where(total > 0, mean, FIRST_BIN_CENTS + CENTS_PER_BIN * bins)
    return (REFERENCE_HZ * 2.0 ** (mean / 1200.0)).astype(np.float32)
