"""Recordings of which the pitch is known, and how far f0 is from it."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ddsp_core.features.extract import Features, sounding

FRAME_RATE: Final = 250
SETS: Final = (
    "solo_sax",
    "solo_sax_phrases",
    "solo_flute_render",
    "transfer/singing_male_quiet",
)
AFTER_ONSET_SECS: Final = 0.08  # CREPE hears 64 ms at once
BEFORE_END_SECS: Final = 0.05
NEAR_SECS: Final = 0.1  # what counts as a change where f0 itself is compared
GROSS_CENTS: Final = 50.0
# An octave, a twelfth, two octaves up or down: a partial taken for the note.
OCTAVES_CENTS: Final = np.array([-2400, -1902, -1200, 1200, 1902, 2400])
MOVE_CENTS: Final = 80.0  # a voice that moves further within 50 ms changes its note

Note = tuple[float, float, float]  # onset and end in seconds, MIDI pitch


@dataclasses.dataclass(frozen=True)
class Truth:
    """What a recording sounds, frame by frame.

    Args:
        cents: 6900 is A4; NaN where nothing is known, [n_frames].
        note: Number of the note, -1 for none, [n_frames].
        changing: The first 80 and last 50 ms of notes; of a voice, what is near.
        near: Within 100 ms of where a note begins or ends, or a voice moves.
        to_median: Vibrato swings about a pitch that is only known to the octave: the
            median of a note's frames is then taken for it.
    """

    cents: np.ndarray
    note: np.ndarray
    changing: np.ndarray
    near: np.ndarray
    to_median: bool = False


@dataclasses.dataclass
class Tally:
    """Counts of frames, summed over recordings."""

    inside: int = 0
    confident: int = 0
    gross: int = 0  # among the confident ones
    octave: int = 0  # likewise
    changing: int = 0  # confident frames at changes
    gross_at_change: int = 0
    errors: list[np.ndarray] = dataclasses.field(default_factory=list)

    def add(self, features: Features, truth: Truth) -> None:
        """Compare the frames of one recording with what it sounds."""
        n = min(len(truth.cents), len(features.f0_hz))
        cents = cents_of(features.f0_hz[:n])
        sure = features.f0_confidence[:n] >= 0.5
        known = np.isfinite(truth.cents[:n])
        inside, changing = (
            known & ~truth.changing[:n],
            known & truth.changing[:n] & sure,
        )
        target = truth.cents[:n].copy()
        if truth.to_median:
            _center(target, cents, truth.note[:n], inside & sure)
        error = cents - np.where(known, target, 0.0)
        wrong = np.abs(error) > GROSS_CENTS
        octave = (np.abs(error[:, None] - OCTAVES_CENTS) < GROSS_CENTS).any(axis=1)
        self.inside += int(inside.sum())
        self.confident += int((inside & sure).sum())
        self.gross += int((inside & sure & wrong).sum())
        self.octave += int((inside & sure & octave).sum())
        self.changing += int(changing.sum())
        self.gross_at_change += int((changing & wrong).sum())
        self.errors.append(np.abs(error[inside & sure]))

    def summary(self) -> dict[str, float]:
        """Return percentages and the median error in cents."""
        errors = np.concatenate(self.errors or [np.zeros(0)])
        return {
            "confident": 100 * self.confident / max(1, self.inside),
            "gross": 100 * self.gross / max(1, self.confident),
            "octave": 100 * self.octave / max(1, self.confident),
            "median_cents": float(np.median(errors)) if len(errors) else 0.0,
            "gross_at_change": 100 * self.gross_at_change / max(1, self.changing),
        }


@dataclasses.dataclass
class Difference:
    """How far f0 is from that of every frame, where every frame sounds."""

    cents: list[np.ndarray] = dataclasses.field(default_factory=list)
    near: list[np.ndarray] = dataclasses.field(default_factory=list)

    def add(self, features: Features, every: Features, truth: Truth) -> None:
        """Compare two f0 of one recording."""
        n = min(len(truth.cents), len(features.f0_hz), len(every.f0_hz))
        sounds = sounding(every)[:n]
        gap = np.abs(cents_of(features.f0_hz[:n]) - cents_of(every.f0_hz[:n]))
        self.cents.append(gap[sounds])
        self.near.append(truth.near[:n][sounds])

    def summary(self) -> dict[str, float]:
        """Return median, 95th percentile, and percentages beyond 50 cents."""
        cents, near = np.concatenate(self.cents), np.concatenate(self.near)
        wrong = cents > GROSS_CENTS
        return {
            "median_cents": float(np.median(cents)),
            "p95_cents": float(np.percentile(cents, 95)),
            "beyond_away": 100 * float(wrong[~near].mean()) if (~near).any() else 0.0,
            "beyond_near": 100 * float(wrong[near].mean()) if near.any() else 0.0,
        }


def cents_of(f0_hz: np.ndarray) -> np.ndarray:
    """Return cents, 6900 for A4.

    >>> cents_of(np.array([440.0, 880.0])).tolist()
    [6900.0, 8100.0]
    """
    return 1200.0 * np.log2(f0_hz.astype(np.float64) / 440.0) + 6900.0


def recordings(audio: Path, name: str) -> Iterator[tuple[Path, Truth]]:
    """Yield the recordings of a set with what they sound.

    Args:
        audio: The folder of recordings.
        name: One of `SETS`.
    """
    folder = audio / name
    if not folder.is_dir():
        yield (
            folder.with_suffix(".flac"),
            curve(folder.parent / f"{folder.name}_f0.csv"),
        )
        return
    for listing in sorted(folder.glob("*.csv")):
        for file, notes in read_notes(listing).items():
            yield folder / file, of_notes(notes, to_median="flute" in name)


def read_notes(path: Path) -> dict[str, list[Note]]:
    """(onset, end, midi pitch) of each file; a note ends where the next begins."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    result: dict[str, list[Note]] = {}
    for row in rows:
        onset = float(row["onset_s"])
        note = (onset, onset + float(row["duration_s"]), float(row["midi_pitch"]))
        result.setdefault(row.get("file", path.stem + ".flac"), []).append(note)
    for name, notes in result.items():
        nexts = [onset for onset, _, _ in notes[1:]] + [np.inf]
        result[name] = [
            (a, min(b, n), p) for (a, b, p), n in zip(notes, nexts, strict=True)
        ]
    return result


