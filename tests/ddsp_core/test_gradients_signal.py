"""Gradients of every synthesizer and effect, of all inputs and weights.

Against float64 autodiff of plain implementations; where the output is linear in an
input, against the difference that a step makes.
"""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import core, effects, processors, randomness, synths
from tests import signal_truth as truth
from tests.conformance.truths import TRUTHS

N_FRAMES, N_SAMPLES = 10, 800
RNG = np.random.default_rng(0)
NOISE = RNG.uniform(-1, 1, [2, N_SAMPLES])
MIN_SNR_DB = 80


def normal(*shape):
    return RNG.normal(size=shape)


def audio():
    return normal(2, N_SAMPLES)


def pitch():
    return RNG.uniform(200, 900, [2, N_FRAMES, 1])


def gradients(function, inputs, upstream, dtype):
    """Gradients of sum(output * upstream) for each input."""
    inputs = {k: tf.constant(v, dtype) for k, v in inputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(**inputs)
        result = result[0] if isinstance(result, tuple) else result
        total = tf.reduce_sum(result * tf.constant(upstream, dtype))
    return {k: np.asarray(g) for k, g in tape.gradient(total, inputs).items()}


OSCILLATORS = {
    "Harmonic": (
        synths.Harmonic,
        {"n_samples": N_SAMPLES},
        {
            "amplitudes": normal(2, N_FRAMES, 1),
            "harmonic_distribution": normal(2, N_FRAMES, 12),
            "f0_hz": pitch(),
        },
    ),
    "Sinusoidal": (
        synths.Sinusoidal,
        {"n_samples": N_SAMPLES},
        {
            "amplitudes": normal(2, N_FRAMES, 5),
            "frequencies": normal(2, N_FRAMES, 5),
        },
    ),
    "Wavetable": (
        synths.Wavetable,
        {"n_samples": N_SAMPLES},
        {
            "amplitudes": normal(2, N_FRAMES, 1),
            "wavetables": normal(2, N_FRAMES, 16),
            "f0_hz": pitch(),
        },
    ),
    "ModDelay": (
        effects.ModDelay,
        {"center_ms": 2.0, "depth_ms": 1.5},
        {
            "audio": audio(),
            "gain": normal(2, N_SAMPLES, 1),
            "phase": normal(2, N_SAMPLES, 1),
        },
    ),
    "variable_length_delay": (
        core.variable_length_delay,
        {"max_length": 20},
        {"phase": RNG.uniform(0, 1, [2, N_SAMPLES, 1]), "audio": audio()},
    ),
    "oscillator_bank": (
        core.oscillator_bank,
        {"sample_rate": 16000},
        {
            "frequency_envelopes": RNG.uniform(100, 7000, [2, N_SAMPLES, 3]),
            "amplitude_envelopes": normal(2, N_SAMPLES, 3),
        },
    ),
    "harmonic_synthesis": (
        core.harmonic_synthesis,
        {"n_samples": N_SAMPLES},
        {
            "frequencies": pitch(),
            "amplitudes": normal(2, N_FRAMES, 1),
            "harmonic_shifts": 0.01 * normal(2, N_FRAMES, 4),
            "harmonic_distribution": normal(2, N_FRAMES, 4),
        },
    ),
    "streaming_harmonic_synthesis": (
        core.streaming_harmonic_synthesis,
        {"n_samples": N_SAMPLES},
        {
            "frequencies": pitch(),
            "amplitudes": normal(2, N_FRAMES, 1),
            "harmonic_distribution": RNG.uniform(0.1, 1, [2, N_FRAMES, 4]),
            "initial_phase": normal(2, 1, 1),
        },
    ),
    "wavetable_synthesis": (
        core.wavetable_synthesis,
        {"n_samples": N_SAMPLES},
        {
            "frequencies": pitch(),
            "amplitudes": normal(2, N_FRAMES, 1),
            "wavetables": normal(2, 16),
        },
    ),
}


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("name", OSCILLATORS)
def test_of_oscillators_and_delays_are_those_of_float64(name, in_graph):
    target, options, inputs = OSCILLATORS[name]
    upstream = np.random.default_rng(1).normal(size=[2, N_SAMPLES])
    inputs = {k: np.asarray(v, np.float32) for k, v in inputs.items()}
    if isinstance(target, type):
        processor = target(**options)

        def ours(**x):
            return processor(*(x[k] for k in inputs))
    else:

        def ours(**x):
            return target(**x, **options)

    ours = tf.function(ours) if in_graph else ours
    got = gradients(ours, inputs, upstream, tf.float32)
    exact = gradients(
        lambda **x: TRUTHS[name](x, options, "__call__"), inputs, upstream, tf.float64
    )
    assert set(got) == set(inputs)
    for key, gradient in got.items():
        assert truth.snr_db(gradient, exact[key]) > MIN_SNR_DB, key


LINEAR = {
    "TensorToAudio": (synths.TensorToAudio(), {"samples": normal(2, 50, 1)}),
    "FilteredNoise": (
        synths.FilteredNoise(N_SAMPLES, window_size=33, scale_fn=None),
        {"magnitudes": normal(2, N_FRAMES, 9)},
    ),
    "Reverb": (effects.Reverb(), {"audio": audio(), "ir": normal(2, 100)}),
    "FilteredNoiseReverb": (
        effects.FilteredNoiseReverb(reverb_length=N_SAMPLES, scale_fn=None),
        {"audio": audio(), "magnitudes": normal(2, N_FRAMES, 9)},
    ),
    "FIRFilter": (
        effects.FIRFilter(window_size=33, scale_fn=None),
        {"audio": audio(), "magnitudes": normal(2, N_FRAMES, 9)},
    ),
    "Add": (
        processors.Add(),
        {"signal_one": audio(), "signal_two": audio()},
    ),
    "Crop": (processors.Crop(80, "center"), {"audio": audio()}),
}


def draw(shape, *_):
    return tf.constant(NOISE[: int(shape[0]), : int(shape[1])], tf.float32)


@pytest.mark.parametrize("name", LINEAR)
def test_of_what_is_linear_are_the_difference_of_a_step(name):
    processor, inputs = LINEAR[name]
    inputs = {k: np.asarray(v, np.float32) for k, v in inputs.items()}
    with randomness.replace_uniform(draw):
        upstream = np.random.default_rng(1).normal(
            size=processor(*inputs.values()).shape
        )
        got = gradients(
            lambda **x: processor(*x.values()), inputs, upstream, tf.float32
        )
        for key, value in inputs.items():
            step = np.random.default_rng(2).normal(size=value.shape).astype(np.float32)
            ends = [
                processor(*{**inputs, key: value + sign * step}.values()).numpy()
                for sign in (1, -1)
            ]
            difference = np.sum((ends[0].astype(np.float64) - ends[1]) * upstream) / 2
            scale = np.linalg.norm(got[key]) * np.linalg.norm(step)
            assert abs(np.sum(got[key] * step) - difference) < 1e-5 * scale, key


@pytest.mark.parametrize("name", ["FilteredNoise", "FIRFilter", "FilteredNoiseReverb"])
def test_the_scaling_of_magnitudes_is_in_their_gradient(name):
    plain, inputs = LINEAR[name]
    options = {"reverb_length": N_SAMPLES} if name == "FilteredNoiseReverb" else {}
    options |= {"n_samples": N_SAMPLES} if name == "FilteredNoise" else {}
    options |= {} if name == "FilteredNoiseReverb" else {"window_size": 33}
    scaled = type(plain)(**options)
    bias = {"FilteredNoise": -5.0, "FilteredNoiseReverb": -3.0}.get(name, 0.0)
    inputs = {k: np.asarray(v, np.float32) for k, v in inputs.items()}
    raw = inputs["magnitudes"] + bias
    upstream = np.random.default_rng(1).normal(size=[2, N_SAMPLES])
    with tf.GradientTape() as tape:
        x = tf.constant(raw, tf.float64)
        tape.watch(x)
        levels = truth.exp_sigmoid(x)
    slope = tape.gradient(levels, x).numpy()
    # The plain ones add the bias, too.
    unscaled = {**inputs, "magnitudes": levels.numpy().astype(np.float32)}
    with randomness.replace_uniform(draw):
        got = gradients(lambda **x: scaled(*x.values()), inputs, upstream, tf.float32)
        outer = gradients(
            lambda **x: plain(*x.values()), unscaled, upstream, tf.float32
        )
    expected = outer["magnitudes"] * slope
    assert truth.snr_db(got["magnitudes"], expected) > MIN_SNR_DB


def convolved(signal, ir):
    """The first samples of a convolution in float64."""
    n_fft = signal.shape[1] + ir.shape[1]
    spectrum = tf.signal.rfft(signal, [n_fft]) * tf.signal.rfft(ir, [n_fft])
    return tf.signal.irfft(spectrum, [n_fft])[:, : signal.shape[1]]


def exp_decay(audio, gain, decay):
    time = np.linspace(0, 1, 200)
    noise = np.asarray(NOISE[:1, :200], np.float32).astype(np.float64)
    ir = truth.exp_sigmoid(gain) * tf.exp(-(2 + tf.exp(decay)) * time) * noise
    dry = tf.ones([ir.shape[0], 1], tf.float64)
    return convolved(audio, tf.concat([dry, ir[:, 1:]], 1))


def test_of_the_decaying_reverb_are_those_of_float64():
    inputs = {"audio": audio(), "gain": normal(2, 1), "decay": normal(2, 1)}
    upstream = audio()
    reverb = effects.ExpDecayReverb(reverb_length=200)
    with randomness.replace_uniform(draw):
        got = gradients(lambda **x: reverb(*x.values()), inputs, upstream, tf.float32)
    exact = gradients(exp_decay, inputs, upstream, tf.float64)
    for key, gradient in got.items():
        assert truth.snr_db(gradient, exact[key]) > MIN_SNR_DB, key


def weight_gradients(effect, signal, upstream):
    with randomness.replace_uniform(draw), tf.GradientTape() as tape:
        total = tf.reduce_sum(effect(signal) * tf.constant(upstream, tf.float32))
    return tape.gradient(total, effect.trainable_variables)


def test_of_the_decaying_reverbs_weights_are_those_of_float64():
    signal, upstream = audio(), audio()
    reverb = effects.ExpDecayReverb(trainable=True, reverb_length=200)
    d_gain, d_decay = weight_gradients(
        reverb, tf.constant(signal, tf.float32), upstream
    )
    inputs = {"gain": np.array([[2.0]]), "decay": np.array([[4.0]])}
    exact = gradients(
        lambda **x: exp_decay(tf.constant(signal), **x), inputs, upstream, tf.float64
    )
    np.testing.assert_allclose(d_gain, exact["gain"][0], rtol=1e-4)
    np.testing.assert_allclose(d_decay, exact["decay"][0], rtol=1e-4)


@pytest.mark.parametrize(
    "effect",
    [
        effects.Reverb(trainable=True, reverb_length=100),
        effects.FilteredNoiseReverb(
            trainable=True,
            reverb_length=N_SAMPLES,
            n_frames=N_FRAMES,
            n_filter_banks=9,
            scale_fn=None,
        ),
    ],
    ids=lambda effect: effect.name,
)
def test_of_learned_responses_are_the_difference_of_a_step(effect):
    signal, upstream = tf.constant(audio(), tf.float32), audio()
    with randomness.replace_uniform(draw):
        effect(signal)
        (variable,) = effect.trainable_variables
        value = RNG.normal(size=variable.shape).astype(np.float32)
        step = RNG.normal(size=variable.shape).astype(np.float32)
        variable.assign(value)
        (got,) = weight_gradients(effect, signal, upstream)
        ends = []
        for sign in (1, -1):
            variable.assign(value + sign * step)
            ends.append(effect(signal).numpy().astype(np.float64))
    difference = np.sum((ends[0] - ends[1]) * upstream) / 2
    scale = np.linalg.norm(got) * np.linalg.norm(step)
    assert abs(np.sum(got * step) - difference) < 1e-5 * scale


def test_of_the_crossfade_are_those_of_float64():
    inputs = {
        "signal_one": normal(2, N_SAMPLES, 1),
        "signal_two": normal(2, N_SAMPLES, 1),
        "level": normal(2, N_FRAMES, 1),
    }
    upstream = normal(2, N_SAMPLES, 1)
    mix = processors.Mix()

    def exact_mix(signal_one, signal_two, level):
        level = truth.resampled(tf.sigmoid(level), N_SAMPLES)
        return tf.sqrt(level) * signal_one + (1 - tf.sqrt(1 - level)) * signal_two

    got = gradients(lambda **x: mix(*x.values()), inputs, upstream, tf.float32)
    exact = gradients(exact_mix, inputs, upstream, tf.float64)
    for key, gradient in got.items():
        assert truth.snr_db(gradient, exact[key]) > MIN_SNR_DB, key
