"""The octave, and the pitch where nothing sounds."""

import numpy as np
import pytest

from ddsp_core.histogram import Histogram
from ddsp_core.transfer.pitch import (
    DEFAULT_F0_HZ,
    hold_pitch,
    hz_to_midi,
    midi_to_hz,
    octave_by_magenta,
    octave_by_overlap,
    pitch_range,
    steady,
)

# An instrument that was recorded from C4 to C6, every pitch as often.
TRAINING = Histogram.of(np.linspace(60, 84, 2401))


@pytest.mark.parametrize(
    ("source", "octaves"),
    [
        (np.linspace(62, 80, 100), 0),  # inside
        (np.linspace(57, 69, 100), 1),  # a quarter below: 75 % is not enough to stay
        (np.linspace(58, 69, 100), 0),  # 82 % is
        (np.linspace(36, 47, 100), 2),
        (np.linspace(96, 107, 100), -2),
        (np.full(100, 10.0), 5),  # 10 + 60 = 70
    ],
)
def test_a_source_moves_by_the_fewest_octaves_that_bring_it_inside(source, octaves):
    choice = octave_by_overlap(source, TRAINING)
    assert choice.octaves == octaves
    low, high = pitch_range(TRAINING)
    moved = source + 12 * octaves
    assert choice.inside_after == np.mean((moved >= low) & (moved <= high))


def test_a_source_that_is_eighty_per_cent_inside_is_never_moved():
    rng = np.random.default_rng(0)
    for _ in range(50):
        inside, outside = rng.uniform(61, 83, 81), rng.uniform(30, 58, 19)
        choice = octave_by_overlap(np.concatenate([inside, outside]), TRAINING)
        assert choice.octaves == 0


def test_a_source_wider_than_the_model_goes_where_most_of_it_is_inside():
    source = np.concatenate([np.full(40, 50.0), np.full(60, 58.0)])
    assert octave_by_overlap(source, TRAINING).octaves == 1
    assert octave_by_overlap(source, TRAINING).inside_after == 1.0


@pytest.mark.parametrize(
    ("mean", "octaves"),
    [(72.0, 0), (71.4, 1), (72.6, 0), (84.5, -1), (53.0, 1), (60.0, 1), (54.5, 2)],
)
def test_the_reference_rule_rounds_as_its_notebook_does(mean, octaves):
    """floor(d) if d > 1.5 else ceil(d), d the distance of the means in octaves."""
    distance = (TRAINING.mean() - mean) / 12
    expected = np.floor(distance) if distance > 1.5 else np.ceil(distance)
    assert octave_by_magenta(np.full(10, mean), TRAINING).octaves == expected == octaves


def test_vibrato_and_portamento_are_steady_and_slips_are_not():
    t = np.arange(500) / 250
    vibrato = 60 + np.sin(2 * np.pi * 7 * t)  # a semitone to either side, 7 times a s
    portamento = 60 + np.clip(100 * (t - 1), 0, 12)
    for midi in (vibrato, portamento):
        assert steady(midi_to_hz(midi), 250).all()
    slip = np.where((t > 0.5) & (t < 0.8), 72.0, 60.0)
    slip[125] = 66.0  # through the pitches between
    assert np.flatnonzero(~steady(midi_to_hz(slip), 250)).tolist() == [
        *(124, 125, 126),
        *(199, 200),
    ]
    assert steady(np.full(1, 440.0), 250).tolist() == [True]
    assert not len(steady(np.zeros(0), 250))


def test_short_gaps_glide_and_long_gaps_hold():
    f0_hz = np.full(400, 1000.0, np.float32)
    sounding = np.zeros(400, bool)
    f0_hz[50:100], f0_hz[110:200], f0_hz[300:350] = 200, 400, 800
    sounding[50:100] = sounding[110:200] = sounding[300:350] = True
    held = hold_pitch(f0_hz, sounding, frame_rate=250)
    np.testing.assert_array_equal(held[sounding], f0_hz[sounding])
    np.testing.assert_allclose(held[:50], 200, rtol=1e-6)
    np.testing.assert_allclose(held[350:], 800, rtol=1e-6)
    # 40 ms: evenly, in semitones
    np.testing.assert_allclose(np.diff(hz_to_midi(held[99:111])), 12 / 11, rtol=1e-4)
    # 400 ms: the nearer note
    np.testing.assert_allclose(held[200:249], 400, rtol=1e-6)
    np.testing.assert_allclose(held[251:300], 800, rtol=1e-6)


def test_where_nothing_sounds_there_is_a_pitch_all_the_same():
    held = hold_pitch(np.full(5, 77.0), np.zeros(5, bool), 250)
    np.testing.assert_array_equal(held, DEFAULT_F0_HZ)
    assert not len(hold_pitch(np.zeros(0), np.zeros(0, bool), 250))
