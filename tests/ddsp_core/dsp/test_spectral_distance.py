"""The fused distance against the plain definition, in float64."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dsp.compiled import plain_kernels
from ddsp_core.dsp.spectral_distance import Terms, can_fuse, magnitude_distance
from ddsp_core.losses import spectral_loss

SIZES = (256, 64)
TERMS = [Terms(1.0, 0.0, None), Terms(1.0, 1.0, None), Terms(0.5, 2.0, 1e-2)]


def two_signals(n_batch=2, n_samples=1000, seed=0):
    rng = np.random.default_rng(seed)
    draw = rng.normal(size=(2, n_batch, n_samples)).astype(np.float32)
    return tf.constant(draw[0]), tf.constant(0.5 * draw[1])


def in_float64(target, audio, sizes, terms):
    """The definition, plainly; frames begin at every quarter of their length."""
    total = tf.constant(0.0, tf.float64)
    for size in sizes:
        mags = []
        for x in (target, audio):
            n_frames = -(-x.shape[1] // (size // 4))
            padded = tf.pad(x, [[0, 0], [0, size]])
            starts = np.arange(n_frames)[:, None] * (size // 4) + np.arange(size)
            window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
            mags.append(
                tf.abs(tf.signal.rfft(tf.gather(padded, starts, axis=1) * window))
            )
        total += terms.mag_weight * tf.reduce_mean(tf.abs(mags[0] - mags[1]))
        if terms.logmag_weight:
            floor = terms.floor or 0.0
            logs = [
                tf.math.log(tf.maximum(m, tf.cast(floor, tf.float64))) for m in mags
            ]
            total += terms.logmag_weight * tf.reduce_mean(tf.abs(logs[0] - logs[1]))
    return total


def gradients(fn, *x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = fn(*x)
    return loss, tape.gradient(loss, x)


def fused_gradients(terms, *x):
    """In a traced function: eagerly nothing is fused."""

    def distance(target, audio):
        return magnitude_distance(target, audio, SIZES, terms)

    traced = tf.function(lambda *x: gradients(distance, *x), autograph=False)
    loss, found = traced(*x)
    return loss, [np.asarray(g) for g in found]


@pytest.mark.parametrize("terms", TERMS, ids=str)
def test_value_and_gradients_are_those_of_float64(terms):
    x = two_signals()
    loss, got = fused_gradients(terms, *x)
    exact = [tf.cast(v, tf.float64) for v in x]
    expected, truth = gradients(lambda *x: in_float64(*x, SIZES, terms), *exact)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for ours, true in zip(got, truth, strict=True):
        assert np.linalg.norm(ours - true.numpy()) < 1e-3 * np.linalg.norm(true)


def test_silence_has_the_loss_of_the_plain_definition_and_no_gradient():
    target, _ = two_signals()
    silence = tf.zeros_like(target)

    def loss(audio):
        return spectral_loss(target, audio, fft_sizes=SIZES, logmag_weight=1.0)

    fused, (gradient,) = tf.function(lambda x: gradients(loss, x), autograph=False)(
        silence
    )
    np.testing.assert_allclose(fused, loss(silence), rtol=1e-5)
    assert not np.any(gradient)


def test_a_whisper_has_a_finite_gradient():
    target, audio = two_signals()
    for gain in (1e-15, 1e-25):
        _, (_, gradient) = fused_gradients(Terms(1.0, 1.0, None), target, gain * audio)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("floor", [None, 1e-3])
def test_the_loss_is_the_same_whichever_way_it_is_computed(floor):
    x = two_signals(1, 4000)

    def loss(target, audio):
        return spectral_loss(target, audio, logmag_weight=1.0, logmag_floor=floor)

    fused = tf.function(loss)(*x)
    with plain_kernels():
        plain = tf.function(loss)(*x)
    np.testing.assert_allclose(fused, plain, rtol=1e-6)
    np.testing.assert_allclose(fused, loss(*x), rtol=1e-6)


def test_what_it_cannot_fuse_it_says():
    seen = []

    @tf.function
    def look(a, b):
        seen.append(can_fuse(a, b, [64]))
        seen.append(can_fuse(a, b, [100]))
        seen.append(can_fuse(a[..., None], b[..., None], [64]))
        return a

    x = two_signals()
    look(*x)
    assert seen == [True, False, False]
    assert not can_fuse(*x, [64])  # eagerly
