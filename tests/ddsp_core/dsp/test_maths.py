import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dsp import maths
from ddsp_core.errors import ShapeError


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_differences_are_those_of_numpy(axis):
    x = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(
        maths.diff(tf.constant(x), axis), np.diff(x, axis=axis)
    )


def test_differences_along_no_axis_are_refused():
    with pytest.raises(ShapeError, match="axis 2"):
        maths.diff(tf.zeros([3, 3]), axis=2)


def test_logarithms_and_divisions_stay_finite_at_zero():
    zero = tf.constant([0.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(zero)
        y = maths.safe_log(zero) + maths.safe_divide(1.0, zero)
    assert np.isfinite(y).all() and np.isfinite(tape.gradient(y, zero)).all()


def test_padding_one_axis_leaves_the_others():
    got = maths.pad_axis(tf.ones([2, 3]), (1, 2), axis=-1, constant_values=7.0)
    expected = np.pad(np.ones([2, 3]), [(0, 0), (1, 2)], constant_values=7.0)
    np.testing.assert_array_equal(got, expected)


def test_reversed_gradient_is_reversed():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = maths.gradient_reversal(x)
    assert float(y) == 3.0 and float(tape.gradient(y, x)) == -1.0
