"""What a model is played with, from made-up features."""

import dataclasses

import numpy as np
import pytest

from ddsp_core.errors import FeatureError, UsageError
from ddsp_core.features.extract import Features
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from ddsp_core.transfer.condition import SILENCE_DB, condition
from ddsp_core.transfer.options import TransferOptions
from ddsp_core.transfer.pitch import hz_to_midi, midi_to_hz

SPEC = ExampleSpec()
# A trumpet an octave below the model's range, with a rest in frames 400..600.
NOTES = np.r_[np.ones(400, bool), np.zeros(200, bool), np.ones(400, bool)]


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    midi = np.where(np.arange(1000) < 500, 55.0, 59.0)
    f0_hz = np.where(NOTES, midi_to_hz(midi), rng.uniform(50, 2000, 1000))
    loudness_db = np.where(NOTES, -30 + rng.normal(0, 3, 1000), -78.0)
    confidence = np.where(NOTES, 0.9, 0.1)
    return Features(*(np.float32(x) for x in (f0_hz, confidence, loudness_db)))


@pytest.fixture(scope="module")
def statistics():
    """A flute: C4 to C6, at -45 to -15 dB."""
    n = 5000
    return Statistics.of(
        midi_to_hz(np.linspace(60, 84, n)), np.linspace(-45, -15, n), np.ones(n, bool)
    )


def test_a_low_source_is_moved_up_matched_and_gated(features, statistics):
    played, fit = condition(features, SPEC, statistics, TransferOptions())
    assert (fit.octaves, fit.pitch_inside_before, fit.pitch_inside) == (1, 0.0, 1.0)
    np.testing.assert_allclose(hz_to_midi(played.f0_hz[:400]), 67, atol=1e-3)
    np.testing.assert_allclose(hz_to_midi(played.f0_hz[600:]), 71, atol=1e-3)
    assert np.median(played.loudness_db[NOTES]) == pytest.approx(-30, abs=0.2)
    assert (played.gate[NOTES] == 1).all()
    rest = slice(410, 590)
    assert not played.gate[rest].any()
    assert (played.loudness_db[rest] == SILENCE_DB).all()
    assert fit.notes_share == pytest.approx(0.8)


def test_without_adjustment_pitch_and_loudness_stay(features, statistics):
    for known in (statistics, None):
        options = TransferOptions(adjust=known is None)
        played, fit = condition(features, SPEC, known, options)
        np.testing.assert_allclose(
            played.f0_hz[NOTES], features.f0_hz[NOTES], rtol=1e-5
        )
        np.testing.assert_allclose(
            played.loudness_db[NOTES], features.loudness_db[NOTES], atol=1e-5
        )
        assert not fit.adjusted


@pytest.mark.parametrize(
    ("options", "semitones"),
    [
        ({"octave": "2"}, 24),
        ({"octave": "-1"}, -12),
        ({"octave": "magenta"}, 24),
        ({"adjust": False, "semitones": -3.5}, -3.5),
        ({"adjust": False, "pitch_shift": 0.5, "semitones": 1.0}, 7),
        ({"pitch_shift": 1.0}, 24),
    ],
)
def test_shifts_add_up(features, statistics, options, semitones):
    played, _ = condition(features, SPEC, statistics, TransferOptions(**options))
    moved = hz_to_midi(played.f0_hz[NOTES]) - hz_to_midi(features.f0_hz[NOTES])
    np.testing.assert_allclose(moved, semitones, atol=1e-3)


def test_loudness_shift_is_in_db_and_rests_stay_silent(features, statistics):
    plain, _ = condition(features, SPEC, statistics, TransferOptions())
    options = TransferOptions(loudness_shift_db=6.0)
    louder, _ = condition(features, SPEC, statistics, options)
    difference = louder.loudness_db - plain.loudness_db
    np.testing.assert_allclose(difference[NOTES], 6, atol=1e-4)
    assert (louder.loudness_db[450:550] == SILENCE_DB).all()


def test_quiet_is_how_far_a_rest_is_turned_down(features, statistics):
    played, _ = condition(features, SPEC, statistics, TransferOptions(quiet_db=20.0))
    np.testing.assert_allclose(played.gate[450:550], 0.1, rtol=1e-5)


def test_silence_and_nothing_are_played_too(statistics):
    for n in (0, 3, 700):
        silent = Features(
            np.full(n, 31.7, np.float32),
            np.zeros(n, np.float32),
            np.full(n, -80.0, np.float32),
        )
        played, fit = condition(silent, SPEC, statistics, TransferOptions())
        assert len(played.f0_hz) == len(played.gate) == n
        assert not played.gate.any() and (played.loudness_db == SILENCE_DB).all()
        assert (fit.octaves, fit.notes_share) == (0, 0.0)


def test_features_that_are_not_finite_are_refused(features, statistics):
    broken = features.loudness_db.copy()
    broken[7] = np.nan
    with pytest.raises(FeatureError, match=r"loudness_db has 1 values.* frame 7"):
        condition(
            dataclasses.replace(features, loudness_db=broken),
            SPEC,
            statistics,
            TransferOptions(),
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"octave": "up"}, "octave is 'up'"),
        ({"octave": "99"}, "octave is '99'"),
        ({"threshold": 3.0}, "threshold is 3.0"),
        ({"quiet_db": -1.0}, "quiet_db is -1.0 dB"),
        ({"semitones": float("nan")}, "semitones is nan"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        TransferOptions(**options)