def of_notes(notes: list[Note], to_median: bool = False) -> Truth:
    """Return what notes sound."""
    n_frames = int((max(end for _, end, _ in notes) + 1) * FRAME_RATE)
    secs = np.arange(n_frames) / FRAME_RATE
    cents, note = np.full(n_frames, np.nan), np.full(n_frames, -1)
    changing = np.zeros(n_frames, bool)
    for number, (onset, end, pitch) in enumerate(notes):
        held = (secs >= onset) & (secs < end)
        cents[held], note[held] = 100.0 * pitch, number
        changing |= held & (
            (secs < onset + AFTER_ONSET_SECS) | (secs >= end - BEFORE_END_SECS)
        )
    near = widened(np.diff(note, prepend=-1) != 0, round(NEAR_SECS * FRAME_RATE))
    return Truth(cents, note, changing, near, to_median)


def curve(path: Path) -> Truth:
    """Return what a voice sounds, from a curve corrected by hand; 0 is unvoiced."""
    times, f0_hz = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    n_frames = int(times[-1] * FRAME_RATE)
    after = np.searchsorted(times, np.arange(n_frames) / FRAME_RATE).clip(1)
    nearest = np.abs(times[[after - 1, after]] * FRAME_RATE - np.arange(n_frames))
    f0_hz = f0_hz[after - 1 + nearest.argmin(axis=0)]
    voiced = f0_hz > 0
    cents = np.where(voiced, cents_of(np.where(voiced, f0_hz, 440.0)), np.nan)
    edges = np.diff(voiced, prepend=False)
    lag = round(0.05 * FRAME_RATE)
    moves = np.zeros(n_frames, bool)
    moves[lag:] = np.abs(cents[lag:] - cents[:-lag]) > MOVE_CENTS
    near = widened(edges | moves, round(NEAR_SECS * FRAME_RATE))
    return Truth(cents, np.where(voiced, 0, -1), changing=near, near=near)


def widened(mask: np.ndarray, n: int) -> np.ndarray:
    """Return the mask with n frames more on either side of each that is true."""
    return np.convolve(mask, np.ones(2 * n + 1), "same") > 0.5


def _center(
    target: np.ndarray, cents: np.ndarray, note: np.ndarray, use: np.ndarray
) -> None:
    """Put each note's target to the median of the frames in its own octave."""
    near = use & (np.abs(cents - np.nan_to_num(target)) < 600)
    for number in np.unique(note[note >= 0]):
        mine = note == number
        if (mine & near).any():
            middle = np.median(cents[mine & near])
            if abs(middle - target[mine][0]) < GROSS_CENTS:  # else it is wrong itself
                target[mine] = middle
