"""The GRU for CPUs against Keras's, and its gradient against float64."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.nn.gru import gru
from ddsp_core.nn.keras import layers

UNITS, N_FRAMES, N_EXAMPLES, N_CHANNELS = 16, 40, 3, 5


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(1)
    keras_layer = layers.GRU(UNITS, return_sequences=True)
    x = rng.standard_normal((N_EXAMPLES, N_FRAMES, N_CHANNELS)).astype(np.float32)
    keras_layer(x)
    weights = [0.4 * rng.standard_normal(v.shape) for v in keras_layer.get_weights()]
    keras_layer.set_weights(weights)
    cotangent = rng.standard_normal((N_EXAMPLES, N_FRAMES, UNITS))
    return keras_layer, x, weights, cotangent


def by_hand(x, kernel, recurrent_kernel, bias):
    """The equations, plainly, in the type of the inputs."""
    state = tf.zeros([x.shape[0], UNITS], x.dtype)
    states = []
    for frame in range(x.shape[1]):
        inputs = x[:, frame] @ kernel + bias[0]
        recurrent = state @ recurrent_kernel + bias[1]
        x_z, x_r, x_h = tf.split(inputs, 3, -1)
        u_z, u_r, u_h = tf.split(recurrent, 3, -1)
        z, r = tf.sigmoid(x_z + u_z), tf.sigmoid(x_r + u_r)
        state = z * state + (1 - z) * tf.tanh(x_h + r * u_h)
        states.append(state)
    return tf.stack(states, 1)


def gradients(function, case, dtype):
    _, x, weights, cotangent = case
    arguments = [tf.constant(a, dtype) for a in (x, *weights)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        total = tf.reduce_sum(function(*arguments) * tf.cast(cotangent, dtype))
    return tape.gradient(total, arguments)


def test_states_are_those_of_keras(case):
    keras_layer, x, weights, _ = case
    got = gru(x, *(tf.constant(w, tf.float32) for w in weights))
    np.testing.assert_allclose(got, keras_layer(x), atol=1e-5)


def test_states_follow_the_equations(case):
    _, x, weights, _ = case
    got = gru(x, *(tf.constant(w, tf.float32) for w in weights))
    expected = by_hand(*(tf.constant(a, tf.float64) for a in (x, *weights)))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_gradients_are_those_of_float64(case):
    exact = gradients(by_hand, case, tf.float64)
    for got, needed in zip(gradients(gru, case, tf.float32), exact, strict=True):
        error = np.linalg.norm(got.numpy() - needed) / np.linalg.norm(needed)
        assert error < 1e-6


def test_gradients_are_those_of_keras(case):
    keras_layer, x, _, cotangent = case
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(keras_layer(x) * cotangent.astype(np.float32))
    keras_gradients = tape.gradient(total, keras_layer.trainable_variables)
    ours = gradients(gru, case, tf.float32)[1:]
    for got, needed in zip(ours, keras_gradients, strict=True):
        error = np.linalg.norm(got - needed) / np.linalg.norm(needed)
        assert error < 1e-5


def test_length_and_batch_may_be_unknown(case):
    _, x, weights, _ = case
    weights = [tf.constant(w, tf.float32) for w in weights]

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, N_CHANNELS])], autograph=False
    )
    def total_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(gru(x, *weights))
        return tape.gradient(total, x)

    whole = total_gradient(tf.constant(x))
    one = total_gradient(tf.constant(x[:1, :20]))
    assert whole.shape == x.shape and one.shape == (1, 20, N_CHANNELS)
