"""The GRU for CPUs against Keras's, and its gradient against float64."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.nn import gru as kernels
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


def test_blocks_of_a_kernel_give_its_product(monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK_ELEMENTS", 100)
    rng = np.random.default_rng(0)
    kernel, x = rng.standard_normal((16, 48)), rng.standard_normal((3, 16))
    blocks = kernels._blocks(tf.constant(kernel))
    assert len(blocks) == 8 and all(b.shape == (16, 6) for b in blocks)
    np.testing.assert_allclose(kernels._product(tf.constant(x), blocks), x @ kernel)


def test_no_loop_over_time_is_compiled(case):
    """XLA makes such loops crawl or hang on CPUs."""
    _, x, weights, _ = case

    @tf.function(autograph=False)
    def total_gradient(*arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            total = tf.reduce_sum(gru(*arguments))
        return tape.gradient(total, arguments)

    tensors = [tf.constant(a, tf.float32) for a in (x, *weights)]
    graph = total_gradient.get_concrete_function(*tensors).graph.as_graph_def()
    loops, compiled = set(), set()
    for function in graph.library.function:
        kinds = {node.op for node in function.node_def}
        name = function.signature.name
        if kinds & {"While", "StatelessWhile"}:
            loops.add(name)
        if function.attr["_XlaMustCompile"].b:
            compiled.add(name)
    assert compiled and loops and not loops & compiled
