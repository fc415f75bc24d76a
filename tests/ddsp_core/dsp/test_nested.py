import pytest
import tensorflow as tf

from ddsp_core.dsp.nested import (
    copy_if_tf_function,
    make_iterable,
    nested_lookup,
    to_dict,
)
from ddsp_core.errors import ConfigError


def test_a_missing_key_says_which_keys_there_are():
    with pytest.raises(KeyError, match="a, b/c") as caught:
        nested_lookup("b/d", {"a": 1, "b": {"c": 2}})
    assert isinstance(caught.value, ConfigError)
    assert "'d' of the key 'b/d'" in str(caught.value)


def test_a_tensor_is_one_value_and_not_its_batch():
    x = tf.zeros([3, 2])
    assert make_iterable(x)[0] is x
    assert to_dict(x, ["x"])["x"] is x


def test_the_argument_of_a_tf_function_is_copied():
    seen = []

    @tf.function
    def call(features):
        features = copy_if_tf_function(features)
        features["new"] = features["x"] + 1
        seen.append(set(features))
        return features["new"]

    features = {"x": tf.constant(1)}
    call(features)
    assert set(features) == {"x"} and seen == [{"x", "new"}]
