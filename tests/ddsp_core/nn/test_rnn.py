import gc

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ConfigError, UsageError
from ddsp_core.nn.rnn import Rnn, StatelessRnn
from ddsp_core.nn.stacks import SingleGru


@pytest.mark.parametrize("rnn_type", ["gru", "lstm"])
@pytest.mark.parametrize("bidir", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_the_layer_gives_what_the_keras_layer_inside_gives(
    rnn_type, bidir, return_sequences
):
    x = tf.random.stateless_normal([2, 7, 3], [1, 2])
    layer = Rnn(4, rnn_type, return_sequences=return_sequences, bidir=bidir)
    y = layer(x)
    np.testing.assert_allclose(y, layer.rnn(x), atol=1e-6)
    steps = (2, 7) if return_sequences else (2,)
    assert y.shape == (*steps, 8 if bidir else 4)


def test_weights_are_at_the_paths_that_checkpoints_have():
    layer = Rnn(4, "gru")
    layer(tf.zeros([1, 2, 3]))
    cell = layer.rnn.cell
    shapes = [v.shape for v in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    assert shapes == [(3, 12), (4, 12), (2, 12)]
    assert len(layer.trainable_variables) == 3


def test_a_carried_state_gives_the_same_as_one_run():
    x = tf.random.stateless_normal([2, 8, 3], [1, 2])
    layer = StatelessRnn(4, "gru")
    whole, last = layer(x, tf.zeros([2, 4]))
    first, state = layer(x[:, :3], tf.zeros([2, 4]))
    second, end = layer(x[:, 3:], state)
    np.testing.assert_allclose(tf.concat([first, second], 1), whole, atol=1e-6)
    np.testing.assert_allclose(end, last, atol=1e-6)


def test_an_unknown_type_is_refused():
    with pytest.raises(ConfigError, match="'GRU'; it must be 'gru' or 'lstm'"):
        Rnn(4, "GRU")


def test_a_layer_that_is_gone_leaves_nothing_behind():
    x = tf.zeros([1, 2, 3])
    for _ in range(3):
        layer = Rnn(4, "gru")
        layer(x)
        del layer
        gc.collect()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rnn(4, "gru"),
        lambda: Rnn(4, "lstm", bidir=True),
        lambda: SingleGru(4),
        lambda: StatelessRnn(4, "gru"),
    ],
)
def test_inside_a_compiled_function_it_is_refused_at_once(make):
    layer, x = make(), tf.zeros([1, 2, 3])
    inputs = (x, tf.zeros([1, 4])) if isinstance(layer, StatelessRnn) else (x,)
    expected = layer(*inputs)
    nested = tf.function(layer)
    for call in (layer, nested):
        with pytest.raises(UsageError, match="on a CPU"):
            tf.function(call, jit_compile=True)(*inputs)
    for got, wanted in zip(nested(*inputs), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_what_is_before_and_after_it_may_be_compiled():
    layer, x = Rnn(4, "gru"), tf.ones([1, 2, 3])
    double = tf.function(lambda x: 2.0 * x, jit_compile=True)
    got = tf.function(lambda x: double(layer(double(x))))(x)
    np.testing.assert_allclose(got, 2.0 * layer(2.0 * x), atol=1e-6)
