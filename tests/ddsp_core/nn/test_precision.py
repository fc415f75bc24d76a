"""bfloat16 products, by option."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import UsageError
from ddsp_core.nn.decoders import RnnFcDecoder
from ddsp_core.nn.precision import current_precision, network_precision, product

RNG = np.random.default_rng(0)
X = RNG.normal(size=[2, 20, 32]).astype(np.float32)


def gradients(decoder, precision):
    """Outputs and gradients of a decoder that was traced in a precision."""

    @tf.function(autograph=False)
    def run(x):
        with tf.GradientTape() as tape, network_precision(precision):
            outputs = decoder(x, x)
            total = tf.add_n([tf.reduce_sum(y**2) for y in outputs.values()])
        return outputs["amps"], tape.gradient(total, decoder.trainable_variables)

    graph = run.get_concrete_function(X).graph
    kinds = {
        op.inputs[0].dtype
        for g in [graph, *(f.graph for f in _functions(graph))]
        for op in g.get_operations()
        if op.type == "MatMul"
    }
    return run(X), kinds


def _functions(graph):
    return [f for f in graph._functions.values() if hasattr(f, "graph")]


def test_a_product_is_that_of_rounded_factors():
    x, kernel = RNG.normal(size=(3, 5, 64)), RNG.normal(size=(64, 16))
    exact = x @ kernel
    for precision, bound in (("float32", 1e-6), ("bfloat16", 1e-2)):
        got = product(
            tf.constant(x, tf.float32), tf.constant(kernel, tf.float32), precision
        )
        assert got.dtype == tf.float32
        error = np.linalg.norm(got - exact) / np.linalg.norm(exact)
        assert error < bound and (precision == "float32" or error > 1e-5)


def test_a_decoder_is_about_the_same_with_the_same_variables():
    decoder = RnnFcDecoder(16, ch=16, layers_per_stack=2, input_keys=("a", "b"))
    decoder(X, X)
    (exact, d_exact), kinds = gradients(decoder, "float32")
    assert tf.bfloat16 not in kinds
    (rough, d_rough), kinds = gradients(decoder, "bfloat16")
    assert tf.bfloat16 in kinds
    assert {v.dtype for v in decoder.variables} == {tf.float32}
    assert {g.dtype for g in d_rough} == {rough.dtype} == {tf.float32}
    assert np.linalg.norm(rough - exact) <= 0.02 * np.linalg.norm(exact)
    # Of so few units, some change sides of their kink.
    for true, got in zip(d_exact, d_rough, strict=True):
        assert np.linalg.norm(got - true) <= 0.2 * np.linalg.norm(true)


def test_it_ends_with_its_context_and_knows_its_names():
    with network_precision("bfloat16"):
        assert current_precision() == "bfloat16"
    assert current_precision() == "float32"
    with pytest.raises(UsageError, match="'float16'; needed 'float32' or 'bfloat16'"):
        with network_precision("float16"):
            pass
