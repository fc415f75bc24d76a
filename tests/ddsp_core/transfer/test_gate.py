"""The gate on made-up notes, rests, dips and slips."""

import numpy as np
import pytest

from ddsp_core.features.extract import Features
from ddsp_core.transfer.gate import gate_gain, note_frames, without_short_runs

RATE = 250


def features(confidence, loudness_db):
    f0_hz = np.full(len(confidence), 440.0, np.float32)
    return Features(f0_hz, np.float32(confidence), np.float32(loudness_db))


@pytest.fixture
def two_notes():
    """Notes in frames 100..300 and 450..700, a rest of room noise elsewhere."""
    confidence, loudness_db = np.full(800, 0.2), np.full(800, -75.0)
    for note in (slice(100, 300), slice(450, 700)):
        confidence[note], loudness_db[note] = 0.9, -25.0
    return confidence, loudness_db


def edges(mask):
    return np.flatnonzero(np.diff(mask.astype(int))).tolist()


def test_notes_are_found_where_they_are(two_notes):
    assert edges(note_frames(features(*two_notes), RATE)) == [99, 299, 449, 699]


def test_a_note_needs_both_pitch_and_level(two_notes):
    confidence, loudness_db = two_notes
    pitched_noise = note_frames(features(np.full(800, 0.9), loudness_db), RATE)
    assert edges(pitched_noise) == [99, 299, 449, 699]
    loud_noise = note_frames(features(confidence, np.full(800, -25.0)), RATE)
    assert edges(loud_noise) == [99, 299, 449, 699]


def test_a_quiet_recording_has_notes_too(two_notes):
    confidence, loudness_db = two_notes
    quiet = features(confidence, np.where(loudness_db > -30, -62.0, -80.0))
    assert edges(note_frames(quiet, RATE)) == [99, 299, 449, 699]


def test_short_dips_of_confidence_are_bridged_and_short_slips_dropped(two_notes):
    confidence, loudness_db = two_notes
    confidence[200:215] = 0.1  # 60 ms, still sounding: a note change
    confidence[600:610], loudness_db[600:610] = 0.1, -75  # 40 ms of silence
    confidence[30:38], loudness_db[30:38] = 0.9, -30.0  # 32 ms: a click
    assert edges(note_frames(features(confidence, loudness_db), RATE)) == [
        *(99, 299, 449),
        *(599, 609, 699),
    ]


def test_a_threshold_of_zero_lets_everything_sound(two_notes):
    assert note_frames(features(*two_notes), RATE, threshold=0).all()
    assert not note_frames(features(*two_notes), RATE, threshold=2).any()


def test_silence_has_no_notes():
    assert not note_frames(features(np.zeros(50), np.full(50, -80.0)), RATE).any()
    assert not len(note_frames(features([], []), RATE))


def test_ramps_are_smooth_and_never_cut_into_a_note(two_notes):
    notes = note_frames(features(*two_notes), RATE)
    gain = gate_gain(notes, RATE)
    assert (gain[notes] == 1).all()
    assert gain[:95].max() == 0 and gain[310:440].max() == 0
    assert (np.diff(gain[95:101]) >= 0).all() and (np.diff(gain[298:310]) <= 0).all()
    # No step is a click: 12 ms up and 30 ms down, at 4 ms a frame.
    assert np.abs(np.diff(gain)).max() <= 0.5
    assert np.count_nonzero((gain > 0) & (gain < 1)) == 2 * (2 + 7)


def test_runs_are_turned_round_only_where_they_are_short():
    mask = np.array([0, 0, 1, 1, 1, 0, 1, 1, 1, 0], bool)
    assert without_short_runs(mask, False, 3).tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert without_short_runs(mask, True, 4).tolist() == [0] * 10
