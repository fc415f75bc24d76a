"""Rules of thumb that say in which frames a note sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.framing import pad_or_trim_to_expected_length
from ddsp_core.dsp.loudness import compute_power
from ddsp_core.dsp.units import DB_RANGE, hz_to_midi
from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.notes.segmentation import Controls, harmonic_amplitudes

NEW_NOTE: Final = 0.75  # semitones: a change of more than this is a new note.
SHORTEST_NOTE: Final = 10  # frames
POWER_FRAME_SIZE: Final = 256  # samples


def midi_heuristic(controls: Controls) -> np.ndarray:
    """Say where notes sound: steady pitch, and no dip in amplitude.

    Args:
        controls: With 'f0_hz' and 'harmonic/controls/amplitudes', [n_frames, 1].

    Returns:
        Bool, [n_frames].
    """
    sounds = strided_freq_change(controls) & amp_pooled_outliers(controls)
    return remove_short(sounds, min_samples=SHORTEST_NOTE)


def midi_heuristic_power(controls: Controls) -> np.ndarray:
    """Say where notes sound: steady pitch, and no dip in power.

    Differs from the reference, which fails on a name that does not exist.

    Args:
        controls: With 'f0_hz', [n_frames, 1], and 'audio', [n_samples] at 16 kHz.

    Returns:
        Bool, [n_frames].
    """
    steady, loud = strided_freq_change(controls), power_pooled_outliers(controls)
    loud = pad_or_trim_to_expected_length(loud, len(steady))
    return remove_short(steady & loud, min_samples=SHORTEST_NOTE)


def amp_pooled_outliers(
    controls: Controls,
    frame_width: int = 80,
    num_devs: float = 2,
    pad_mode: str = "center",
) -> np.ndarray:
    """Say where the logarithm of the amplitude is no outlier below its neighbours.

    Args:
        controls: With 'harmonic/controls/amplitudes', [n_frames, 1].
        frame_width: Neighbours looked at, in frames.
        num_devs: Standard deviations below their mean that make an outlier.
        pad_mode: As in `pad_for_frame`.

    Returns:
        Bool, [n_frames].
    """
    with np.errstate(divide="ignore"):
        log_amps = np.log(harmonic_amplitudes(controls))
    return _lowest_usual(log_amps, frame_width, num_devs, pad_mode) < log_amps


def power_pooled_outliers(
    controls: Controls,
    frame_width: int = 80,
    num_devs: float = 2.5,
    pad_mode: str = "center",
) -> np.ndarray:
    """Say where power is no outlier below its neighbours, and not silence.

    Differs from the reference, which fails on a name that does not exist.

    Args:
        controls: With 'audio', [n_samples] at 16 kHz.
        frame_width: Neighbours looked at, in frames.
        num_devs: Standard deviations below their mean that make an outlier.
        pad_mode: As in `pad_for_frame`.

    Returns:
        Bool, [n_frames] at 250 Hz, the first frame centred on sample 0.
    """
    power_db = compute_power(controls["audio"], frame_size=POWER_FRAME_SIZE)
    above_floor = np.squeeze(np.asarray(power_db)) + np.float32(DB_RANGE)
    usual = _lowest_usual(above_floor, frame_width, num_devs, pad_mode)
    return (usual < above_floor) & (above_floor > 0)


def strided_freq_change(
    controls: Controls,
    frame_widths: Sequence[int] = (2, 4, 8, 16, 32),
    pad_mode: str = "front",
) -> np.ndarray:
    """Say where the pitch goes on, and exists.

    A change over some frames of more than 0.75 semitones is marked at the frame where
    it is complete, if no narrower width marked one in that window.

    Args:
        controls: With 'f0_hz', [n_frames, 1].
        frame_widths: Frames over which a change is looked for, in order.
        pad_mode: As in `pad_for_frame`.

    Returns:
        Bool, [n_frames]; False at changes and where f0 is 0.
    """
    f0_hz = np.squeeze(np.asarray(controls["f0_hz"]))
    f0_midi = np.asarray(hz_to_midi(f0_hz))
    goes_on = np.ones(len(f0_hz), bool)
    for width in frame_widths:
        pitches = _windows(f0_midi, width, pad_mode)
        changes = np.abs(pitches[:, 0] - pitches[:, -1]) > NEW_NOTE
        goes_on &= ~(changes & _windows(goes_on, width, pad_mode).all(axis=-1))
    return goes_on & (f0_hz > 0)


def remove_short(
    is_on_vec: Any, min_samples: int = 20, glue_back: bool = False
) -> np.ndarray:
    """Remove notes that are too short; one that nothing ends stays.

    Args:
        is_on_vec: Whether a note sounds, [n_frames].
        min_samples: Frames of the shortest note that is kept.
        glue_back: Turn on what is short and what lies before it, instead. As in the
            reference, a rest is a row of notes of no length: it is turned on as well,
            up to its last frame.

    Returns:
        Bool, [n_frames]; the argument is left as it is.
    """
    result = np.array(is_on_vec, bool)
    off = np.flatnonzero(~result)
    before = np.concatenate([[-1], off[:-1]]) if len(off) else off
    for start, stop in zip(before, off, strict=True):
        if stop - start - 1 < min_samples:
            result[max(start, 0) if glue_back else start + 1 : stop] = glue_back
    return result


def pad_for_frame(vec: Any, mode: str, frame_width: int, axis: int = 0) -> np.ndarray:
    """Pad a vector so that a window of `frame_width` can stand at every element.

    Args:
        vec: [n].
        mode: 'front' (windows end at their element), 'center' or 'end' (they start).
        frame_width: In elements.
        axis: 0 or -1.

    Returns:
        [n + frame_width - 1]: beyond its ends stand the first and last element, cut to
        a whole number as in the reference.

    Raises:
        UsageError: The mode is unknown.
        ShapeError: `vec` is no vector.
    """
    vec, half = np.asarray(vec), int(frame_width / 2)
    amounts = {
        "front": (frame_width - 1, 0),
        "center": (half, frame_width - half - 1),
        "end": (0, frame_width - 1),
    }
    if mode not in amounts:
        raise UsageError(f"pad mode is {mode!r}; it must be 'front', 'center' or 'end'")
    if vec.ndim != 1 or not len(vec) or axis not in (0, -1):
        raise ShapeError(f"vec has shape {vec.shape}, axis is {axis}; needed [n], 0")
    ends = (np.trunc(float(vec[0])), np.trunc(float(vec[-1])))
    return np.pad(vec, amounts[mode], mode="constant", constant_values=ends)


def window_array(
    array: Any, sr: float, win_len: float, frame_step_ratio: float = 0.75, ax: int = 0
) -> np.ndarray:
    """Cut an array into overlapping windows; zeros stand beyond its ends.

    Args:
        array: Any shape.
        sr: Elements per second.
        win_len: Length of a window, in seconds.
        frame_step_ratio: Step from window to window, in windows.
        ax: The axis that is cut.

    Returns:
        As `array`, with [n_windows, window] in place of the axis. The first window
        begins with the overlap, empty.
    """
    array = np.asarray(array)
    size, step = int(sr * win_len), int(sr * win_len * frame_step_ratio)
    n_front = min(int(sr * win_len * (1 - frame_step_ratio)), array.shape[ax])
    edges = [(0, 0)] * array.ndim
    edges[ax] = (n_front, 0)
    padded = np.pad(array, edges)
    return tf.signal.frame(padded, size, step, pad_end=True, axis=ax).numpy()


def _windows(vec: np.ndarray, frame_width: int, pad_mode: str) -> np.ndarray:
    """Return the window at every element, [n, frame_width]."""
    padded = pad_for_frame(vec, pad_mode, frame_width)
    views = np.lib.stride_tricks.sliding_window_view(padded, frame_width)
    return np.ascontiguousarray(views)


def _lowest_usual(
    vec: np.ndarray, frame_width: int, num_devs: float, pad_mode: str
) -> np.ndarray:
    """Return each window's mean less some of its standard deviations."""
    windows = _windows(vec, frame_width, pad_mode)
    with np.errstate(invalid="ignore"):  # of silence: minus infinity
        return windows.mean(axis=-1) - num_devs * windows.std(axis=-1)
