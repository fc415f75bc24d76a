"""Polyphony: error rates on chords and melodies whose truth is known."""

import numpy as np
import pytest
import soundfile
from scipy import signal

from ddsp_core.audio.polyphony import HOP, polyphonic
from ddsp_core.audio.resample import resample

RATE = 16_000


def load(path):
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return resample(audio.mean(axis=1), rate, RATE)


def share(audio):
    """Share of the frames above -60 dB in which more than one note is found."""
    found = polyphonic(audio.astype(np.float32), 0, len(audio))
    power = np.convolve(audio.astype(np.float64) ** 2, np.ones(512) / 512, "same")
    loud = power[::HOP] > 1e-6
    return found[: len(loud)][loud[: len(found)]].mean()


def tone(f0_hz, secs=2.0):
    t = np.arange(int(secs * RATE)) / RATE
    return sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 9)) * 0.2


def notes(test_data):
    paths = sorted((test_data / "audio/solo_sax").glob("*take1.flac"))
    return {int(path.name.split("_")[1]): path for path in paths}


@pytest.mark.parametrize("interval", [2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
def test_two_tones_are_found_and_one_is_not(interval):
    low = tone(220.0)
    assert share(low) == 0
    assert share(low + tone(220.0 * 2 ** (interval / 12))) > 0.9


def test_a_melody_with_vibrato_and_quick_notes_is_one_note_at_a_time():
    rng = np.random.default_rng(0)
    midi = np.repeat(rng.integers(55, 80, 40), RATE // 6)
    t = np.arange(len(midi)) / RATE
    f0_hz = 440 * 2 ** ((midi - 69 + 0.5 * np.sin(2 * np.pi * 6 * t)) / 12)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    assert share(sum(np.sin(k * phase) / k for k in range(1, 7)) * 0.2) == 0


def test_noise_and_silence_are_not_polyphonic():
    noise = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    assert share(noise) == 0
    assert not polyphonic(np.zeros(RATE, np.float32), 0, RATE).any()


def test_a_moment_does_not_depend_on_the_cut():
    audio = np.concatenate([tone(220.0), tone(220.0) + tone(277.0), tone(330.0)])
    audio = audio.astype(np.float32)
    whole = polyphonic(audio, 0, len(audio))
    cut = polyphonic(audio[RATE:], RATE, 3 * RATE)
    assert 0.2 < whole.mean() < 0.5
    np.testing.assert_array_equal(cut, whole[100 : 100 + len(cut)])


def test_chords_of_a_saxophone_are_found(test_data):
    found = {}
    of = notes(test_data)
    for interval in (1, 2, 3, 4, 5, 6, 7, 9):
        mixed = []
        for low in range(50, 80 - interval, 3):
            if low in of and low + interval in of:
                pair = [load(of[low]), load(of[low + interval])]
                n = min(map(len, pair))
                mixed.append(share(pair[0][:n] + pair[1][:n]))
        found[interval] = np.mean(mixed)
    # A semitone apart, low partials merge; a fifth apart, half of them coincide.
    assert min(found.values()) > 0.85
    assert np.median(list(found.values())) > 0.995


def test_single_notes_and_melodies_are_not(test_data):
    paths = [
        *sorted((test_data / "audio/solo_sax").glob("*.flac")),
        *sorted((test_data / "audio/solo_sax_phrases").glob("*.flac")),
        *sorted((test_data / "audio/solo_flute_render").glob("*.flac")),
        *sorted((test_data / "audio/transfer").glob("*.[fo][lg]*")),
    ]
    assert len(paths) == 128
    assert max(share(load(path)) for path in paths) == 0


def test_a_piano_is_and_drums_hiss_and_speech_are_not(test_data):
    hard = test_data / "audio/hard"
    assert share(load(hard / "polyphonic_piano.wav")) > 0.3
    others = "unpitched_drum_roll noise_only_vinyl_hiss noisy_10dB_snr speech_24k_mono"
    assert [share(load(hard / f"{name}.wav")) for name in others.split()] == [0] * 4


@pytest.mark.parametrize(("rt60_secs", "most"), [(0.3, 0), (0.6, 0.01), (1.2, 0.1)])
def test_the_echo_of_a_room_is_hardly_a_second_note(test_data, rt60_secs, most):
    rng = np.random.default_rng(0)
    t = np.arange(int(1.2 * rt60_secs * RATE)) / RATE
    room = rng.standard_normal(len(t)) * 10 ** (-3 * t / rt60_secs)
    room *= 0.5 / np.sqrt((room**2).sum())
    room[0] += 1
    shares = [
        share(signal.fftconvolve(load(path), room))
        for path in sorted((test_data / "audio/solo_sax_phrases").glob("*.flac"))
    ]
    assert np.mean(shares) <= most
