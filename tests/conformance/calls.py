"""How a case is called: inputs, weights and noise set, outputs by name."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import numpy as np
import tensorflow as tf

from tests.conformance import special
from tests.conformance.kit import Case, flatten, resolve, unflatten
from tests.conformance.literals import literal

NESTED_INPUTS = ("ProcessorGroup", "DAGLayer", "LossGroup")  # are called with one dict


def run(case: Case) -> dict[str, np.ndarray]:
    """Call our object as the case says; outputs flat, by name.

    Where the case did not store the weights of a layer, outputs are those of new ones.
    """
    own = special.call_of(case)
    if own is not None:
        return flatten(own())
    inputs = {k: tf.constant(v) for k, v in case.arrays("inputs").items()}
    cotangent = inputs.pop("cotangent", None)
    with _fixed_noise(case, inputs):
        call = _prepared_call(case, inputs)
        if "gradient_wrt" not in case.spec:
            return _named(flatten(call(inputs)), list(case.spec["outputs"]))
        watched = [inputs[name] for name in case.spec["gradient_wrt"]]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            result = call(inputs)
            if isinstance(result, tuple | list):
                result = result[0]
            loss = result if cotangent is None else tf.reduce_sum(result * cotangent)
    outputs = {"sum": loss, "loss": loss}
    for name, gradient in zip(
        case.spec["gradient_wrt"], tape.gradient(loss, watched), strict=True
    ):
        outputs[f"grad/{name}"] = tf.convert_to_tensor(gradient)
    return flatten(outputs)


def _named(outputs: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """A plain result, or a tuple, under whatever names the index gives it."""
    is_tuple = all(name.startswith("out") for name in outputs)
    if is_tuple and len(outputs) == len(names):
        return dict(zip(names, outputs.values(), strict=True))
    return outputs


def set_weights(layer: Any, weights: dict[str, np.ndarray]) -> None:
    """Assign variables by the object path that they have in a checkpoint."""
    for path, value in weights.items():
        node = layer
        for edge in path.split("/"):
            node = node._trackable_children()[edge]
        node.assign(value)


def _prepared_call(
    case: Case, inputs: dict[str, Any], built: list[Any] | None = None
) -> Any:
    """A function of the inputs: the target itself, or a method of a built object."""
    target, kwargs = resolve(case.target), literal(case.spec.get("kwargs", {}))
    kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}
    if case.notes.startswith("result of the returned function"):
        return lambda values: target(**kwargs)(*values.values())
    if not inspect.isclass(target):
        return lambda values: target(**values, **kwargs)
    layer = target(**literal(case.spec.get("constructor_kwargs", {})))
    method = getattr(layer, case.spec.get("method") or "__call__")
    as_dict = target.__name__ in NESTED_INPUTS or "ONE dict" in case.notes

    def call(values: dict[str, Any]) -> Any:
        args = [unflatten(values)] if as_dict else list(values.values())
        args = [args] if "ONE list" in case.notes else args
        result = method(*args, **kwargs)
        if "out_signal" in case.spec["outputs"]:  # a group's second way to its signal
            result["out_signal"] = layer.get_signal(result["controls"])
        return result

    if isinstance(layer, tf.Module):
        call(inputs)  # builds the variables
        set_weights(layer, _weights(layer, case))
        if built is not None:
            built.append(layer)
    return call


def has_unknown_weights(case: Case) -> bool:
    """Whether a layer has variables whose values the case did not store."""
    target = resolve(case.target)
    if not inspect.isclass(target) or special.call_of(case) is not None:
        return False
    if "weights are the initial ones" in case.notes or "CREPE" in case.notes:
        return False
    inputs = {k: tf.constant(v) for k, v in case.arrays("inputs").items()}
    inputs.pop("cotangent", None)
    layers: list[Any] = []
    with _fixed_noise(case, inputs):
        _prepared_call(case, inputs, layers)
    return any(layer.variables and not _weights(layer, case) for layer in layers)


def _weights(layer: Any, case: Case) -> dict[str, np.ndarray]:
    """The values of a built layer's variables, as far as the case stored them."""
    weights = case.arrays("weights")
    for name, value in case.arrays("outputs").items():
        if name.endswith("controls/ir"):  # a learned response is among the outputs
            variable = "_ir" if name == "controls/ir" else f"{name.split('/')[1]}/_ir"
            if _has_variable(layer, variable):
                weights.setdefault(variable, value[0])
    return weights


def _has_variable(layer: Any, path: str) -> bool:
    node = layer
    for edge in path.split("/"):
        node = node._trackable_children().get(edge)
        if node is None:
            return False
    return True


@contextlib.contextmanager
def _fixed_noise(case: Case, inputs: dict[str, Any]) -> Any:
    """Let the stored noise be what is drawn."""
    from ddsp_core import randomness

    if "noise" not in inputs:
        yield
        return
    noise = inputs.pop("noise")

    def draw(shape: Any, minval: float, maxval: float, dtype: Any) -> Any:
        assert list(shape) == list(noise.shape), case
        assert (minval, maxval) == (-1.0, 1.0), case
        return noise

    with randomness.replace_uniform(draw):
        yield
