import librosa
import numpy as np
import scipy.fft

from ddsp_core.dsp.spectra import compute_logmel, compute_mag, compute_mfcc, stft_np

NOISE = np.random.default_rng(0).normal(0, 0.3, 8000).astype(np.float32)


def test_magnitudes_are_those_of_librosa():
    expected = np.abs(librosa.stft(NOISE, n_fft=512, hop_length=128, center=False)).T
    np.testing.assert_allclose(
        compute_mag(NOISE, 512, pad_end=False), expected, atol=1e-4
    )
    np.testing.assert_allclose(
        np.abs(stft_np(NOISE, 512, pad_end=False)), expected, atol=1e-4
    )


def test_a_frame_that_is_no_power_of_two_is_transformed_at_the_next_one():
    assert compute_mag(NOISE, 300).shape[-1] == 257
    assert stft_np(NOISE, 300).shape[-1] == 151


def test_cepstrum_is_the_orthogonal_cosine_transform_of_the_log_mel_spectrum():
    audio = NOISE[np.newaxis]
    logmel = compute_logmel(audio, 20.0, 8000.0, bins=128, fft_size=1024).numpy()
    # TensorFlow's DCT-II is HTK's: orthonormal but for the first coefficient.
    expected = scipy.fft.dct(logmel, norm="ortho")[..., 1:13]
    np.testing.assert_allclose(compute_mfcc(audio)[..., 1:], expected, atol=1e-3)


def test_a_tone_is_in_the_mel_band_of_its_frequency():
    tone = np.sin(2 * np.pi * 1000 / 16000 * np.arange(8000))[np.newaxis]
    logmel = compute_logmel(tone, 0.0, 8000.0, bins=64, pad_end=False).numpy()[0, 0]
    edges = 700 * (10 ** (np.linspace(0, 2840.023, 66) / 2595) - 1)
    peak = int(np.argmax(logmel))
    assert edges[peak] < 1000 < edges[peak + 2]
