"""Layer normalisation and leaky ReLU in one against Keras's two, and float64."""

import numpy as np
import tensorflow as tf

from ddsp_core.nn.fused import normalized_leaky_relu
from ddsp_core.nn.stacks import Fc

RNG = np.random.default_rng(0)


def in_float64(x, gamma, beta, epsilon):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    y = (x - mean) / tf.sqrt(variance + epsilon) * gamma + beta
    return tf.where(y > 0, y, y * tf.constant(0.2, y.dtype))


def gradients(fn, cotangent, *x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = fn(*x)
        total = tf.reduce_sum(y * cotangent)
    return y, tape.gradient(total, x)


def test_values_and_gradients_are_those_of_float64():
    drawn = [RNG.normal(size=s) for s in ((2, 30, 17), (17,), (17,), (2, 30, 17))]
    x, gamma, beta, cotangent = (tf.constant(v, tf.float32) for v in drawn)
    epsilon = tf.constant(1e-3)
    fused = tf.function(
        lambda *x: gradients(lambda *x: normalized_leaky_relu(*x, epsilon), *x),
        autograph=False,
    )
    y, found = fused(cotangent, x, gamma, beta)
    exact = [tf.constant(np.float64(v)) for v in (cotangent, x, gamma, beta)]
    truth, expected = gradients(lambda *x: in_float64(*x, 1e-3), *exact)
    np.testing.assert_allclose(y, truth, atol=1e-5)
    for ours, true in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, true, rtol=1e-4, atol=1e-4)


def test_a_traced_layer_is_the_eager_one_with_its_gradients():
    layer = Fc(24)
    x = tf.constant(RNG.normal(size=[2, 10, 8]), tf.float32)
    layer(x)
    for variable in layer.variables:
        variable.assign(RNG.normal(size=variable.shape))

    def run():
        with tf.GradientTape() as tape:
            y = layer(x)
            total = tf.reduce_sum(y**2)
        return y, tape.gradient(total, layer.trainable_variables)

    for fast, plain in zip(
        tf.nest.flatten(tf.function(run)()), tf.nest.flatten(run()), strict=True
    ):
        np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-4)


def test_another_nonlinearity_is_keras_own():
    layer = Fc(4, nonlinearity="relu")
    x = tf.constant(RNG.normal(size=[1, 3, 8]), tf.float32)
    assert np.min(tf.function(layer)(x)) == 0.0 == np.min(layer(x))
