"""How many notes, and frames of notes, are found, missed and made up."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Final

import numpy as np
import tensorflow as tf
from scipy import sparse

from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.errors import ShapeError
from ddsp_core.notes.sequence import (
    Note,
    NoteSequence,
    note_sequence_to_pianoroll,
    pianoroll_to_note_sequence,
)

# The rules of MIREX's note tracking, as in mir_eval.
ONSET_TOLERANCE: Final = 0.05  # seconds
PITCH_TOLERANCE: Final = 0.5  # semitones
OFFSET_RATIO: Final = 0.2  # of the note's length, if that is more than ...
OFFSET_MIN_TOLERANCE: Final = 0.05  # seconds
TIME_DECIMALS: Final = 4  # differences of time are rounded to 0.1 ms
_log = logging.getLogger(__name__)


@dataclasses.dataclass
class EvalCounts:
    """True positives, false positives and false negatives.

    Differs from the reference: `f1` is the harmonic mean also where precision and
    recall add up to less than 1.
    """

    tp: int
    fp: int
    fn: int

    def add(self, other: EvalCounts) -> None:
        """Add other counts to these."""
        self.tp += other.tp
        self.fp += other.fp
        self.fn += other.fn

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 0 if nothing was."""
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        """Share of what is right that was found; 0 if nothing is."""
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)


