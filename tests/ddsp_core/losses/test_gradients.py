"""Every loss and its gradients against plain float64 implementations.

The truths below are written from the mathematics, with numpy or with TensorFlow's
float64 autodiff, and share nothing with the losses but small constants.
"""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from ddsp_core import losses
from tests.ddsp_core.losses.checks import (
    AMPS_A,
    AMPS_B,
    AUDIO,
    FREQS_A,
    FREQS_B,
    assert_is,
    gradients,
    midi64,
    uniform,
)


def distance64(loss_type):
    def distance(a, b, weights=1.0):
        if loss_type == "L1":
            return tf.reduce_mean(tf.abs((a - b) * weights))
        if loss_type == "L2":
            return tf.reduce_mean((a - b) ** 2 * weights)
        return tf.reduce_mean((1.0 - tf.reduce_sum(a * b, -1, keepdims=True)) * weights)

    return distance


def magnitudes64(audio, size):
    """Magnitudes of frames by a product with the Fourier matrix."""
    hop = size // 4
    frames = tf.signal.frame(audio, size, hop, pad_end=True)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    angle = -2j * np.pi * np.outer(np.arange(size), np.arange(size // 2 + 1)) / size
    spectrum = frames[..., None, :] * tf.constant(window)
    matrix = np.exp(angle)
    real = tf.squeeze(spectrum @ tf.constant(matrix.real), -2)
    imag = tf.squeeze(spectrum @ tf.constant(matrix.imag), -2)
    return tf.sqrt(real**2 + imag**2 + 1e-300)


TERMS = {
    "mag": lambda m: m,
    "delta_time": lambda m: m[:, 1:] - m[:, :-1],
    "delta_freq": lambda m: m[:, :, 1:] - m[:, :, :-1],
    "cumsum_freq": lambda m: tf.cumsum(m, 2),
    "logmag": tf.math.log,
}


@pytest.mark.parametrize("loss_type", ["L1", "L2", "COSINE"])
@pytest.mark.parametrize("term", TERMS)
def test_spectral_loss(term, loss_type):
    sizes, weights = (256, 64), {"mag_weight": 0.0, f"{term}_weight": 0.7}
    loss = losses.SpectralLoss(sizes, loss_type, **weights)
    distance = distance64(loss_type)

    def truth(x, y):
        views = [[TERMS[term](magnitudes64(a, s)) for a in (x, y)] for s in sizes]
        return 0.7 * sum(distance(a, b) for a, b in views)

    assert_is(loss, truth, [AUDIO["x"], AUDIO["y"]], rel=5e-4)


def test_spectral_loss_with_a_floor():
    loss = losses.SpectralLoss(
        (256, 64), mag_weight=0.0, logmag_weight=1.0, logmag_floor=1.0
    )

    def truth(x, y):
        total = 0.0
        for size in (256, 64):
            a, b = (tf.math.log(tf.maximum(magnitudes64(v, size), 1.0)) for v in (x, y))
            total += tf.reduce_mean(tf.abs(a - b))
        return total

    assert_is(loss, truth, [AUDIO["x"], AUDIO["y"]], rel=5e-4)


def test_spectral_loss_of_loudness():
    """By central differences of itself in the direction of the gradient."""
    loss = losses.SpectralLoss(mag_weight=0.0, loudness_weight=1.0)
    assert_slope(lambda y: loss(AUDIO["x"], y), AUDIO["y"], step=1e-2)


def assert_slope(function, x, step, rel=0.02):
    """The gradient's norm is the rise of the function along it."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    gradient = tape.gradient(value, x)
    norm = tf.norm(gradient)
    direction = gradient / norm
    rise = function(x + step * direction) - function(x - step * direction)
    assert float(norm) > 0
    assert float(rise) / (2 * step) == pytest.approx(float(norm), rel=rel)


@pytest.mark.parametrize("loss_type", ["L1", "L2", "COSINE"])
@pytest.mark.parametrize("weights", [None, uniform(0, 1, 2, 4, 1)])
def test_param_loss_and_amp_loss(loss_type, weights):
    distance = distance64(loss_type)
    scale = 1.0 if weights is None else weights.astype(np.float64)
    inputs = [uniform(0, 1, 2, 4, 5), uniform(0, 1, 2, 4, 5)]
    param = losses.ParamLoss(3.0, loss_type)
    assert_is(
        lambda a, b: param(a, b, weights),
        lambda a, b: 3.0 * distance(a, b, scale),
        inputs,
    )
    inputs[0][0, 0, 0] = 1e-7  # below amin

    def log64(a):
        return tf.math.log(tf.maximum(a, 1e-3)) / np.log(10.0)

    assert_is(
        lambda a, b: losses.amp_loss(a, b, loss_type, weights, log=True, amin=1e-3),
        lambda a, b: distance(log64(a), log64(b), scale),
        inputs,
    )


@pytest.mark.parametrize("loss_type", ["L1", "L2"])
def test_freq_loss(loss_type):
    distance = distance64(loss_type)
    assert_is(
        lambda a, b: losses.freq_loss(a, b, loss_type),
        lambda a, b: distance(midi64(a), midi64(b)),
        [FREQS_A, FREQS_A * uniform(0.9, 1.1, 2, 4, 5)],
    )


def test_filtered_noise_consistency():
    assert_is(
        losses.FilteredNoiseConsistencyLoss(weight=0.3),
        lambda a, b: 0.3 * tf.reduce_mean(tf.abs(a - b)),
        [uniform(0, 1, 2, 4, 9), uniform(0, 1, 2, 4, 9)],
    )


def test_harmonic_consistency():
    amp, dist = uniform(0, 1, 2, 4, 1), uniform(0, 1, 2, 4, 9)
    target = uniform(0, 1, 2, 4, 1)
    inputs = [amp, target, dist, uniform(0, 1, 2, 4, 9)]
    inputs += [uniform(100, 500, 2, 4, 1), uniform(100, 500, 2, 4, 1)]
    loss = losses.HarmonicConsistencyLoss(0.5, 2.0, 0.1, amp_threshold=0.5)
    sounds = (target >= 0.5).astype(np.float64)
    assert 0 < sounds.mean() < 1

    def truth(amp, amp_target, dist, dist_target, f0, f0_target):
        return (
            0.5 * tf.reduce_mean(tf.abs(amp - amp_target))
            + 2.0 * tf.reduce_mean(tf.abs(dist - dist_target) * sounds)
            + 0.1 * tf.reduce_mean(tf.abs(midi64(f0) - midi64(f0_target)) * sounds)
        )

    assert_is(loss, truth, inputs)
    assert loss.get_losses_dict(*inputs).keys() == loss(*inputs).keys()


def wasserstein64(a, b, weights_a, weights_b, p=1.0):
    """One integral over each gap between neighbouring points, by comparing all."""
    points = tf.sort(tf.concat([a, b], -1), -1)
    left = points[..., :-1, None]

    def mass(values, weights):
        below = tf.cast(values[..., None, :] <= left, tf.float64)
        return tf.reduce_sum(below * weights[..., None, :], -1)

    gaps = points[..., 1:] - points[..., :-1]
    height = tf.abs(mass(a, weights_a) - mass(b, weights_b))
    return tf.reduce_sum(gaps * height**p, -1) ** (1.0 / p)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_wasserstein_distance(p):
    assert_is(
        lambda *x: tf.reduce_sum(losses.wasserstein_distance(*x, p=p)),
        lambda *x: tf.reduce_sum(wasserstein64(*x, p=p)),
        [FREQS_A, FREQS_B, AMPS_A, AMPS_B],
        rel=1e-3,
    )


def test_wasserstein_distance_is_scipys_for_weights_of_sum_one():
    u, v = AMPS_A / AMPS_A.sum(-1, keepdims=True), AMPS_B / AMPS_B.sum(-1)[..., None]
    got = losses.wasserstein_distance(FREQS_A, FREQS_B, u, v)
    plain = losses.wasserstein_distance(FREQS_A, FREQS_B, None, None)
    for index in np.ndindex(2, 4):
        a, b = FREQS_A[index], FREQS_B[index]
        expected = stats.wasserstein_distance(a, b, u[index], v[index])
        assert float(got[index]) == pytest.approx(expected, rel=1e-4)
        expected = stats.wasserstein_distance(a, b)
        assert float(plain[index]) == pytest.approx(expected, rel=1e-4)


def test_wasserstein_distance_of_equal_sets_is_zero_with_a_finite_gradient():
    for p in (1.0, 2.0):
        value, grads = gradients(
            lambda *x, p=p: tf.reduce_sum(losses.wasserstein_distance(*x, p=p)),
            [FREQS_A, FREQS_A, AMPS_A, AMPS_A],
            tf.float32,
        )
        assert value == 0.0
        assert all(np.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("midi", [True, False])
def test_wasserstein_consistency(midi):
    scale = midi64 if midi else tf.identity

    def truth(amps_a, freqs_a, amps_b, freqs_b):
        distance = wasserstein64(scale(freqs_a), scale(freqs_b), amps_a, amps_b)
        return 0.2 * tf.reduce_mean(distance)

    loss = losses.WassersteinConsistencyLoss(weight=0.2, midi=midi)
    assert_is(loss, truth, [AMPS_A, FREQS_A, AMPS_B, FREQS_B], rel=1e-3)


def log_density64(x, loc, scale, weights):
    """Of a mixture, by logarithms of sums: `x` [..., n], `loc` [..., m]."""
    z = (x[..., None] - loc[..., None, :]) / scale
    each = -0.5 * z**2 - np.log(scale * np.sqrt(2 * np.pi))
    share = weights / tf.reduce_sum(weights, -1, keepdims=True)
    return tf.reduce_logsumexp(each + tf.math.log(share)[..., None, :], -1)


def test_kde_consistency():
    def truth(amps_a, freqs_a, amps_b, freqs_b):
        a, b = midi64(freqs_a), midi64(freqs_b)

        def nll(amps, x, target_amps, target, scale):
            each = -log_density64(x, target, scale, target_amps)
            share = amps / tf.reduce_sum(amps, -1, keepdims=True)
            return tf.reduce_mean(each * share)

        means = tf.reduce_mean(amps_a, -1) - tf.reduce_mean(amps_b, -1)
        return (
            0.7 * nll(amps_a, a, amps_b, b, 0.4)
            + 0.3 * nll(amps_b, b, amps_a, a, 0.3)
            + 2.0 * tf.reduce_mean(tf.abs(means))
        )

    loss = losses.KDEConsistencyLoss(0.7, 0.3, 2.0, scale_a=0.3, scale_b=0.4)
    assert_is(loss, truth, [AMPS_A, FREQS_A, AMPS_B, FREQS_B], rel=2e-3)


def test_two_way_mismatch():
    candidates = uniform(100, 1000, 2, 4, 3)
    n_points, n_gaussians, rate = 6, 20, 8000
    loss = losses.TWMLoss(0.7, 0.2, 0.5, 0.4, n_points, n_gaussians, 2.0, rate)

    def truth(f0, freqs, amps):
        ratio = freqs[:, :, None, :] / f0[..., None]
        numbers = tf.range(1, n_gaussians + 1, dtype=tf.float64)
        nll = -log_density64(ratio, numbers, 0.4, tf.ones_like(numbers))
        share = amps / tf.reduce_sum(amps, -1, keepdims=True)
        sinusoids = tf.reduce_sum(nll * share[:, :, None], -1)
        harmonics = f0[..., None] * np.arange(1, n_points + 1.0)
        loc, weights = midi64(freqs)[:, :, None], amps[:, :, None]
        nll = -log_density64(midi64(harmonics), loc, 0.5, weights)
        nll *= np.linspace(1.0, 1.0 / n_points, n_points)
        below = tf.cast(harmonics < rate / 2, tf.float64)
        mismatch = tf.reduce_sum(nll * below, -1) / tf.reduce_sum(below, -1)
        total = 0.7 * sinusoids + 0.2 * mismatch
        return tf.reduce_mean(total * tf.nn.softmax(-total / 2.0))

    assert_is(loss, truth, [candidates, FREQS_A, AMPS_A], rel=2e-3)


def test_two_way_mismatch_finds_the_fundamental():
    harmonics = 220.0 * np.arange(1, 11, dtype=np.float32)[None, None]
    candidates = np.float32([[[110.0, 220.0, 440.0, 300.0]]])
    amps = 1.0 / np.arange(1, 11, dtype=np.float32)[None, None]
    f0 = losses.TWMLoss().predict_f0(candidates, harmonics, amps)
    assert f0.tolist() == [[[220.0]]]


@pytest.mark.parametrize("layer", ["conv1-BN", "conv5-maxpool", "classifier"])
def test_crepe_embedding(layer):
    loss = losses.PretrainedCREPEEmbeddingLoss(
        0.1, "L2", model_capacity="tiny", activation_layer=layer
    )
    assert loss.trainable_variables == []
    assert_slope(lambda y: loss(AUDIO["x"], y), AUDIO["y"], step=1e-2)
    assert_slope(lambda x: loss(x, AUDIO["y"]), AUDIO["x"], step=1e-2)
    assert float(loss(AUDIO["x"], AUDIO["x"])) == 0.0


def test_crepe_embedding_of_silence_has_a_finite_gradient():
    loss = losses.PretrainedCREPEEmbeddingLoss(activation_layer="conv2-maxpool")
    value, grads = gradients(loss, [AUDIO["x"], np.zeros((2, 2048))], tf.float32)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)


def test_an_embedding_may_be_any_function():
    loss = losses.EmbeddingLoss(2.0, "L2", lambda x: x[:, :, None] ** 2)
    assert_is(
        loss,
        lambda x, y: 2.0 * tf.reduce_mean((x**2 - y**2) ** 2),
        [AUDIO["x"], AUDIO["y"]],
    )
