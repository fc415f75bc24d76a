"""A guard against octave errors: a partial taken for the note at its edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ddsp_core.features.f0 import MIN_CONFIDENCE
from ddsp_core.spec import FEATURE_RATE

RATIOS: Final = (2, 3)  # the partials that CREPE takes for the note: octave, twelfth
MATCH_CENTS: Final = 60.0  # how well a stretch is a partial of its neighbour
STEP_CENTS: Final = 100.0  # what moves further from frame to frame is another stretch
MAX_SECS: Final = 0.4  # CREPE errs at attacks and releases; the longest seen was 0.31 s
MAX_GAP_SECS: Final = 0.04  # between a stretch and its neighbour
# Power between the partials of a pitch, against that in them: -18 to -2 dB where CREPE
# heard the octave of a saxophone, -58 to -36 dB in its right notes, and -21 dB or less
# in octaves that a flute really leaps, with the tail of the note before.
MIN_BETWEEN_DB: Final = -15.0
WINDOW: Final = 2048  # samples at 16 kHz: partials of half of 60 Hz still stand apart
N_FFT: Final = 8192
N_PARTIALS: Final = 4
N_LOOKS: Final = 16  # frames of a stretch that are looked at
_Stretch = tuple[int, int, float]  # first frame, end, pitch in octaves
_HANN: Final = np.hanning(WINDOW)


def without_octave_errors(
    f0_hz: np.ndarray, confidence: np.ndarray, audio_16k: np.ndarray, hop_size: int
) -> np.ndarray:
    """Bring stretches that sit on a partial of the note beside them down to it.

    At the attack of a low note its octave or twelfth may be the strongest, and CREPE is
    sure of it. Such a stretch is short, is 2 or 3 times the pitch of a longer one next
    to it, and between its partials there is sound: those of the note itself. A note
    that is really played an octave higher has none there.

    Args:
        f0_hz: In Hz, [n_frames].
        confidence: [n_frames].
        audio_16k: The sound; frame k is centred on sample k * hop_size.
        hop_size: In samples.

    Returns:
        [n_frames] float32.
    """
    rate = FEATURE_RATE / hop_size
    stretches = list(_stretches(f0_hz, confidence))
    result = f0_hz.copy()
    for before, here, after in zip(
        [None, *stretches], stretches, [*stretches[1:], None], strict=False
    ):
        start, stop, _ = here
        ratios = {_ratio(here, other, rate) for other in (before, after) if other}
        frames = np.arange(start, stop)
        for ratio in sorted(ratios - {0}):
            between_db = _between_db(frames, f0_hz, audio_16k, hop_size, ratio)
            if between_db > MIN_BETWEEN_DB:
                result[start:stop] = f0_hz[start:stop] / np.float32(ratio)
                break
    return result


def _stretches(f0_hz: np.ndarray, confidence: np.ndarray) -> Iterator[_Stretch]:
    """Yield the stretches of what sounds without a jump."""
    octaves = np.log2(f0_hz.astype(np.float64))
    sure = confidence >= MIN_CONFIDENCE
    moves = 1200.0 * np.abs(np.diff(octaves, prepend=octaves[:1])) > STEP_CENTS
    is_start = sure & (moves | ~np.append(False, sure[:-1]))
    is_stop = sure & np.append(moves[1:] | ~sure[1:], True)
    edges = zip(np.flatnonzero(is_start), np.flatnonzero(is_stop) + 1, strict=True)
    for start, stop in edges:
        yield int(start), int(stop), float(np.median(octaves[start:stop]))


def _ratio(here: _Stretch, other: _Stretch, rate: float) -> int:
    """Which partial of the stretch beside it a stretch may be; 0 for none."""
    start, stop, pitch = here
    first, last, root = other
    gap = max(first - stop, start - last)
    longest = min(MAX_SECS * rate, last - first)
    if stop - start > longest or gap > MAX_GAP_SECS * rate:
        return 0
    for ratio in RATIOS:
        if abs(1200.0 * (pitch - root - np.log2(ratio))) < MATCH_CENTS:
            return ratio
    return 0


def _between_db(
    frames: np.ndarray,
    f0_hz: np.ndarray,
    audio_16k: np.ndarray,
    hop_size: int,
    ratio: int,
) -> float:
    """Power at the partials of f0 / ratio that are none of f0, against those of f0."""
    looks = frames[np.linspace(0, len(frames) - 1, N_LOOKS).round().astype(int)]
    padded = np.pad(audio_16k, WINDOW // 2 + hop_size)
    levels = []
    for frame in np.unique(looks):
        start = frame * hop_size + hop_size
        power = np.abs(np.fft.rfft(padded[start : start + WINDOW] * _HANN, N_FFT)) ** 2
        partials = np.arange(1, N_PARTIALS * ratio + 1)
        centers = np.round(partials * f0_hz[frame] / ratio * N_FFT / FEATURE_RATE)
        near = centers.astype(int)[:, None] + np.arange(-3, 4)  # 14 Hz around
        peaks = power[near.clip(max=len(power) - 1)].max(axis=1)
        is_own = partials % ratio == 0
        between, own = peaks[~is_own].sum(), peaks[is_own].sum()
        levels.append(10.0 * np.log10((between + 1e-12) / (own + 1e-12)))
    return float(np.median(levels))
