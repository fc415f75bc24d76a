import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ShapeError
from ddsp_core.nn.dict_layer import DictLayer, OutputSplitsLayer, split_to_dict


class Difference(DictLayer):
    """Returns a tuple, named in Magenta's notation."""

    def call(self, x, y, scale=1.0) -> ["d", "twice"]:  # noqa: F821
        return (x - y) * scale, 2 * (x - y)


class Doubled(OutputSplitsLayer):
    def compute_output(self, x, y):
        return tf.concat([x, y], -1)


X, Y = np.float32([[3.0]]), np.float32([[1.0]])


@pytest.mark.parametrize(
    "inputs, kwargs",
    [
        (({"x": X, "y": Y},), {}),
        (({"x": X}, {"y": Y, "other": X}), {}),
        ((X, Y), {}),
        ((), {"x": X, "y": Y}),
        ((X, {"y": Y}), {}),
    ],
)
def test_inputs_come_from_dictionaries_positions_and_keywords(inputs, kwargs):
    outputs = Difference()(*inputs, **kwargs)
    assert {k: v.numpy().item() for k, v in outputs.items()} == {"d": 2, "twice": 4}


def test_optional_inputs_are_read_if_they_are_there():
    inputs = {"x": X, "y": Y, "scale": tf.constant(10.0)}
    assert Difference()(inputs)["d"].numpy().item() == 20


def test_keys_of_the_constructor_replace_the_argument_names():
    layer = Difference(
        input_keys=["a/x", "b", "scale"], output_keys=["first", "second"]
    )
    outputs = layer({"a": {"x": X}, "b": Y, "scale": tf.constant(1.0)})
    assert list(outputs) == ["first", "second"]
    assert layer.n_inputs == 3 and layer.default_input_keys == []


def test_a_missing_input_is_named():
    with pytest.raises(TypeError, match=r"got 2 inputs, needed \['x', 'y'\]"):
        Difference()({"x": X})


def test_as_many_outputs_as_keys_are_needed():
    with pytest.raises(ShapeError, match="returned 2 tensors"):
        Difference(output_keys=["d"])({"x": X, "y": Y})


def test_the_inputs_are_left_as_they_were():
    inputs = {"x": X, "y": Y}
    Difference()(inputs)
    assert list(inputs) == ["x", "y"]


def test_output_splits_are_slices_of_one_dense_layer():
    layer = Doubled(output_splits=(("a", 1), ("b", 3)))
    x, y = tf.random.normal([2, 5, 2]), tf.random.normal([2, 5, 3])
    outputs = layer({"x": x, "y": y})
    kernel, bias = (v.numpy() for v in layer.dense_out.variables)
    expected = np.concatenate([x, y], -1) @ kernel + bias
    np.testing.assert_allclose(outputs["a"], expected[..., :1], atol=1e-6)
    np.testing.assert_allclose(outputs["b"], expected[..., 1:], atol=1e-6)
    assert layer.input_keys == ["x", "y"]


def test_split_parts_concatenate_to_the_whole():
    whole = tf.random.normal([2, 3, 6])
    parts = split_to_dict(whole, (("a", 1), ("b", 5)))
    np.testing.assert_array_equal(tf.concat(list(parts.values()), -1), whole)
