"""Wrong shapes are refused by a typed error that names the argument."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import core, effects, processors, spectral_ops, synths
from ddsp_core.errors import DdspError, DtypeError, ShapeError, UsageError


def x(*shape):
    return np.full(shape, 0.5, np.float32)


def frames(n=1):
    return x(2, 10, n)


WRONG_SHAPES = {
    "resample, no axis": (lambda: core.resample(x(), 100), "inputs"),
    "resample, five axes": (lambda: core.resample(x(1, 9, 1, 1, 1), 90), "inputs"),
    "resample to nothing": (lambda: core.resample(frames(), 0), "n_timesteps"),
    "softmax, two axes": (lambda: core.frequencies_softmax(x(2, 5)), "freqs"),
    "sigmoid, odd depth": (
        lambda: core.frequencies_sigmoid(frames(5), depth=2),
        r"freqs has shape \[2, 10, 5\].*depth, 2",
    ),
    "bands, no depth": (
        lambda: core.frequencies_critical_bands(frames(5), depth=0),
        "depth",
    ),
    "to harmonic, f0 without a channel": (
        lambda: core.sinusoidal_to_harmonic(frames(3), frames(3), x(2, 10)),
        "f0_hz",
    ),
    "to harmonic, other sinusoids": (
        lambda: core.sinusoidal_to_harmonic(frames(3), frames(4), frames()),
        "sin_freqs",
    ),
    "to sinusoidal, amplitude per harmonic": (
        lambda: core.harmonic_to_sinusoidal(frames(3), frames(3), frames()),
        "harm_amp",
    ),
    "oscillators, one axis too few": (
        lambda: core.oscillator_bank(x(2, 100), x(2, 100)),
        "frequency_envelopes",
    ),
    "oscillators, other length": (
        lambda: core.oscillator_bank(x(2, 100, 3), x(2, 90, 3)),
        "amplitude_envelopes",
    ),
    "harmonics, f0 with channels": (
        lambda: core.harmonic_synthesis(frames(2), frames(), n_samples=100),
        r"frequencies has shape \[2, 10, 2\]; needed \[batch, n_frames, 1\]",
    ),
    "harmonics, other frames": (
        lambda: core.harmonic_synthesis(
            frames(), frames(), harmonic_distribution=x(2, 9, 4), n_samples=100
        ),
        "harmonic_distribution",
    ),
    "harmonics, frames that do not divide": (
        lambda: core.harmonic_synthesis(frames(), frames(), n_samples=101),
        "101 samples",
    ),
    "bank, frequency of each": (
        lambda: core.harmonic_oscillator_bank(x(2, 100, 3), x(2, 100, 3)),
        "frequency",
    ),
    "stream, phase without channel": (
        lambda: core.streaming_harmonic_synthesis(
            frames(), frames(), initial_phase=x(2, 1), n_samples=100
        ),
        "initial_phase",
    ),
    "lookup, phase with channels": (
        lambda: core.linear_lookup(x(2, 100, 3), x(2, 16)),
        "phase",
    ),
    "lookup, other batch": (
        lambda: core.linear_lookup(x(2, 100, 1), x(3, 16)),
        "wavetables",
    ),
    "table too short": (
        lambda: core.harmonic_distribution_to_wavetable(frames(20), 30),
        "need 40",
    ),
    "wavetable, four axes": (
        lambda: core.wavetable_synthesis(frames(), frames(), x(2, 10, 1, 16), 100),
        "wavetables",
    ),
    "delay, other length": (
        lambda: core.variable_length_delay(x(2, 90, 1), x(2, 100)),
        "audio",
    ),
    "delay of nothing": (
        lambda: core.variable_length_delay(x(2, 100, 1), x(2, 100), 0),
        "max_length",
    ),
    "convolution, audio with channel": (
        lambda: core.fft_convolve(x(2, 100, 1), x(2, 10)),
        "audio",
    ),
    "convolution, response without batch": (
        lambda: core.fft_convolve(x(2, 100), x(10)),
        "impulse_response",
    ),
    "Harmonic, amplitudes without channel": (
        lambda: synths.Harmonic(100)(x(2, 10), frames(4), frames()),
        "amplitudes",
    ),
    "FilteredNoise, one axis too few": (
        lambda: synths.FilteredNoise(100)(x(2, 10)),
        "magnitudes",
    ),
    "TensorToAudio, stereo": (
        lambda: synths.TensorToAudio()(x(2, 100, 2)),
        "samples",
    ),
    "Reverb, stereo response": (
        lambda: effects.Reverb()(x(2, 100), x(2, 10, 2)),
        "ir",
    ),
    "ExpDecayReverb, no decay": (
        lambda: effects.ExpDecayReverb()(x(2, 100), x(2, 1)),
        "`gain` and `decay`",
    ),
    "ExpDecayReverb, gain of frames": (
        lambda: effects.ExpDecayReverb()(x(2, 100), frames(), frames()),
        "gain",
    ),
    "FilteredNoiseReverb, no magnitudes": (
        lambda: effects.FilteredNoiseReverb()(x(2, 100)),
        "`magnitudes`",
    ),
    "ModDelay, gain of frames": (
        lambda: effects.ModDelay()(x(2, 100), x(2, 10, 2), x(2, 100, 1)),
        "gain",
    ),
    "Add, other length": (lambda: processors.Add()(x(2, 100), x(2, 90)), "signal_two"),
    "Crop, too short": (lambda: processors.Crop(400)(x(2, 100)), "cuts 400 samples"),
    "stft, four axes": (lambda: spectral_ops.stft(x(1, 2, 3, 4)), "audio"),
    "stft, no hop": (lambda: spectral_ops.stft(x(2, 4000), 512, 1.0), "hop_size"),
    "loudness, channels": (
        lambda: spectral_ops.compute_loudness(x(2, 4000, 1)),
        "audio",
    ),
    "power, too many frames": (
        lambda: spectral_ops.compute_power(x(2, 400), 16000, 32000),
        "hop_size",
    ),
    "f0, a batch": (lambda: spectral_ops.compute_f0(x(2, 4000), 250), "audio"),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_a_wrong_shape_is_refused_by_name(name):
    call, named = WRONG_SHAPES[name]
    with pytest.raises(ShapeError, match=named) as caught:
        call()
    assert isinstance(caught.value, ValueError)


def test_an_unknown_scale_is_refused():
    with pytest.raises(UsageError, match="'bark' or 'mel'"):
        core.frequencies_critical_bands(frames(5), scale="erb")


@pytest.mark.parametrize("value", ["text", ["a", "b"], object()])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(DtypeError):
        core.resample(value, 10)
    with pytest.raises(DtypeError, match="string"):
        core.resample(tf.constant(["a"]), 10)


@pytest.mark.parametrize("autograph", [True, False])
def test_inside_a_tf_function_the_error_keeps_its_type(autograph):
    @tf.function(autograph=autograph)
    def call(f0_hz):
        return core.oscillator_bank(f0_hz, f0_hz)

    with pytest.raises(DdspError, match="frequency_envelopes"):
        call(tf.ones([2, 100]))


def test_what_the_reference_accepts_is_accepted():
    table = tf.ones([2, 100, 16])
    assert core.linear_lookup(x(2, 1, 1), table).shape == [2, 100]
    assert core.linear_lookup(x(2, 100), x(1, 16)).shape == [2, 100]
    assert core.fft_convolve(x(2, 100), x(1, 500)).shape == [2, 100]
    silent = core.harmonic_synthesis(0 * frames(), frames(), n_samples=100)
    np.testing.assert_array_equal(silent, 0)
    assert effects.ModDelay()(x(2, 900), x(2, 900, 1), x(2, 900, 1)).shape == [2, 900]
