import librosa
import numpy as np
import pytest

from ddsp_core.dsp.loudness import a_weighting_db, compute_loudness, compute_power

RATE = 16000


def tone(frequency_hz, amplitude=1.0, secs=1.0):
    time = np.arange(int(secs * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)


def test_a_weighting_is_that_of_librosa():
    frequencies_hz = np.linspace(1, 24000, 5000)
    expected = librosa.A_weighting(frequencies_hz)
    np.testing.assert_allclose(a_weighting_db(frequencies_hz), expected, atol=1e-9)
    assert a_weighting_db(0.0) == -80.0


@pytest.mark.parametrize("n_fft,frame_rate", [(512, 250), (2048, 100), (1024, 50)])
def test_loudness_is_the_mean_weighted_power_of_librosa_spectra(n_fft, frame_rate):
    audio = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    spectrum = librosa.stft(
        audio, n_fft=n_fft, hop_length=RATE // frame_rate, pad_mode="constant"
    )
    weights = 10 ** (a_weighting_db(librosa.fft_frequencies(sr=RATE, n_fft=n_fft)) / 10)
    expected = 10 * np.log10(np.mean(np.abs(spectrum.T) ** 2 * weights, axis=-1))
    got = compute_loudness(audio, RATE, frame_rate, n_fft)
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_twice_the_amplitude_is_six_decibels_more():
    quiet, loud = compute_loudness(np.stack([tone(440, 0.1), tone(440, 0.2)])).numpy()
    np.testing.assert_allclose(loud - quiet, 20 * np.log10(2), atol=1e-3)


def test_a_bass_note_is_less_loud_than_a_middle_one():
    bass, middle = compute_loudness(np.stack([tone(60), tone(1000)])).numpy()
    assert (bass[50:200] < middle[50:200] - 20).all()


def test_silence_is_at_the_bottom_of_the_range():
    assert (compute_loudness(np.zeros(8000)).numpy() == -80.0).all()


def test_power_of_a_full_scale_sine_is_minus_three_decibels():
    power_db = compute_power(tone(1000), frame_size=512).numpy()
    np.testing.assert_allclose(power_db[10:-10], -3.0103, atol=0.02)
