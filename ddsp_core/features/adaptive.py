"""f0 heard at every n-th frame, and at those between only where the pitch moves."""

from __future__ import annotations

from typing import Final

import numpy as np

from ddsp_core.features.f0 import MIN_CONFIDENCE, average_hz
from ddsp_core.features.leaps import at_once
from ddsp_core.features.options import Decoder
from ddsp_core.features.viterbi import viterbi
from ddsp_core.features.weights import N_BINS

AGREE_CENTS: Final = 25.0  # an eighth tone: wider than vibrato moves within 16 ms
# Where CREPE is less sure than this on both sides nothing sounds, nor between: what it
# hears there is chance, and would be heard at every frame. Below one half, so that weak
# onsets are still followed.
MIN_HEARD: Final = 0.3


class AdaptiveTrack:
    """The frames of one block: those that were evaluated, and what follows from them.

    Which frames are wanted depends on the frames around them and on the likeliest path
    alone, and frames are counted from the recording's start: so f0 of a moment is the
    same however the recording was cut. Evaluate `wanted()` until there is nothing left,
    then take `result()`.

    Args:
        n_frames: Frames of the block.
        first_frame: The first of them, counted from the recording's start.
        step: Frames between two that are always evaluated.
        decoder: How frames are joined.
    """

    def __init__(
        self, n_frames: int, first_frame: int, step: int, decoder: Decoder
    ) -> None:
        self._decoder = decoder
        self._activations = np.zeros((n_frames, N_BINS), np.float32)
        self._is_known = np.zeros(n_frames, bool)
        self._bins = np.zeros(n_frames, np.int64)  # the strongest
        self._confidence = np.zeros(n_frames, np.float32)
        self._f0_hz = np.zeros(n_frames, np.float32)  # of the known frames
        first = np.zeros(n_frames, bool)
        first[-first_frame % step :: step] = True
        first[[0, -1]] = True
        self._first = np.flatnonzero(first)

    def wanted(self) -> np.ndarray:
        """Return which frames must be evaluated next, [n] int; none if it is whole."""
        if not self._is_known.any():
            return self._first
        frames = self._midpoints()
        if not len(frames):
            self._decode()
            frames = self._midpoints()
        return frames

    def add(self, frames: np.ndarray, activations: np.ndarray) -> None:
        """Take in evaluated frames [n] and their activations [n, 360]."""
        self._is_known[frames] = True
        self._activations[frames] = activations
        self._bins[frames] = activations.argmax(axis=1)
        self._confidence[frames] = activations.max(axis=1)
        self._f0_hz[frames] = average_hz(activations, self._bins[frames])

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return f0 in Hz and confidence, [n_frames] float32 each.

        Between neighbours that agree, log f0 is interpolated; where they don't, nothing
        sounds, and the nearer one is held. Confidence is the lower of theirs.
        """
        left, right, nearest = _neighbours(self._is_known)
        share = (np.arange(len(left)) - left) / np.maximum(right - left, 1)
        f0_hz, confidence = self._f0_hz, self._confidence
        octaves = np.zeros(len(left))
        octaves[self._is_known] = np.log2(f0_hz[self._is_known].astype(np.float64))
        low, high = octaves[left], octaves[right]
        between = 2.0 ** (low + share * (high - low))
        is_held = self._is_known | (1200.0 * np.abs(high - low) > AGREE_CENTS)
        return (
            np.where(is_held, f0_hz[nearest], between).astype(np.float32),
            np.minimum(confidence[left], confidence[right]),
        )

    def _midpoints(self) -> np.ndarray:
        """Frames midway between known neighbours that do not agree."""
        known = np.flatnonzero(self._is_known)
        left, right = known[:-1], known[1:]
        pitch, confidence = np.log2(self._f0_hz[known]), self._confidence[known]
        is_sure = confidence >= MIN_CONFIDENCE
        sounds = np.maximum(confidence[:-1], confidence[1:]) >= MIN_HEARD
        moves = sounds & (1200.0 * np.abs(np.diff(pitch)) > AGREE_CENTS)
        wanted = (right - left > 1) & (moves | (is_sure[:-1] != is_sure[1:]))
        return (left[wanted] + right[wanted]) // 2

    def _decode(self) -> None:
        """Bring the pitches of the known frames onto the path.

        A frame that is not known is taken to be like the nearest that is, so that a
        path may move as far between two known frames as it could through all of them.
        """
        if self._decoder is Decoder.ARGMAX:
            return
        _, _, nearest = _neighbours(self._is_known)
        observed = self._bins[nearest]
        path = viterbi(observed)
        if self._decoder is Decoder.VITERBI:
            path = at_once(path, observed, self._activations, nearest)
        known = np.flatnonzero(self._is_known)
        self._f0_hz[known] = average_hz(self._activations[known], path[known])


def _neighbours(is_known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The known frames before, after and nearest to each frame; itself if known."""
    frames, known = np.arange(len(is_known)), np.flatnonzero(is_known)
    right = known[np.searchsorted(known, frames)]
    left = known[np.searchsorted(known, frames, side="right") - 1]
    return left, right, np.where(frames - left <= right - frames, left, right)
