"""What holds for every layer, encoder and decoder."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import training
from ddsp_core.nn.keras import Layer, keras
from tests.ddsp_core.nn.zoo import ZOO, noise

# Bases, and what takes functions of its own: in tests/ddsp_core/nn/test_dict_layer.py.
BASES = {"DictLayer", "OutputSplitsLayer", "ZEncoder", "Dense"}


def tensors(outputs):
    return [tf.cast(x, tf.float32) for x in tf.nest.flatten(outputs)]


def test_the_zoo_is_complete():
    names = {name.split()[0] for name in ZOO}
    for module in (training.nn, training.encoders, training.decoders):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, Layer):
                assert name in names | BASES, name


@pytest.fixture(autouse=True)
def fixed_weights():
    """The same first weights whatever ran before: some draws leave a layer dead."""
    keras.utils.set_random_seed(0)


@pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)
def test_a_gradient_reaches_every_weight(entry):
    layer, inputs = entry.make(), entry.inputs(2)
    with tf.GradientTape() as tape:
        # Weighted: a sum alone is what a normalisation makes constant.
        parts = tensors(layer(*inputs))
        loss = sum(tf.reduce_mean(x * noise(*x.shape)) for x in parts)
    gradients = tape.gradient(loss, layer.trainable_variables)
    for gradient, variable in zip(gradients, layer.trainable_variables, strict=True):
        assert gradient is not None, variable.name
        values = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(values).all() and np.any(values != 0), variable.name


@pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)
def test_a_graph_gives_what_it_gives_eagerly(entry):
    layer, inputs = entry.make(), entry.inputs(2)
    expected = tensors(layer(*inputs))
    for autograph in (True, False):
        call = tf.function(layer, autograph=autograph)
        for got, value in zip(tensors(call(*inputs)), expected, strict=True):
            assert got.shape == value.shape
            np.testing.assert_allclose(got, value, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)
def test_an_example_alone_gives_what_it_gives_in_a_batch(entry):
    layer, inputs = entry.make(), entry.inputs(3)
    together = tensors(layer(*inputs))
    alone = tensors(layer(*tf.nest.map_structure(lambda x: x[1:2], inputs)))
    for one, many in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, many[1:2], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)
def test_a_seed_makes_the_weights(entry):
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        layer = entry.make()
        layer(*entry.inputs(1))
        runs.append([v.numpy() for v in layer.variables])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)
