"""A loss and its gradients against a plain float64 implementation."""

import numpy as np
import pytest
import tensorflow as tf

RNG = np.random.default_rng(3)


def uniform(low, high, *shape):
    return RNG.uniform(low, high, shape).astype(np.float32)


AUDIO = {k: RNG.normal(0, 0.3, (2, 2048)).astype(np.float32) for k in ("x", "y")}
AMPS_A, AMPS_B = uniform(0.1, 1.0, 2, 4, 5), uniform(0.1, 1.0, 2, 4, 6)
FREQS_A, FREQS_B = uniform(80, 4000, 2, 4, 5), uniform(80, 4000, 2, 4, 6)


def midi64(hz):
    return 69.0 + 12.0 * tf.math.log(hz / 440.0) / np.log(2.0)


def gradients(function, inputs, dtype):
    """The value of a scalar function and its gradients by all inputs."""
    x = [tf.constant(v, dtype) for v in inputs]
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(*x)
        if isinstance(value, dict):
            value = sum(value.values())
    return float(value), [g.numpy() for g in tape.gradient(value, x)]


def assert_is(loss, truth, inputs, rel=1e-4):
    """Value and gradients are the truth's, eagerly and in a graph."""
    expected, expected_grads = gradients(truth, inputs, tf.float64)
    for function in (loss, tf.function(loss), tf.function(loss, autograph=False)):
        value, grads = gradients(function, inputs, tf.float32)
        assert value == pytest.approx(expected, rel=rel, abs=1e-6)
        for got, wanted in zip(grads, expected_grads, strict=True):
            assert np.isfinite(got).all()
            error = np.linalg.norm(got - wanted)
            assert error <= 10 * rel * np.linalg.norm(wanted)
