"""Distances between features, and between pitch tracks where they mean something."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

MIN_F0_CONFIDENCE: Final = 0.85  # from which a tracked pitch is believed.
OUTLIER_MIDI_THRESH: Final = 12  # semitones: a mean error above it means no pitch.
REFERENCE_HZ: Final = 10.0  # of cents
CENTS_PER_OCTAVE: Final = 1200.0


def squeeze(input_vector: Any) -> Any:
    """Drop axes of length 1 of an array that has more than one."""
    return np.squeeze(input_vector) if input_vector.ndim > 1 else input_vector


def l1_distance(prediction: Any, ground_truth: Any) -> np.ndarray:
    """Return the distance of each pair of values, as far as both go.

    Args:
        prediction: [n]; axes of length 1 are dropped.
        ground_truth: [m]; likewise.

    Returns:
        [min(n, m)].
    """
    prediction, ground_truth = np.squeeze(prediction), np.squeeze(ground_truth)
    n = min(prediction.size, ground_truth.size)
    return np.abs(prediction[:n] - ground_truth[:n])


def is_outlier(ground_truth_f0_conf: Any) -> np.bool:
    """Say whether the pitch is nowhere sure.

    Args:
        ground_truth_f0_conf: Confidence in [0, 1], any shape.
    """
    return np.max(np.asarray(ground_truth_f0_conf)) < MIN_F0_CONFIDENCE


def f0_dist_conf_thresh(
    f0_hz: Any,
    f0_hz_gen: Any,
    f0_confidence: Any,
    f0_confidence_thresh: float = MIN_F0_CONFIDENCE,
) -> np.floating | None:
    """Return the mean distance of two pitch tracks where the first is sure.

    Args:
        f0_hz: What is wanted, [batch, n_frames], with or without an axis of channels,
            or [n_frames]; 0 Hz counts as MIDI pitch 0.
        f0_hz_gen: What there is, likewise.
        f0_confidence: Of `f0_hz`, likewise.
        f0_confidence_thresh: Confidence from which a frame counts.

    Returns:
        In semitones; None if no frame counts.
    """
    wanted, got, confidence = (
        np.asarray(x)[:, :, 0] if np.ndim(x) > 2 else np.asarray(x)
        for x in (f0_hz, f0_hz_gen, f0_confidence)
    )
    if np.max(confidence) < f0_confidence_thresh:
        return None
    distance = l1_distance(_midi(wanted), _midi(got))
    counts = np.squeeze(confidence)[: len(distance)] >= f0_confidence_thresh
    return np.mean(distance[counts])


def raw_accuracies(
    f0_hz: np.ndarray, f0_hz_gen: np.ndarray, tolerance_cents: float = 50.0
) -> tuple[float, float]:
    """Return in which share of the pitched frames the pitch, or its chroma, is right.

    Chroma is pitch without its octave. Salamon et al. 2014 (doi:10.1109/
    MSP.2013.2271648); the numbers are mir_eval's.

    Args:
        f0_hz: What is wanted, [n_frames]; pitched where positive.
        f0_hz_gen: What there is, [n_frames].
        tolerance_cents: Distance below which a pitch is right.

    Returns:
        Raw pitch accuracy and raw chroma accuracy, in [0, 1]; 0 if nothing is pitched.
    """
    wanted, got = np.asarray(f0_hz, np.float64), np.asarray(f0_hz_gen, np.float64)
    pitched = wanted > 0
    both = pitched & (_cents(got) != 0) & (_cents(wanted) != 0)
    if not both.any():
        return 0.0, 0.0
    distance = np.abs(_cents(wanted[both]) - _cents(got[both]))
    octaves = CENTS_PER_OCTAVE * np.floor(distance / CENTS_PER_OCTAVE + 0.5)
    pitch = np.sum(distance < tolerance_cents) / np.sum(pitched)
    chroma = np.sum(np.abs(distance - octaves) < tolerance_cents) / np.sum(pitched)
    return float(pitch), float(chroma)


def _cents(f0_hz: np.ndarray) -> np.ndarray:
    """Return cents above 10 Hz; 0 where there is no frequency."""
    exists = f0_hz != 0
    ratio = np.abs(np.where(exists, f0_hz, REFERENCE_HZ)) / REFERENCE_HZ
    return CENTS_PER_OCTAVE * np.log2(ratio)


def _midi(f0_hz: np.ndarray) -> np.ndarray:
    """Return MIDI pitch, 0 of 0 Hz."""
    positive = np.where(f0_hz == 0, 1.0, f0_hz)
    midi = 12 * (np.log2(positive) - np.log2(440.0)) + 69
    return np.where(f0_hz == 0, 0.0, midi)
