"""Pitches by name, and the notes that a dataset lacks."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Mapping
from typing import Final

NAMES: Final = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
MIN_NOTE_SECS: Final = 0.5  # less of a note is a slide or an error
OUTER_SHARE: Final = 0.005  # of the sounding time, at either end: strays
SCARCE_SHARE: Final = 0.5  # of the median note


@dataclasses.dataclass(frozen=True)
class Gap:
    """Notes that are missing between two that are there; MIDI numbers."""

    below: int
    above: int

    @property
    def text(self) -> str:
        """'nothing between A4 and C5'."""
        return f"nothing between {note_name(self.below)} and {note_name(self.above)}"


def note_name(midi: int) -> str:
    """Return the name of a MIDI note, the octave by scientific pitch notation.

    >>> note_name(69), note_name(60)
    ('A4', 'C4')
    """
    return f"{NAMES[midi % 12]}{midi // 12 - 1}"


def pitch_range(note_secs: Mapping[int, float]) -> tuple[int, int] | None:
    """Return the lowest and highest note, without strays; None if there is none.

    Args:
        note_secs: Seconds of each MIDI note.
    """
    total = sum(note_secs.values())
    if total <= 0:
        return None
    ends = []
    for order in (sorted(note_secs), sorted(note_secs, reverse=True)):
        seen = 0.0
        for note in order:
            seen += note_secs[note]
            if seen > OUTER_SHARE * total and note_secs[note] >= MIN_NOTE_SECS:
                ends.append(note)
                break
    return (ends[0], ends[1]) if ends else None


def pitch_gaps(note_secs: Mapping[int, float], least: int = 2) -> list[Gap]:
    """Return where `least` or more semitones in a row are missing inside the range.

    A single one is missing from every diatonic tune.

    Args:
        note_secs: Seconds of each MIDI note.
        least: Semitones in a row.
    """
    ends = pitch_range(note_secs)
    if ends is None:
        return []
    inside = range(ends[0], ends[1] + 1)
    there = [n for n in inside if note_secs.get(n, 0.0) >= MIN_NOTE_SECS]
    pairs = itertools.pairwise(there)
    return [Gap(low, high) for low, high in pairs if high - low > least]


def scarce_notes(note_secs: Mapping[int, float], n: int = 3) -> list[int]:
    """Return the notes inside the range that are heard least, lowest first.

    A note counts as scarce below half the median; `pitch_gaps` are those that are
    missing altogether.

    Args:
        note_secs: Seconds of each MIDI note.
        n: How many, at most.
    """
    ends = pitch_range(note_secs)
    if ends is None:
        return []
    inside = {k: note_secs.get(k, 0.0) for k in range(ends[0], ends[1] + 1)}
    there = {k: secs for k, secs in inside.items() if secs >= MIN_NOTE_SECS}
    middle = statistics.median(there.values())
    least = [k for k, secs in there.items() if secs < SCARCE_SHARE * middle]
    return sorted(sorted(least, key=lambda k: (there[k], k))[:n])
