import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.synths import FilteredNoise, Harmonic
from tests import signal_truth as truth
from tests.conformance.kit import cases


def test_controls_are_the_published_ones():
    rng = np.random.default_rng(0)
    amplitudes, distribution = rng.normal(size=(2, 10, 1)), rng.normal(size=(2, 10, 30))
    f0_hz = rng.uniform(200, 500, (2, 10, 1))
    controls = Harmonic().get_controls(
        *(tf.cast(x, tf.float32) for x in (amplitudes, distribution, f0_hz))
    )
    shares = truth.normalized(truth.exp_sigmoid(distribution), f0_hz, 16000)
    expected = truth.exp_sigmoid(amplitudes)
    np.testing.assert_allclose(controls["amplitudes"], expected, rtol=1e-5)
    np.testing.assert_allclose(controls["harmonic_distribution"], shares, atol=1e-6)


@pytest.mark.parametrize("method", ["window", "linear", "nearest"])
@pytest.mark.parametrize("use_angular_cumsum", [False, True])
def test_a_minute_stays_in_tune(method, use_angular_cumsum):
    n_frames = 250 * 60
    synth = Harmonic(
        n_samples=64 * n_frames,
        scale_fn=None,
        amp_resample_method=method,
        use_angular_cumsum=use_angular_cumsum,
    )
    f0_hz = np.full([1, n_frames, 1], 439.7, np.float32)
    audio = synth(tf.ones([1, n_frames, 1]), tf.ones([1, n_frames, 2]), f0_hz)
    n = np.arange(1, 64 * n_frames + 1, dtype=np.longdouble)
    cycles = n * float(f0_hz[0, 0, 0]) / 16000 % 1
    expected = (np.sin(2 * np.pi * cycles) + np.sin(4 * np.pi * cycles)) / 2
    assert truth.snr_db(audio[0, -16000:], expected[-16000:]) > 90


def test_noise_has_the_statistics_that_the_reference_had():
    case = next(c for c in cases("synths") if c.kind == "statistic")
    magnitudes = tf.constant(case.arrays("inputs")["magnitudes"])
    synth = FilteredNoise(n_samples=16000, window_size=0)
    with randomness.keyed(0, 0, tf.range(32)):
        audio = synth(tf.tile(magnitudes, [32, 1, 1])).numpy()
    expected = case.arrays("outputs")
    frames = audio.reshape(32, 10, 1600)
    rms = np.sqrt(np.mean(frames**2, axis=(0, 2)))
    np.testing.assert_allclose(rms, expected["rms_per_frame"], rtol=0.05)
    np.testing.assert_allclose(audio.std(), expected["std"], rtol=0.05)
    assert abs(audio.mean()) < 1e-3


def test_noise_has_the_spectrum_that_was_asked_for():
    magnitudes = np.zeros([1, 10, 65], np.float32)
    magnitudes[..., :17] = 1.0  # up to 2 kHz
    audio = FilteredNoise(n_samples=64000, scale_fn=None)(magnitudes).numpy()[0]
    power = np.abs(np.fft.rfft(audio)) ** 2
    hz = np.fft.rfftfreq(64000, 1 / 16000)
    inside, outside = power[hz < 1800].mean(), power[hz > 2300].mean()
    assert outside < 1e-4 * inside


def test_noise_of_an_unknown_batch_can_be_drawn_in_a_graph():
    synth = FilteredNoise(n_samples=100)
    call = tf.function(synth.get_signal, input_signature=[tf.TensorSpec([None, 10, 9])])
    assert call(tf.ones([3, 10, 9])).shape == [3, 100]
