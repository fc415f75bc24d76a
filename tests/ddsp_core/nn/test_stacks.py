import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ConfigError
from ddsp_core.nn.stacks import Fc, FcStack, get_nonlinearity


def layer_by_hand(x, kernel, bias, gamma, beta):
    """Dense, layer norm with Keras's epsilon, leaky ReLU of slope 0.2, in float64."""
    x = x.astype(np.float64) @ kernel + bias
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    x = x * gamma + beta
    return np.where(x > 0, x, 0.2 * x)


def test_fc_is_dense_then_norm_then_leaky_relu():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 3)).astype(np.float32)
    layer = Fc(4)
    layer(x)
    weights = [rng.standard_normal(w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    kernel, bias, gamma, beta = weights
    expected = layer_by_hand(x, kernel, bias, gamma, beta)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_a_stack_applies_its_layers_in_turn():
    x = tf.random.normal([2, 5, 3])
    stack = FcStack(4, layers=3)
    y = stack(x)
    for layer in stack.layers:
        x = layer(x)
    np.testing.assert_allclose(y, x, atol=1e-6)
    assert len(stack.layers) == 3


def test_a_stack_of_no_layers_is_the_identity():
    x = tf.random.normal([2, 5, 3])
    np.testing.assert_array_equal(FcStack(4, layers=0)(x), x)


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(ConfigError, match="'leaky_rely' is neither"):
        get_nonlinearity("leaky_rely")
