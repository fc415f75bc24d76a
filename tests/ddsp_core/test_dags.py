import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dags import DAGLayer
from ddsp_core.errors import ConfigError
from ddsp_core.nn.keras import layers
from ddsp_core.processors import Add, ProcessorGroup
from ddsp_core.synths import TensorToAudio


def test_outputs_stand_under_the_names_of_their_modules():
    dag = [["double", ["x"], ["y"]], ["add_one", ["double/y"], ["z"]]]
    layer = DAGLayer(
        dag,
        double=layers.Lambda(lambda x: 2 * x),
        add_one=layers.Lambda(lambda x: x + 1),
        name="both",
    )
    outputs = layer({"x": tf.constant([3.0])})
    assert layer.name == "both"
    assert set(outputs) == {"inputs", "x", "double", "add_one", "out"}
    assert float(outputs["out"]["z"][0]) == 7.0


def test_modules_are_attributes_and_so_keys_of_a_checkpoint(tmp_path):
    layer = DAGLayer([["fc", ["x"], ["y"]]], fc=layers.Dense(4))
    layer({"x": tf.zeros([1, 3])})
    prefix = tf.train.Checkpoint(model=layer).write(str(tmp_path / "ckpt"))
    keys = {name.split("/.ATTR")[0] for name, _ in tf.train.list_variables(prefix)}
    assert {"model/fc/kernel", "model/fc/bias"} <= keys


@pytest.mark.parametrize(
    "dag,complaint",
    [
        ([["reverb", ["x"]]], "'reverb' that does not exist; there are 'add'"),
        ([["add"]], "is not .module, .input keys.."),
        ([["add", ["add/signal", "x"]]], "'add' runs no earlier"),
        (
            [[TensorToAudio("a"), ["x"]], ["add", ["a/sound", "x"]]],
            "has only 'a/signal'",
        ),
        ([[TensorToAudio("a"), ["x"]], [TensorToAudio("a"), ["x"]]], "named 'a'"),
        ([[TensorToAudio("out"), ["x"]]], "may not be named 'out'"),
    ],
)
def test_a_graph_that_cannot_run_is_refused_when_it_is_made(dag, complaint):
    with pytest.raises(ConfigError, match=complaint):
        ProcessorGroup(dag, add=Add())


def test_a_feature_that_is_not_there_is_named_with_those_that_are():
    group = ProcessorGroup([[TensorToAudio("a"), ["samples"]]])
    with pytest.raises(
        ConfigError, match=r"'samples' does not exist; there are.*audio"
    ):
        group.get_controls({"audio": tf.zeros([1, 10, 1])})


def test_inputs_may_be_nested_and_the_callers_dictionary_is_left_alone():
    group = ProcessorGroup([[TensorToAudio("a"), ["x/one"]]])
    inputs = {"x": {"one": tf.ones([1, 10, 1])}}
    np.testing.assert_array_equal(group(inputs), np.ones([1, 10]))
    assert set(inputs) == {"x"}
