"""The gate: notes sound, rests are silent, and neither begins with a click."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.features.extract import MIN_LOUDNESS_DB, Features
from ddsp_core.features.f0 import MIN_CONFIDENCE

# Below the loudest notes, in dB: softer than any note, louder than the noise of rooms.
NOTE_RANGE_DB: Final = 45.0
LOUD_QUANTILE: Final = 0.95  # of pitched frames: what "the loudest notes" means
SHORTEST_NOTE_SECS: Final = 0.04  # a shorter island is a slip of the tracker
# A shorter gap in confidence alone is a note change or a consonant, not a rest.
SHORTEST_REST_SECS: Final = 0.08
ATTACK_SECS: Final = 0.012  # long enough not to click, short enough for staccato
RELEASE_SECS: Final = 0.03


def note_frames(
    features: Features, frame_rate: int, threshold: float = 1.0
) -> np.ndarray:
    """Say in which frames a note sounds: loud enough, and pitched.

    Args:
        features: Of the source.
        frame_rate: In Hz.
        threshold: 1 is usual; more asks for more confidence, 0 lets all sound.

    Returns:
        [n_frames] bool, without islands and gaps that are too short to be meant.
    """
    if threshold == 0:
        return np.ones(len(features.f0_hz), bool)
    pitched = features.f0_confidence >= MIN_CONFIDENCE * threshold
    loud = features.loudness_db >= _softest_note_db(features)
    open_ = pitched & loud
    # A gap is closed only where the source goes on sounding.
    bridged = without_short_runs(open_, False, SHORTEST_REST_SECS * frame_rate) & loud
    return without_short_runs(bridged, True, SHORTEST_NOTE_SECS * frame_rate)


def gate_gain(notes: np.ndarray, frame_rate: int) -> np.ndarray:
    """Return the gate's gain: 1 in notes, 0 in rests, raised-cosine ramps in the rests.

    Args:
        notes: Whether a note sounds, bool [n_frames].
        frame_rate: In Hz.

    Returns:
        [n_frames] float32, exactly 1 where a note sounds.
    """
    frames = np.arange(len(notes))
    known = np.flatnonzero(notes)
    if not len(known):
        return np.zeros(len(notes), np.float32)
    following = np.searchsorted(known, frames)
    until = known[np.minimum(following, len(known) - 1)] - frames
    since = frames - known[np.maximum(following - 1, 0)]
    attack = np.where(until >= 0, until / (ATTACK_SECS * frame_rate), np.inf)
    release = np.where(since >= 0, since / (RELEASE_SECS * frame_rate), np.inf)
    away = np.clip(np.minimum(attack, release), 0, 1)
    away[known] = 0
    return (0.5 + 0.5 * np.cos(np.pi * away)).astype(np.float32)


def without_short_runs(mask: np.ndarray, value: bool, n_shortest: float) -> np.ndarray:
    """Turn runs of `value` that are shorter than `n_shortest` into the opposite.

    Runs at either end stay if they are gaps: nothing is known beyond.

    >>> without_short_runs(np.array([1, 1, 0, 1, 1], bool), False, 2).all()
    np.True_
    """
    edges = np.flatnonzero(np.diff(mask)) + 1
    starts = np.concatenate([[0], edges])
    stops = np.concatenate([edges, [len(mask)]])
    result = mask.copy()
    for start, stop in zip(starts, stops, strict=True):
        is_end = start == 0 or stop == len(mask)
        is_short = stop - start < n_shortest and not (is_end and not value)
        if len(mask) and mask[start] == value and is_short:
            result[start:stop] = not value
    return result


def _softest_note_db(features: Features) -> float:
    """Return the loudness from which a frame can be a note's."""
    pitched = features.f0_confidence >= MIN_CONFIDENCE
    if not pitched.any():
        return MIN_LOUDNESS_DB
    loud_db = float(np.quantile(features.loudness_db[pitched], LOUD_QUANTILE))
    return max(MIN_LOUDNESS_DB, loud_db - NOTE_RANGE_DB)
