"""Fitting pitch to a model: the octave, and what stands where nothing sounds."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

from ddsp_core.histogram import Histogram

# Outside of these quantiles lie trackers' slips and single stray notes.
RANGE_QUANTILES: Final = (0.005, 0.995)
RANGE_MARGIN: Final = 0.5  # semitones: a note at the edge may be a little out of tune
ENOUGH_INSIDE: Final = 0.8  # of the source: then it is not moved
OCTAVES_TRIED: Final = range(-5, 6)
NEARLY_EQUAL: Final = 0.02  # shares nearer than that are taken as equal
MAGENTA_OCTAVE: Final = 1.5  # octaves; from there on its rule rounds down, not up
MAGENTA_MAX_MIDI: Final = 110.0
# Semitones per second; fast portamento is at about 100. A tracker that slips, or has
# yet to find a note, goes at several hundred.
FASTEST_GLIDE: Final = 150.0
# A dip shorter than this may still be heard: pitch glides. In a longer one it may jump.
GLIDE_SECS: Final = 0.1
NOTE_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
DEFAULT_F0_HZ: Final = 440.0  # where nothing sounds at all


@dataclasses.dataclass(frozen=True)
class OctaveChoice:
    """An octave shift and why.

    Args:
        octaves: By which the pitch is moved.
        inside_before: Share of sounding frames within the model's range, unmoved.
        inside_after: The same, moved.
    """

    octaves: int
    inside_before: float
    inside_after: float


def hz_to_midi(f0_hz: np.ndarray) -> np.ndarray:
    """Return MIDI pitch of positive frequencies, float64.

    >>> float(hz_to_midi(np.array(880.0)))
    81.0
    """
    return 69 + 12 * np.log2(np.asarray(f0_hz, np.float64) / 440)


def midi_to_hz(f0_midi: np.ndarray) -> np.ndarray:
    """Undo `hz_to_midi`."""
    return 440 * 2 ** ((np.asarray(f0_midi, np.float64) - 69) / 12)


def note_name(f0_midi: float) -> str:
    """Return the name of the nearest note.

    >>> note_name(69.2)
    'A4'
    """
    octave, step = divmod(round(f0_midi), 12)
    return f"{NOTE_NAMES[step]}{octave - 1}"


def pitch_range(training: Histogram) -> tuple[float, float]:
    """Return the lowest and highest MIDI pitch that a model was trained on.

    Args:
        training: Of the dataset's sounding frames, in MIDI semitones.
    """
    low, high = training.quantile(np.array(RANGE_QUANTILES))
    return float(low) - RANGE_MARGIN, float(high) + RANGE_MARGIN


def share_inside(f0_midi: np.ndarray, limits: tuple[float, float]) -> float:
    """Return the share of pitches within limits; 1 if there are none.

    Args:
        f0_midi: [n].
        limits: Lowest and highest.
    """
    if not len(f0_midi):
        return 1.0
    return float(np.mean((f0_midi >= limits[0]) & (f0_midi <= limits[1])))


def octave_by_overlap(f0_midi: np.ndarray, training: Histogram) -> OctaveChoice:
    """Choose the octave that brings most of a source into the model's range.

    A source of which 80 % is inside stays where it is. Of octaves that are nearly
    equally good, the one nearest to the source is taken.

    Args:
        f0_midi: Of the source's sounding frames, [n].
        training: Of the dataset's sounding frames, in MIDI semitones.
    """
    limits = pitch_range(training)
    inside = {k: share_inside(f0_midi + 12 * k, limits) for k in OCTAVES_TRIED}
    octaves = 0
    if inside[0] < ENOUGH_INSIDE:
        good = [k for k in inside if inside[k] >= max(inside.values()) - NEARLY_EQUAL]
        distance = {k: abs(_mean(f0_midi) + 12 * k - training.mean()) for k in good}
        octaves = min(good, key=lambda k: (abs(k), distance[k]))
        if max(inside.values()) == 0:  # no octave reaches the range: the nearest one
            octaves = min(good, key=lambda k: distance[k])
    return OctaveChoice(octaves, inside[0], inside[octaves])


def octave_by_magenta(f0_midi: np.ndarray, training: Histogram) -> OctaveChoice:
    """Choose the octave as Magenta's timbre transfer notebook does.

    Its rule rounds a distance of mean pitches up to the next octave, below 1.5
    octaves: a source a little lower than the model's mean goes up a whole one.

    Args:
        f0_midi: Of the source's note-on frames, [n].
        training: Of the dataset's sounding frames, in MIDI semitones.
    """
    octaves = 0
    if len(f0_midi) and training.n:
        distance = (training.mean() - _mean(f0_midi)) / 12
        is_far = distance > MAGENTA_OCTAVE
        octaves = math.floor(distance) if is_far else math.ceil(distance)
    return fixed_octave(f0_midi, training, octaves)


def fixed_octave(
    f0_midi: np.ndarray, training: Histogram, octaves: int
) -> OctaveChoice:
    """Return a given shift with the shares that it leads to."""
    limits = pitch_range(training)
    return OctaveChoice(
        octaves,
        share_inside(f0_midi, limits),
        share_inside(f0_midi + 12 * octaves, limits),
    )


def steady(f0_hz: np.ndarray, frame_rate: int) -> np.ndarray:
    """Say in which frames the pitch moves no faster than an instrument's can.

    At the start of a note, and where it slips by an octave, a tracker runs through all
    the pitches between: played, that is a chirp.

    Args:
        f0_hz: [n_frames].
        frame_rate: In Hz.

    Returns:
        [n_frames] bool; False on both sides of a step that is too fast.
    """
    step = np.abs(np.diff(hz_to_midi(f0_hz)))
    is_steady = np.ones(len(f0_hz), bool)
    fast = np.flatnonzero(step * frame_rate > FASTEST_GLIDE)
    is_steady[fast] = is_steady[fast + 1] = False
    return is_steady


def hold_pitch(f0_hz: np.ndarray, sounding: np.ndarray, frame_rate: int) -> np.ndarray:
    """Replace the pitch where nothing sounds, so that no glitch is heard around it.

    A tracker reports any pitch in a rest. A short gap is bridged by a glide; in a long
    one each half holds the pitch of the note that it is nearer to.

    Args:
        f0_hz: [n_frames].
        sounding: Whether a frame's pitch is a note's, bool [n_frames].
        frame_rate: In Hz.

    Returns:
        [n_frames] float32, in Hz; as given where `sounding`.
    """
    known = np.flatnonzero(sounding)
    if not len(known):
        return np.full(len(f0_hz), DEFAULT_F0_HZ, np.float32)
    frames = np.arange(len(f0_hz))
    glide = np.interp(frames, known, hz_to_midi(f0_hz[known]))
    after = np.minimum(np.searchsorted(known, frames), len(known) - 1)
    before = np.maximum(np.searchsorted(known, frames, "right") - 1, 0)
    gap = known[after] - known[before]
    nearer = np.where(frames - known[before] <= known[after] - frames, before, after)
    held = hz_to_midi(f0_hz[known])[nearer]
    filled = midi_to_hz(np.where(gap <= GLIDE_SECS * frame_rate, glide, held))
    return np.where(sounding, f0_hz, filled).astype(np.float32)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
