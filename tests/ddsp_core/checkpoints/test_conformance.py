"""A model that Magenta 3.7 trained, restored and played: its numbers are ours."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.checkpoints import open_model
from ddsp_core.dsp.resampling import resample
from tests import signal_truth as truth
from tests.conformance.kit import flatten

N_SAMPLES, HOP_SIZE, RATE, N_HARMONICS = 64000, 64, 16000, 60
# The reference sums phase in float32, so that its sound drifts from what its controls
# ask for; these follow from its harmonic signal.
DRIFTING = (
    "out/harmonic/signal",
    "out/add/signal",
    "out/add/controls/signal_two",
    "out/reverb/signal",
    "out/reverb/controls/audio",
    "out/audio_synth",
)


@pytest.fixture(scope="module")
def folder(test_data):
    return test_data / "conformance" / "checkpoints"


@pytest.fixture(scope="module")
def reference(folder):
    return dict(np.load(folder / "tiny_instrument.io.npz"))


@pytest.fixture(scope="module")
def built(folder):
    return open_model(folder / "tiny_instrument").build()


@pytest.fixture(scope="module")
def outputs(built, reference):
    batch = {k[6:]: tf.constant(v) for k, v in reference.items() if k[:6] == "batch/"}

    def draw(shape, *_):
        noise = tf.constant(reference["noise/1x64000"])
        return tf.ensure_shape(noise, shape)

    with randomness.replace_uniform(draw):
        return built.build_model()(batch, training=False)


def test_every_variable_is_bound_and_every_weight_used(folder):
    report = open_model(folder / "tiny_instrument").report()
    assert (report.missing, report.unused) == ((), ())
    listed = (folder / "tiny_instrument.variables.txt").read_text().splitlines()
    model_keys = {line.split("\t")[0] for line in listed if line[:6] == "model/"}
    assert set(report.matched) == model_keys
    assert (report.family, report.step) == ("new", 3)


def test_features_controls_and_noise_are_those_of_the_reference(outputs, reference):
    got = flatten(outputs)
    names = {k for k in reference if k[:4] == "out/"} - set(DRIFTING)
    assert len(names) == 14
    for name in names:
        peak = np.abs(reference[name]).max()
        # The README suggests 1e-3; all deviate by less than 3e-6.
        error = np.abs(got[name[4:]] - reference[name]).max()
        assert error <= 1e-5 * peak, f"{name}: {error / peak}"


def test_the_harmonic_sound_is_exact(outputs, reference):
    exact = exact_harmonics(outputs)
    ours = outputs["harmonic"]["signal"]
    assert truth.snr_db(ours, exact) > 100
    assert np.abs(ours - exact).max() < 2e-2 * np.abs(exact).max()
    # At the start, before it has drifted, the reference says the same.
    start = reference["out/harmonic/signal"][:, :4000]
    assert truth.snr_db(start, exact[:, :4000]) > 40


def test_only_the_references_sum_of_phase_is_different(outputs, reference):
    """With phase summed in float32, our controls give its sound to 1e-5 of the peak."""
    controls = outputs["harmonic"]["controls"]
    numbers = np.arange(1, N_HARMONICS + 1, dtype=np.float32)
    amplitudes = controls["amplitudes"] * controls["harmonic_distribution"]
    f0_hz = resample(controls["f0_hz"] * numbers, N_SAMPLES).numpy()
    envelope = resample(amplitudes, N_SAMPLES, method="window").numpy()
    cycles = f0_hz * np.float32(2 * np.pi) / np.float32(RATE)
    phase = np.cumsum(cycles, axis=1, dtype=np.float32)
    sound = np.sum((f0_hz < RATE / 2) * envelope * np.sin(phase), axis=-1)
    expected = reference["out/harmonic/signal"]
    assert np.abs(sound - expected).max() < 1e-5 * np.abs(expected).max()


def test_spectra_are_those_of_the_reference(outputs, reference):
    """Windows of 32 ms: short enough to hear little of the drift."""
    for got, name in (
        (outputs["harmonic"]["signal"], "out/harmonic/signal"),
        (outputs["audio_synth"], "out/audio_synth"),
    ):
        ours, theirs = (spectrogram(x) for x in (got, reference[name]))
        assert np.linalg.norm(ours - theirs) < 0.15 * np.linalg.norm(theirs)
        level_db = 20 * np.log10(np.linalg.norm(ours) / np.linalg.norm(theirs))
        assert abs(level_db) < 0.2


def test_the_room_is_that_of_the_reference(built, reference):
    audio = built.model.processor_group.reverb(reference["out/add/signal"])
    expected = reference["out/reverb/signal"]
    # Convolution of 112,000 points in float32.
    assert np.abs(audio - expected).max() < 1e-3 * np.abs(expected).max()


def test_the_loss_of_the_same_sounds_is_that_of_the_reference(built, reference):
    losses = built.model.get_losses(
        {"audio": reference["batch/audio"]},
        {"audio_synth": tf.constant(reference["out/audio_synth"])},
    )
    np.testing.assert_allclose(
        losses["spectral_loss"], reference["loss/spectral_loss"], rtol=1e-5
    )


def test_a_longer_sound_begins_like_a_shorter_one(folder, outputs, reference):
    short = open_model(folder / "tiny_instrument" / "ckpt-3").build(n_frames=100)
    features = {
        name: reference[f"batch/{name}"][:, :100] for name in ("f0_hz", "loudness_db")
    }
    # This model's config measures loudness anew; the stored one is given as it is.
    short.model.preprocessor.compute_loudness = False
    given = dict(outputs)["loudness_db"][:, :100, 0]
    controls = short.model.get_controls({**features, "loudness_db": given})
    np.testing.assert_allclose(
        controls["amps"], reference["out/amps"][:, :100], atol=1e-5
    )


def exact_harmonics(outputs):
    controls = {
        k: tf.cast(v, tf.float64) for k, v in outputs["harmonic"]["controls"].items()
    }
    amplitudes = controls["amplitudes"] * controls["harmonic_distribution"]
    return truth.harmonic(controls["f0_hz"], amplitudes, HOP_SIZE, RATE).numpy()


def spectrogram(audio):
    return np.abs(tf.signal.stft(tf.constant(audio, tf.float32), 512, 128))