def sequence2intervals(sequence: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a sequence's notes as arrays.

    Args:
        sequence: With `notes`.

    Returns:
        Start and end in seconds, [n_notes, 2]; pitches, velocities, each [n_notes].
    """
    notes = sequence.notes
    intervals = np.array([(n.start_time, n.end_time) for n in notes], float)
    pitches = np.array([n.pitch for n in notes], float)
    velocities = np.array([n.velocity for n in notes], float)
    return intervals.reshape(-1, 2), pitches, velocities


def compute_note_metrics(
    gt_sequence: Any, pred_sequence: Any
) -> tuple[EvalCounts, EvalCounts]:
    """Count notes that match: one to one, as many as can be.

    Notes match if their onsets are within 50 ms and their pitches within half a
    semitone; as whole notes if also their ends are within 50 ms or a fifth of the note.

    Args:
        gt_sequence: What is wanted.
        pred_sequence: What there is.

    Returns:
        Counts by onset, and as whole notes.
    """
    wanted, pitches, _ = sequence2intervals(gt_sequence)
    got, got_pitches, _ = sequence2intervals(pred_sequence)
    by_onset = _time_between(wanted[:, 0], got[:, 0]) <= ONSET_TOLERANCE
    by_pitch = np.abs(np.subtract.outer(pitches, got_pitches)) <= PITCH_TOLERANCE
    tolerance = np.maximum(
        OFFSET_RATIO * np.abs(np.diff(wanted, axis=1)), OFFSET_MIN_TOLERANCE
    )
    by_end = _time_between(wanted[:, 1], got[:, 1]) <= tolerance
    hits = by_onset & by_pitch
    return _counts(hits), _counts(hits & by_end)


def compute_frame_metrics(gt_pianoroll: Any, pred_pianoroll: Any) -> EvalCounts:
    """Count frames in which any note is on.

    Args:
        gt_pianoroll: What is wanted, positive where on, [n_frames, n_pitches].
        pred_pianoroll: What there is, [n_frames, n_pitches].

    Raises:
        ShapeError: They differ in frames.
    """
    wanted, got = (
        np.squeeze(np.asarray(roll)).max(axis=1) > 0
        for roll in (gt_pianoroll, pred_pianoroll)
    )
    if wanted.shape != got.shape:
        raise ShapeError(
            f"gt_pianoroll has {wanted.shape} frames and pred_pianoroll {got.shape};"
            " needed equally many"
        )
    return EvalCounts(
        np.sum(wanted & got), np.sum(~wanted & got), np.sum(wanted & ~got)
    )


class MidiMetrics:
    """Counts of notes by onset, of whole notes, and of frames, over batches.

    Differs from the reference: needs no `note_seq` and `mir_eval`, resets the counts of
    whole notes too, does not change what it is given, and rounds times to frames where
    a rounding error would make them the frame before.

    Args:
        frames_per_second: Of piano rolls and f0, in Hz.
        tag: In the names of the summaries.
        align_midi_with_f0: Move the notes wanted to where f0 has their pitch.
    """

    def __init__(
        self, frames_per_second: float, tag: str, align_midi_with_f0: bool = True
    ) -> None:
        self.tag = tag
        self._frames_per_second = frames_per_second
        self._align_midi_with_f0 = align_midi_with_f0
        self._reset()

    def align_midi_with_f0(self, gt_sequence: Any, f0: Any) -> NoteSequence:
        """Return notes that start and end where f0, rounded, is their pitch.

        A note may begin at the end of the one before and end at the start of the next;
        where f0 never is its pitch it stays.

        Args:
            gt_sequence: With `notes` and `total_time`.
            f0: In Hz, [n_frames] or [n_frames, 1].
        """
        rate = self._frames_per_second
        f0_midi = np.round(np.ravel(np.asarray(hz_to_midi(f0))))
        notes: list[Note] = []
        for i, note in enumerate(gt_sequence.notes):
            here = np.flatnonzero(f0_midi == note.pitch)
            start, end = note.start_time, note.end_time
            lowest = _frame(notes[-1].end_time, rate) if notes else 0
            found = here[(here >= lowest) & (here < _frame(end, rate))]
            start = float(found[0] / rate) if len(found) else start
            following = gt_sequence.notes[i + 1 : i + 2]
            last = _frame(following[0].start_time, rate) if following else len(f0_midi)
            found = here[(here > _frame(start, rate)) & (here <= last)]
            end = float(found[-1] / rate) if len(found) else end
            notes.append(Note(note.pitch, start, end, note.velocity))
        return NoteSequence(notes, gt_sequence.total_time)

    def update_state(
        self,
        controls_batch: Any,
        pred_seq_batch: Any,
        gt_key: str = "note_active_velocities",
        ch: int | None = None,
    ) -> None:
        """Take in a batch.

        Args:
            controls_batch: With the piano rolls wanted, [batch, n_frames, 128], and
                'f0_hz' if notes are aligned.
            pred_seq_batch: Note sequences, or piano rolls of the same shape.
            gt_key: Where the piano rolls are.
            ch: Which of the rolls' channels, [..., ch]; None if there are none.
        """
        for i in range(len(pred_seq_batch)):
            index = (i,) if ch is None else (i, ..., ch)
            roll = np.asarray(controls_batch[gt_key][index])
            predicted = pred_seq_batch[i] if ch is None else pred_seq_batch[index]
            if not hasattr(predicted, "notes"):
                predicted = self._notes(predicted)
            wanted = self._notes(roll)
            if self._align_midi_with_f0:
                wanted = self.align_midi_with_f0(wanted, controls_batch["f0_hz"][i])
            by_onset, whole = compute_note_metrics(wanted, predicted)
            self.note_counts.add(by_onset)
            self.note_offset_counts.add(whole)
            got = note_sequence_to_pianoroll(predicted, self._frames_per_second)
            missing = max(0, len(roll) - len(got))
            got = np.pad(got, [(0, missing), (0, 0)])[: len(roll)]
            self.frame_counts.add(compute_frame_metrics(roll, got))

    def flush(self, step: int) -> None:
        """Write f1, precision and recall of each count as summaries; reset them."""
        for kind, counts in (
            ("onset", self.note_counts),
            ("full_note", self.note_offset_counts),
            ("frame", self.frame_counts),
        ):
            for name in ("f1", "precision", "recall"):
                key, value = (
                    f"metrics/midi/{self.tag}/{kind}/{name}",
                    getattr(counts, name),
                )
                _log.info("%s: %.3f", key, value)
                tf.summary.scalar(key, value, step)
        self._reset()

    def _reset(self) -> None:
        self.note_counts = EvalCounts(0, 0, 0)
        self.note_offset_counts = EvalCounts(0, 0, 0)
        self.frame_counts = EvalCounts(0, 0, 0)

    def _notes(self, roll: Any) -> NoteSequence:
        return pianoroll_to_note_sequence(roll, self._frames_per_second)


def _frame(time: float, frame_rate: float) -> int:
    """Return the frame that holds a time, which may be a rounding error early."""
    return int(round(time * frame_rate, TIME_DECIMALS))


def _time_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distance of every pair, [len(a), len(b)], in seconds."""
    return np.round(np.abs(np.subtract.outer(a, b)), TIME_DECIMALS)


def _counts(hits: np.ndarray) -> EvalCounts:
    """Count the most pairs that can be made of hits, [n_wanted, n_got]."""
    partner = sparse.csgraph.maximum_bipartite_matching(sparse.csr_matrix(hits))
    n_wanted, n_got = hits.shape
    n_pairs = int(np.sum(partner >= 0)) if hits.size else 0
    return EvalCounts(n_pairs, n_got - n_pairs, n_wanted - n_pairs)
