"""The key of every variable: its path in the object graph, as TensorFlow writes it."""

from __future__ import annotations

from typing import Any, Final

import tensorflow as tf

VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT: Final = "/.OPTIMIZER_SLOT/"
MODEL: Final = "model"
OPTIMIZER: Final = "optimizer"
# What a file holds beside the model and the optimizer.
BOOKKEEPING: Final = ("_CHECKPOINTABLE_OBJECT_GRAPH", f"save_counter{VALUE}")


def model_variables(model: Any) -> dict[str, tf.Variable]:
    """Return the variables of a built model by their keys in a checkpoint."""
    return _variables(model, MODEL)


def optimizer_variables(optimizer: Any, model: Any) -> dict[str, tf.Variable]:
    """Return the variables of a legacy Adam by their keys: four scalars, two moments.

    Moments that do not exist yet, before the first step, are created.
    """
    strategy = getattr(model, "distribute_strategy", tf.distribute.get_strategy())
    with strategy.scope():
        optimizer._create_all_weights(model.trainable_variables)
    variables = _variables(optimizer, OPTIMIZER)
    trainable = {id(v) for v in model.trainable_variables}
    for key, variable in model_variables(model).items():
        if id(variable) not in trainable:
            continue
        for slot in optimizer.get_slot_names():
            slot_key = f"{key.removesuffix(VALUE)}{SLOT}{OPTIMIZER}/{slot}{VALUE}"
            variables[slot_key] = optimizer.get_slot(variable, slot)
    return variables


def is_optimizer_key(key: str) -> bool:
    """Whether a key belongs to an optimizer, of either family."""
    return key.startswith(f"{OPTIMIZER}/") or SLOT in key


def _variables(root: Any, name: str) -> dict[str, tf.Variable]:
    """Walk breadth first: an object's key is the first shortest path to it."""
    paths = {id(root): name}
    nodes = [root]  # all stay alive, so that no id is given twice
    found = {}
    for node in nodes:
        if isinstance(node, tf.Variable):
            found[paths[id(node)] + VALUE] = node
            continue
        for edge, child in tf.train.TrackableView.children(node).items():
            if id(child) not in paths:
                paths[id(child)] = f"{paths[id(node)]}/{_escaped(edge)}"
                nodes.append(child)
    return found


def _escaped(edge: str) -> str:
    """Escape the two characters that keys use, as TensorFlow does."""
    return edge.replace(".", "..").replace("/", ".S")
