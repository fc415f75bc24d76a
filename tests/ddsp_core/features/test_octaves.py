"""Octave errors are undone where the sound says so, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp_core.features.octaves import without_octave_errors

HOP = 64


def sound(f0_hz, levels):
    """Partials of a pitch; `levels` [n_partials, n_frames] are their amplitudes."""
    n = len(f0_hz) * HOP
    phase = 2 * np.pi * np.cumsum(np.repeat(f0_hz, HOP)) / 16_000
    partials = np.arange(1, len(levels) + 1)[:, None]
    waves = np.sin(partials * phase) * np.repeat(levels, HOP, axis=1)
    return waves.sum(axis=0).astype(np.float32)[:n]


def attack(ratio, n_attack=50, n_note=250, weak=0.3):
    """A note whose attack is `ratio` times too high for a tracker, and its sound."""
    n = n_attack + n_note
    truth = np.full(n, 160.0)
    levels = np.tile(1 / np.arange(1.0, 9.0)[:, None], n)
    others = np.arange(1, 9) % ratio != 0
    levels[others, :n_attack] *= weak
    heard = truth.copy()
    heard[:n_attack] *= ratio
    return truth, heard.astype(np.float32), sound(truth, levels)


@pytest.mark.parametrize("ratio", [2, 3])
def test_an_attack_heard_at_a_partial_comes_down_to_its_note(ratio):
    truth, heard, audio = attack(ratio)
    got = without_octave_errors(heard, np.full(300, 0.9), audio, HOP)
    np.testing.assert_allclose(got, truth, rtol=1e-6)


def test_an_octave_that_is_really_played_stays():
    heard = np.repeat([320.0, 160.0], [50, 250])
    levels = np.tile(1 / np.arange(1.0, 9.0)[:, None], 300)
    audio = sound(heard, levels)
    heard = heard.astype(np.float32)
    got = without_octave_errors(heard, np.full(300, 0.9), audio, HOP)
    np.testing.assert_array_equal(got, heard)


@pytest.mark.parametrize(
    ("n_attack", "n_note"), [(110, 250), (60, 40)], ids=["long", "longer than the note"]
)
def test_only_what_is_shorter_than_its_note_can_be_an_error(n_attack, n_note):
    _, heard, audio = attack(2, n_attack, n_note)
    confidence = np.full(len(heard), 0.9)
    got = without_octave_errors(heard, confidence, audio, HOP)
    np.testing.assert_array_equal(got, heard)


def test_what_stands_alone_stays():
    _, heard, audio = attack(2)
    confidence = np.full(300, 0.9)
    confidence[50:65] = 0.2  # 60 ms in which nothing sounds
    got = without_octave_errors(heard, confidence, audio, HOP)
    np.testing.assert_array_equal(got, heard)


def test_no_frames_have_no_errors():
    none = np.zeros(0, np.float32)
    assert len(without_octave_errors(none, none, none, HOP)) == 0
