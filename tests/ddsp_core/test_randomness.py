import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.errors import ShapeError


def drawn(seed=1, step=2, rows=(0, 1, 2, 3), n_draws=1, length=100):
    """The draws of one step, [n_draws, batch, length]."""
    with randomness.keyed(seed, step, tf.constant(rows)):
        draws = [randomness.uniform([len(rows), length], -1, 1) for _ in range(n_draws)]
    return np.stack(draws)


def test_a_row_keeps_its_numbers_in_any_batch_and_on_any_replica():
    whole = drawn(n_draws=2)
    np.testing.assert_array_equal(drawn(rows=(2, 3), n_draws=2), whole[:, 2:])
    np.testing.assert_array_equal(drawn(rows=(3, 0), n_draws=2), whole[:, [3, 0]])


def test_seed_step_row_and_place_each_change_the_numbers():
    base = drawn(n_draws=2)
    for other in (drawn(seed=2), drawn(step=3), drawn(rows=(1, 2, 3, 4)), base[1:]):
        assert (base[0] != other[0]).mean() > 0.99
    assert len(np.unique(base)) > 0.99 * base.size


def test_numbers_are_uniform():
    x = drawn(length=50_000)
    assert x.min() >= -1 and x.max() < 1
    np.testing.assert_allclose(
        np.quantile(x, [0.25, 0.5, 0.75]), [-0.5, 0, 0.5], atol=0.01
    )
    np.testing.assert_allclose(x.mean((0, 2)), 0, atol=0.02)
    assert abs(np.corrcoef(x[0])[0, 1]) < 0.02


def test_a_graph_with_step_and_rows_as_tensors_draws_the_same():
    @tf.function(
        input_signature=[tf.TensorSpec([], tf.int64), tf.TensorSpec([None], tf.int32)]
    )
    def step(step, rows):
        with randomness.keyed(1, step, rows):
            return randomness.uniform([tf.shape(rows)[0], 100], -1, 1)

    for number in (2, 3):
        got = step(tf.constant(number, tf.int64), tf.range(4))
        np.testing.assert_array_equal(got, drawn(step=number)[0])


def test_outside_a_context_draws_differ_and_a_replaced_draw_is_used():
    draws = [randomness.uniform([2, 10]).numpy() for _ in range(2)]
    assert (draws[0] != draws[1]).all()
    with randomness.replace_uniform(lambda shape, *_: tf.ones(shape)):
        assert (randomness.uniform([2, 3]).numpy() == 1).all()
    assert (randomness.uniform([2, 3]).numpy() != 1).all()


def test_a_draw_of_another_batch_is_refused():
    with (
        randomness.keyed(1, 2, tf.range(4)),
        pytest.raises(ShapeError, match=r"\[1, 500\] in a batch of 4"),
    ):
        randomness.uniform([1, 500])


def test_a_compiled_function_draws_the_same_numbers():
    @tf.function(jit_compile=True)
    def compiled():
        with randomness.keyed(1, 2, tf.range(3)):
            return randomness.uniform([3, 50], -1.0, 1.0)

    np.testing.assert_array_equal(compiled(), drawn(rows=(0, 1, 2), length=50)[0])


def test_numbers_are_those_of_tensorflow():
    with randomness.keyed(1, 2, [3]):
        got = randomness.uniform([1, 50], -1.0, 2.0)
    key = (2 * randomness.MAX_DRAWS) * randomness.MAX_ROWS + 3
    expected = tf.random.stateless_uniform([50], [1, key], -1.0, 2.0, alg="philox")
    np.testing.assert_array_equal(got[0], expected)
