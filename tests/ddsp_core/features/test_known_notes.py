"""f0 against what is known to sound, and the default against every frame."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.known_pitch import FRAME_RATE, SETS, Difference, Tally, recordings
from ddsp_core.features.extract import FeatureExtractor, recording_features
from ddsp_core.features.options import Decoder, PitchOptions


@pytest.fixture(scope="module")
def default():
    return FeatureExtractor(FRAME_RATE)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_f0_follows_what_is_played_and_is_that_of_every_frame(test_data, name, default):
    """The limits of the issue that asked for adaptive f0."""
    every = FeatureExtractor(FRAME_RATE, PitchOptions(step=1))
    tally, difference = Tally(), Difference()
    for path, truth in recordings(test_data / "audio", name):
        features, _ = recording_features(path, default)
        tally.add(features, truth)
        difference.add(features, recording_features(path, every)[0], truth)
    assert tally.confident >= (0.85 if "singing" in name else 0.98) * tally.inside
    assert tally.summary()["gross"] <= 0.5
    far = difference.summary()
    assert far["median_cents"] < 2 and far["p95_cents"] < 5
    assert far["beyond_away"] <= 0.05 and far["beyond_near"] <= 1


@pytest.mark.slow
def test_jumps_taken_at_once_are_nearer_to_the_notes_than_magenta_s_glides(
    test_data, default
):
    """Octaves, fifths and twelfths between notes of a real saxophone."""
    magenta = FeatureExtractor(FRAME_RATE, PitchOptions(decoder=Decoder.MAGENTA))
    ours, theirs = Tally(), Tally()
    for path, truth in recordings(test_data / "audio", "solo_sax_phrases"):
        ours.add(recording_features(path, default)[0], truth)
        theirs.add(recording_features(path, magenta)[0], truth)
    gross = [tally.summary()["gross_at_change"] for tally in (ours, theirs)]
    assert gross[0] < 0.7 * gross[1]
    assert ours.gross <= theirs.gross


@pytest.mark.parametrize("semitones", [7, 12, 19, -7, -12, -19])
@pytest.mark.parametrize("base_hz", [220.0, 440.0])
def test_a_leap_is_wrong_for_at_most_25_ms(default, semitones, base_hz):
    seconds = np.arange(32_000) / 16_000
    pitch = np.where(seconds < 1, base_hz, base_hz * 2 ** (semitones / 12))
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    audio = sum(np.sin(k * phase) / k for k in range(1, 8)) * 0.2
    f0_hz = default.extract(audio.astype(np.float32)).f0_hz
    wrong = np.abs(1200 * np.log2(f0_hz / pitch[::64])) > 50
    assert wrong[25:-25].sum() <= 0.025 * FRAME_RATE
