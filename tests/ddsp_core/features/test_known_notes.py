"""f0 against the notes that are known to sound; `-m slow -s` prints the table."""

from __future__ import annotations

import csv
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from ddsp_core.features.extract import FeatureExtractor, Features, recording_features

FRAME_RATE = 250
AFTER_ONSET_SECS = 0.08
BEFORE_END_SECS = 0.05
GROSS_CENTS = 50.0


@dataclasses.dataclass
class Tally:
    """Counts of frames, summed over the files of one set."""

    inside: int = 0
    confident: int = 0
    gross: int = 0  # among the confident ones
    gross_of_all: int = 0
    changing: int = 0
    gross_at_change: int = 0
    errors: list[np.ndarray] = dataclasses.field(default_factory=list)

    def row(self, name: str) -> str:
        error_cents = np.median(np.abs(np.concatenate(self.errors)))
        return (
            f"{name:20s} {self.inside:8d} {self.confident / self.inside:9.2%}"
            f" {self.gross / self.confident:9.3%}"
            f" {self.gross_of_all / self.inside:9.3%} {error_cents:8.2f}"
            f" {self.changing:8d} {self.gross_at_change / max(1, self.changing):9.2%}"
        )


HEADER = (
    f"{'set':20s} {'inside':>8s} {'conf>=.5':>9s} {'>50c':>9s} {'>50c all':>9s}"
    f" {'med |c|':>8s} {'changing':>8s} {'>50c':>9s}"
)


def read_notes(path: Path) -> dict[str, list[tuple[float, float, float]]]:
    """(onset, end, midi pitch) of each file; a note ends where the next begins."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    result: dict[str, list[tuple[float, float, float]]] = {}
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


def add(
    tally: Tally,
    features: Features,
    notes: list[tuple[float, float, float]],
    to_median: bool,
) -> None:
    """Compare the frames of one file with its notes."""
    secs = np.arange(len(features.f0_hz)) / FRAME_RATE
    cents = 1200 * np.log2(features.f0_hz / 440.0) + 6900
    sure = features.f0_confidence >= 0.5
    for onset, end, pitch in notes:
        near = np.abs(cents - 100 * pitch) < 600
        held = (secs >= onset) & (secs < end)
        inside = (secs >= onset + AFTER_ONSET_SECS) & (secs < end - BEFORE_END_SECS)
        changing = held & ~inside & sure
        truth = 100 * pitch
        if to_median and (inside & sure & near).any():
            # The octave must be right; within it vibrato swings round the median.
            truth = np.median(cents[inside & sure & near])
            assert abs(truth - 100 * pitch) < GROSS_CENTS
        wrong = np.abs(cents - truth) > GROSS_CENTS
        tally.inside += int(inside.sum())
        tally.confident += int((inside & sure).sum())
        tally.gross += int((inside & sure & wrong).sum())
        tally.gross_of_all += int((inside & wrong).sum())
        tally.changing += int(changing.sum())
        tally.gross_at_change += int((changing & wrong).sum())
        tally.errors.append((cents - truth)[inside & sure])


def measure(folder: Path, extractor: FeatureExtractor) -> tuple[Tally, list[str]]:
    """Run the tracker over a set and return its counts and a table of its files."""
    to_median = "flute" in folder.name
    total, lines = Tally(), [HEADER]
    for listing in sorted(folder.glob("*.csv")):
        for name, notes in read_notes(listing).items():
            features, _ = recording_features(folder / name, extractor)
            own = Tally()
            for tally in (own, total):
                add(tally, features, notes, to_median)
            lines.append(own.row(name[:20]))
    lines.append(total.row(folder.name))
    return total, lines


@pytest.mark.slow
@pytest.mark.parametrize("name", ["solo_sax", "solo_sax_phrases", "solo_flute_render"])
def test_f0_follows_the_notes_that_were_played(test_data, name):
    total, lines = measure(test_data / "audio" / name, FeatureExtractor(FRAME_RATE))
    sys.stdout.write("\n".join(["", *lines, ""]))
    assert total.confident >= 0.98 * total.inside
    assert total.gross <= 0.005 * total.confident
