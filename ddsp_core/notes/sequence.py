"""Sequences of notes, and piano rolls: notes frame by frame."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np

from ddsp_core.errors import ShapeError

N_PITCHES: Final = 128  # of MIDI
DEFAULT_VELOCITY: Final = 70  # of a note that comes from a piano roll
FRAME_DECIMALS: Final = 6  # times are counted in frames up to rounding


@dataclasses.dataclass
class Note:
    """One note.

    Args:
        pitch: MIDI.
        start_time: In seconds.
        end_time: In seconds.
        velocity: MIDI, 1 to 127.
    """

    pitch: int
    start_time: float
    end_time: float
    velocity: int = DEFAULT_VELOCITY


@dataclasses.dataclass
class NoteSequence:
    """Notes in the order in which they end.

    Args:
        notes: The notes.
        total_time: Length of the sequence, in seconds.
    """

    notes: list[Note] = dataclasses.field(default_factory=list)
    total_time: float = 0.0


def pianoroll_to_note_sequence(pianoroll: Any, frame_rate: float) -> NoteSequence:
    """Return the notes of a piano roll: each stretch of frames in which a pitch is on.

    Args:
        pianoroll: Not 0 where a pitch is on, [n_frames, n_pitches].
        frame_rate: In Hz.

    Returns:
        Notes in the order of their ends; a frame longer than the roll.

    Raises:
        ShapeError: The roll has other than two axes.
    """
    is_on = np.asarray(pianoroll) != 0
    if is_on.ndim != 2:
        raise ShapeError(
            f"pianoroll has shape {is_on.shape}; needed [n_frames, n_pitches]"
        )
    change = np.diff(np.pad(is_on.astype(int), [(1, 1), (0, 0)]), axis=0)
    # By pitch, then time: the n-th start of a pitch belongs to its n-th end.
    pitches, starts = np.nonzero(change.T == 1)
    ends = np.nonzero(change.T == -1)[1]
    notes = [
        Note(int(pitches[i]), starts[i] / frame_rate, ends[i] / frame_rate)
        for i in np.lexsort([pitches, ends])
    ]
    return NoteSequence(notes, (len(is_on) + 1) / frame_rate)


def note_sequence_to_pianoroll(sequence: Any, frame_rate: float) -> np.ndarray:
    """Return in which frames each pitch is on.

    Args:
        sequence: With `notes` and `total_time`.
        frame_rate: In Hz.

    Returns:
        1 where on, 0 elsewhere, float64 [n_frames, 128]; a note has at least a frame.
    """
    n_frames = math.floor(round(sequence.total_time * frame_rate, FRAME_DECIMALS)) + 1
    roll = np.zeros([n_frames, N_PITCHES])
    for note in sequence.notes:
        if 0 <= note.pitch < N_PITCHES:
            start = math.floor(round(note.start_time * frame_rate, FRAME_DECIMALS))
            end = math.ceil(round(note.end_time * frame_rate, FRAME_DECIMALS))
            roll[start : max(end, start + 1), note.pitch] = 1.0
    return roll


def get_active_frame_indices(piano_roll: Any) -> np.ndarray:
    """Count the frames since each note's onset.

    Args:
        piano_roll: 1 where a pitch is on, 0 elsewhere, [n_frames, n_pitches].

    Returns:
        [n_frames, n_pitches]; 0 where off and, as in the reference, in the first frame.

    >>> get_active_frame_indices([[1], [1], [0], [1]]).ravel().tolist()
    [0, 1, 0, 1]
    """
    piano_roll = np.asarray(piano_roll)
    indices = np.zeros_like(piano_roll)
    for k in range(1, len(piano_roll)):
        indices[k] = (indices[k - 1] + 1) * piano_roll[k]
    return indices
