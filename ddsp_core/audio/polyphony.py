"""Where more than one note sounds at once, told from the peaks of the spectrum."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage, signal

from ddsp_core.spec import FEATURE_RATE

HOP: Final = 320  # 20 ms; a second holds a whole number, so the grid is the blocks'
WINDOW: Final = 2048  # 128 ms: partials 16 Hz apart come out as two peaks
LOWEST_HZ: Final = 50.0
HIGHEST_HZ: Final = 4000.0  # above, partials are weak, crowded and inharmonic
N_PEAKS: Final = 12
PEAK_RANGE_DB: Final = 30.0  # weaker than that beside a frame's strongest: not judged
LOWEST_PEAK_DB: Final = -75.0  # of full scale; below lies the dither of 16 bits
PROMINENCE_DB: Final = 9.0  # above the median around: noise rarely stands out so far
N_ROOTS: Final = 4  # each of the strongest peaks may be partial 1, 2, 3 or 4 of a note
MISTUNING: Final = 0.03  # half a semitone: partials of one note are nearer than that
MISTUNING_HZ: Final = 10.0  # what a peak may be off where bins are wide beside it
LAG: Final = 3  # frames (60 ms): a note holds its peaks that long, noise does not
LASTING: Final = 11  # frames (220 ms): a note change and its echo are over by then
MIN_UNEXPLAINED: Final = 0.15  # share of the peaks' amplitude that one note leaves over
MIN_STEADY: Final = 0.75  # share of the peaks' amplitude that stays at its pitch


def polyphonic(audio_16k: np.ndarray, n_before: int, n_core: int) -> np.ndarray:
    """Say where at least two notes sound together for a fifth of a second.

    In each frame the strongest peaks are matched with the partials of one note, which
    must have its first partial; the best of several notes counts. What is left over,
    as a share of the peaks' amplitude, must stay above `MIN_UNEXPLAINED` for
    `LASTING` frames in which the peaks hold their pitch, as those of drums and speech
    do not. Two notes an octave apart are one note to this measure.

    Args:
        audio_16k: Context, core, context: mono at 16 kHz, [n_samples].
        n_before: Samples of context before the core, whole frames of `HOP`.
        n_core: Samples of the core.

    Returns:
        [n_core // HOP + 1] bool, a frame each 20 ms from the core's start on.
    """
    f_hz, weight = _peaks(audio_16k)
    left_over = np.round(_unexplained(f_hz, weight), 2)
    steady = ndimage.uniform_filter1d(_steadiness(f_hz, weight), LASTING)
    is_steady = np.round(steady, 2) >= MIN_STEADY
    lasts = ndimage.minimum_filter1d(left_over, LASTING) >= MIN_UNEXPLAINED
    found = ndimage.binary_dilation(lasts & is_steady, np.ones(LASTING, bool))
    first = n_before // HOP
    return found[first : first + n_core // HOP + 1]


def _peaks(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the strongest peaks of each frame: Hz and amplitude, [n, N_PEAKS].

    The amplitude is that beside the strongest, and 0 where there is no peak.
    """
    n_frames = len(audio) // HOP + 1
    window = signal.windows.blackmanharris(WINDOW, sym=False).astype(np.float32)
    padded = np.pad(audio.astype(np.float32), (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:n_frames]
    n_bins = int(HIGHEST_HZ * WINDOW / FEATURE_RATE) + WINDOW // 64
    spectrum = np.abs(np.fft.rfft(frames * window, axis=1)[:, :n_bins])
    level_db = 20 * np.log10(np.maximum(spectrum * (2 / window.sum()), 1e-7))
    is_peak = np.zeros(level_db.shape, bool)
    inner = level_db[:, 1:-1]
    is_peak[:, 1:-1] = (inner >= level_db[:, :-2]) & (inner > level_db[:, 2:])
    is_peak &= level_db > _floor(level_db) + PROMINENCE_DB
    is_peak[:, : int(LOWEST_HZ * WINDOW / FEATURE_RATE)] = False
    is_peak[:, int(HIGHEST_HZ * WINDOW / FEATURE_RATE) :] = False
    heights = np.where(is_peak, level_db, -np.inf)
    bins = np.argsort(-heights, axis=1, kind="stable")[:, :N_PEAKS]
    height = np.take_along_axis(heights, bins, 1)
    top = np.maximum(height[:, :1], LOWEST_PEAK_DB)
    is_heard = height >= np.maximum(top - PEAK_RANGE_DB, LOWEST_PEAK_DB)
    weight = np.where(is_heard, 10.0 ** ((height - top) / 20), 0.0)
    return _vertex(level_db, bins) * (FEATURE_RATE / WINDOW), weight


def _floor(level_db: np.ndarray) -> np.ndarray:
    """Return the median level around each bin, [n_frames, n_bins]."""
    width = 32  # bins, 250 Hz: wider than the main lobe of a partial several times
    n_bins = level_db.shape[1] // width * width
    bands = np.median(level_db[:, :n_bins].reshape(len(level_db), -1, width), axis=2)
    repeated = np.repeat(bands, width, axis=1)
    return np.pad(repeated, ((0, 0), (0, level_db.shape[1] - n_bins)), mode="edge")


def _vertex(level_db: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return where the parabola through a peak and its neighbours is highest."""
    middle = bins.clip(1, level_db.shape[1] - 2)
    low, mid, high = (
        np.take_along_axis(level_db, middle + k, 1).astype(np.float64)
        for k in (-1, 0, 1)
    )
    bend = np.minimum(low - 2 * mid + high, -1e-6)
    return middle + (0.5 * (low - high) / bend).clip(-0.5, 0.5)


def _unexplained(f_hz: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the share of amplitude that the best single note leaves, [n_frames]."""
    roots = [f_hz[:, :N_ROOTS] / k for k in (1, 2, 3, 4)]
    f0_hz = np.concatenate(roots, axis=1)[:, :, None]  # [n_frames, n_notes, 1]
    ratio = f_hz[:, None, :] / f0_hz  # [n_frames, n_notes, N_PEAKS]
    partial = np.rint(ratio)
    allowed = np.maximum(MISTUNING, MISTUNING_HZ / f_hz[:, None, :])
    fits = (
        (partial >= 1)
        & (np.abs(ratio - partial) < allowed * partial)
        & (np.abs(ratio - partial) < 0.25)
    )
    held = np.where(fits, weight[:, None, :], 0.0)
    has_first = (held * (partial == 1)).any(axis=2) & (f0_hz[:, :, 0] >= LOWEST_HZ)
    explained = np.where(has_first, held.sum(axis=2), 0.0).max(axis=1)
    total = weight.sum(axis=1)
    return np.where(total > 0, 1 - explained / np.maximum(total, 1e-9), 0.0)


def _steadiness(f_hz: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the share of amplitude at the pitches of `LAG` frames before and after."""
    total = np.maximum(weight.sum(axis=1), 1e-9)
    allowed = np.maximum(0.4 * MISTUNING, 0.6 * MISTUNING_HZ / f_hz)[:, :, None]
    share = np.zeros(len(f_hz))
    for shift in (-LAG, LAG):
        other = np.roll(f_hz, shift, axis=0)[:, None, :]
        is_there = np.roll(weight, shift, axis=0)[:, None, :] > 0
        near = (np.abs(f_hz[:, :, None] / other - 1) < allowed) & is_there
        share += (near.any(axis=2) * weight).sum(axis=1) / total / 2
    return share
