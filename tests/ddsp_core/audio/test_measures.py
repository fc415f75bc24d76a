"""Level per frame, its storage, and the room that decays tell of."""

import numpy as np
import pytest
import soundfile
from scipy import signal

from ddsp_core.audio.decays import decay_times
from ddsp_core.audio.measures import AudioMeasures, measure_audio

RATE = 16_000


def level_db(audio, frame_rate=250):
    n = len(audio)
    audio = audio.astype(np.float32)
    hop = RATE // frame_rate
    return measure_audio(audio, 0, n, n // hop, frame_rate).level_db


def room(rt60_secs, share=1.0, seed=0):
    """An exponential tail behind the direct sound, `share` of it in amplitude."""
    t = np.arange(int(1.2 * rt60_secs * RATE)) / RATE
    tail = np.random.default_rng(seed).standard_normal(len(t))
    tail *= 10 ** (-3 * t / rt60_secs)
    tail *= share / np.sqrt((tail**2).sum())
    tail[0] += 1
    return tail


def bursts():
    """Eight notes of 0.5 s, each with 2.5 s of rest, under a hiss of -90 dB."""
    t = np.arange(RATE // 2) / RATE
    rest = np.zeros(RATE * 5 // 2)
    notes = []
    for f0_hz in 220 * 2 ** (np.arange(8) / 12):
        notes += [0.1 * sum(np.sin(2 * np.pi * k * f0_hz * t) for k in range(1, 9))]
        notes += [rest]
    audio = np.concatenate(notes)
    return audio + 10 ** (-90 / 20) * np.random.default_rng(1).standard_normal(
        len(audio)
    )


def test_the_level_of_a_sine_is_its_rms_and_an_offset_is_not_sound():
    audio = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE) + 0.3
    found = level_db(audio)
    assert len(found) == 250
    expected = 20 * np.log10(0.5 / np.sqrt(2))
    np.testing.assert_allclose(found, expected, atol=0.06)
    assert set(level_db(np.full(RATE, 0.3))) == {-120.0}


@pytest.mark.parametrize("n_frames", [1, 8, 5001])
def test_measures_survive_storage(n_frames):
    rng = np.random.default_rng(0)
    one = AudioMeasures(
        rng.random(n_frames) > 0.5, rng.integers(-1200, 0, n_frames).astype(np.int16)
    )
    again = AudioMeasures.from_bytes(one.to_bytes(), n_frames)
    np.testing.assert_array_equal(again.polyphonic, one.polyphonic)
    np.testing.assert_array_equal(again.level, one.level)
    with pytest.raises(ValueError, match="not measures"):
        AudioMeasures.from_bytes(one.to_bytes()[1:], n_frames)


@pytest.mark.parametrize("frame_rate", [50, 250])
@pytest.mark.parametrize("rt60_secs", [0.4, 0.8, 1.2])
def test_the_lower_quartile_of_decays_is_the_room(frame_rate, rt60_secs):
    audio = signal.fftconvolve(bursts(), room(rt60_secs))[: 8 * 3 * RATE]
    found = decay_times(level_db(audio, frame_rate), frame_rate)
    assert len(found) >= 7
    assert np.quantile(found, 0.25) == pytest.approx(rt60_secs, rel=0.2, abs=0.1)


def test_without_a_room_decays_are_fast():
    found = decay_times(level_db(bursts()), 250)
    assert len(found) >= 7 and found.max() < 0.15


def test_a_played_diminuendo_is_no_room():
    t = np.arange(20 * RATE) / RATE
    swell = 10 ** (-0.5 * (1 - np.cos(2 * np.pi * t / 10)))  # 0 to -20 dB and back
    audio = 0.3 * swell * np.sin(2 * np.pi * 330 * t)
    assert not len(decay_times(level_db(audio), 250))


def test_the_room_of_real_melodies_is_estimated(test_data):
    estimates = {}
    paths = sorted((test_data / "audio/solo_sax_phrases").glob("*.flac"))
    for rt60_secs in (0.0, 0.3, 0.6, 1.2):
        times = []
        for path in paths:
            audio, _ = soundfile.read(path)
            if rt60_secs:
                audio = signal.fftconvolve(audio, room(rt60_secs, 0.5))[: len(audio)]
            times.append(decay_times(level_db(audio), 250))
        estimates[rt60_secs] = np.quantile(np.concatenate(times), 0.25)
    assert estimates[0.0] < 0.1
    for rt60_secs in (0.3, 0.6, 1.2):
        assert estimates[rt60_secs] == pytest.approx(rt60_secs, rel=0.2, abs=0.1)
