"""Runs the reference's golden cases: inputs and outputs recorded from Magenta 3.7.

Data: `tests/goldens/`, or the folder that LUTHIER_GOLDEN names. The format is described
in `tests/goldens/README.md`.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import importlib
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("LUTHIER_GOLDEN") or Path(__file__).parent / "goldens")
SHORT_NAMES = ("processors", "synths", "effects", "losses")  # of classes in graphs
NESTED_INPUTS = ("ProcessorGroup", "DAGLayer", "LossGroup")  # are called with one dict


class Unavailable(Exception):
    """A case cannot be run: something it needs is not there."""


class Case:
    """One entry of the index, with its arrays."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.kind: str = spec["kind"]
        self.target: str = spec["target"]
        self.notes: str = spec.get("notes", "")

    def __repr__(self) -> str:
        return self.name

    def arrays(self, field: str) -> dict[str, np.ndarray]:
        """The arrays of 'inputs', 'outputs' or 'weights', by name."""
        stored = _group(self.spec["group"])
        return {k: stored[v["key"]] for k, v in self.spec.get(field, {}).items()}


def cases(*groups: str) -> list[Case]:
    """All cases of these groups, in the order of the index."""
    return [Case(spec) for spec in _index() if spec["group"] in groups]


def resolve(target: str) -> Any:
    """Our object of a reference name such as 'ddsp.core.resample'; None without one."""
    if target.startswith("tf."):
        target = target.replace("tf.", "tensorflow.", 1)
    path = re.sub(r"^ddsp\.", "ddsp_core.", target).split(".")
    for n_module in range(len(path) - 1, 0, -1):
        try:
            value = importlib.import_module(".".join(path[:n_module]))
        except ModuleNotFoundError as error:
            if not ".".join(path).startswith(error.name or "?"):
                raise
            continue
        for attribute in path[n_module:]:
            value = getattr(value, attribute, None)
        return value
    return None


def skip_reason(case: Case) -> str | None:
    """Why a case cannot be asserted, or None."""
    if case.spec.get("informative") or "Do NOT assert" in case.notes:
        return "recorded to be known, not to be asserted"
    if case.spec.get("reference_defect"):
        return "a defect of the reference"
    if case.kind in ("statistic", "training"):
        return "not a plain comparison: see the tests of its module"
    if resolve(case.target) is None:
        return "not implemented yet"
    return None


def check(case: Case, leave_out: tuple[str, ...] = ()) -> None:
    """Assert that our object gives what the reference gave.

    Raises:
        Unavailable: The case needs a class that is not implemented, or has no weights.
    """
    if case.kind == "literal":
        return check_literal(case)
    outputs = run(case)
    for name, expected in case.arrays("outputs").items():
        if name in leave_out:
            continue
        tolerance = case.spec.get("output_tolerances", {}).get(name)
        on_circle = "modulo 2" in case.notes
        tolerance = tolerance or case.spec["tolerance"]
        assert_close(outputs[name], expected, tolerance, f"{case}: {name}", on_circle)


def assert_close(
    got: Any, expected: np.ndarray, tolerance: dict, what: str, on_circle: bool = False
) -> None:
    """Compare by `rel_l2`, or entry by entry with `rtol` and `atol`."""
    got = np.asarray(got)
    assert got.shape == expected.shape, what
    error = np.asarray(got - expected, np.float64)
    if on_circle:
        error = (error + np.pi) % (2 * np.pi) - np.pi
    if "rel_l2" in tolerance:
        relative = np.linalg.norm(error) / np.linalg.norm(expected)
        assert relative <= tolerance["rel_l2"], f"{what}: relative error {relative}"
        return
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    allowed = tolerance["atol"] + tolerance["rtol"] * np.abs(expected)
    wrong = ~same & ~(np.abs(error) <= allowed)
    assert not wrong.any(), (
        f"{what}: {wrong.sum()} of {wrong.size} entries differ,"
        f" by up to {np.nanmax(np.abs(error[wrong]))}"
    )


def run(case: Case) -> dict[str, np.ndarray]:
    """Call our object as the case says; outputs flat, by name."""
    import tensorflow as tf

    inputs = {k: tf.constant(v) for k, v in case.arrays("inputs").items()}
    cotangent = inputs.pop("cotangent", None)
    with _fixed_noise(case, inputs):
        call = _prepared_call(case, inputs)
        if "gradient_wrt" not in case.spec:
            outputs = flatten(call(inputs))
            names = list(case.spec["outputs"])
            # A plain result has whatever name the index gives it.
            return {names[0]: outputs["out"]} if set(outputs) == {"out"} else outputs
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


def flatten(result: Any) -> dict[str, np.ndarray]:
    """Outputs by the names that the index uses."""
    if isinstance(result, dict):
        leaves: dict[str, np.ndarray] = {}
        for key, value in result.items():
            flat = flatten(value)
            one = set(flat) == {"out"} and not isinstance(value, dict)
            leaves |= {key if one else f"{key}/{k}": v for k, v in flat.items()}
        return leaves
    if isinstance(result, tuple | list):
        return {f"out{i}": np.asarray(value) for i, value in enumerate(result)}
    array = np.asarray(result)
    if np.iscomplexobj(array):
        return {"real": array.real, "imag": array.imag}
    return {"out": array}


def literal(value: Any) -> Any:
    """A value of the index: {"$fn": name} is a function, text may be a constructor."""
    if isinstance(value, dict) and "$fn" in value:
        return resolve(value["$fn"])
    if isinstance(value, dict):
        return {k: literal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [literal(v) for v in value]
    if isinstance(value, str) and re.fullmatch(r"[\w.]+\(.*\)", value):
        return construct(value)
    return value


def construct(text: str) -> Any:
    """Build what text such as 'Crop(frame_size=80, crop_location=back)' describes."""
    from ddsp_core.nn.keras import layers

    call = ast.parse(text, mode="eval").body
    name = ast.unparse(call.func)  # type: ignore[attr-defined]
    candidates = [f"ddsp.{module}.{name}" for module in SHORT_NAMES]
    candidates.append(f"ddsp.training.{name}")
    found = [resolve(c) for c in candidates] + [getattr(layers, name, None)]
    factory = next((f for f in found if f is not None), None)
    if factory is None:
        raise Unavailable("not implemented yet")

    def argument(node: ast.expr) -> Any:
        return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)

    args = [argument(node) for node in call.args]  # type: ignore[attr-defined]
    keywords = call.keywords  # type: ignore[attr-defined]
    return factory(*args, **{k.arg: argument(k.value) for k in keywords})


def set_weights(layer: Any, weights: dict[str, np.ndarray]) -> None:
    """Assign variables by the object path that they have in a checkpoint."""
    for path, value in weights.items():
        node = layer
        for edge in path.split("/"):
            node = node._trackable_children()[edge]
        node.assign(value)


def check_literal(case: Case) -> None:
    """Check the value of a case without arrays, or the exception that it raises."""
    target, kwargs = resolve(case.target), literal(case.spec["kwargs"])
    args = [a for arg in case.spec["args"] for a in described(arg)]
    if "raises" not in case.spec:
        result = target(*args, **kwargs)
        result = list(result) if isinstance(result, tuple) else result
        assert result == case.spec["expected"], case
        return
    names = case.spec["raises"].split(" or ")
    expected = tuple(getattr(builtins, name) for name in names)
    try:
        result = target(*args, **kwargs)
    except expected as error:
        is_typed = type(error).__module__.startswith("ddsp_core")
        assert is_typed, f"{case}: {error!r} is not one of our errors"
        return
    raise AssertionError(f"{case}: got {result!r}, needed one of {expected}")


def described(argument: Any) -> list[Any]:
    """The arguments that a phrase such as 'two [2, 5] tensors' describes."""
    if not isinstance(argument, str) or " " not in argument:
        return [argument]
    shape = re.search(r"\[([\d, ]+)\]", argument)
    length = re.search(r"of length (\d+)", argument)
    size = [2, 3]
    if shape or length:
        size = [int(n) for n in (shape or length).group(1).split(",")]  # type: ignore[union-attr]
    tensor = np.linspace(0.1, 1.0, int(np.prod(size)), dtype=np.float32).reshape(size)
    return [tensor, tensor] if argument.startswith("two ") else [tensor]


def _prepared_call(case: Case, inputs: dict[str, Any]) -> Any:
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
        result = method(*args, **kwargs)
        if "out_signal" in case.spec["outputs"]:  # a group's second way to its signal
            result["out_signal"] = layer.get_signal(result["controls"])
        return result

    if hasattr(layer, "variables"):
        call(inputs)  # builds the variables
        _restore(layer, case)
    return call


def _restore(layer: Any, case: Case) -> None:
    """Set the variables of a built layer, if it has any."""
    weights = case.arrays("weights")
    if not layer.variables:
        return
    for name, value in case.arrays("outputs").items():
        if name.endswith("controls/ir"):  # a learned response is among the outputs
            variable = "ir" if name == "controls/ir" else f"{name.split('/')[1]}/ir"
            weights[variable] = value[0]
    if not weights:
        raise Unavailable("the case's weights were not stored")
    set_weights(layer, weights)


def unflatten(values: dict[str, Any]) -> dict[str, Any]:
    """Nest entries whose names are paths such as 'x/one'."""
    nested: dict[str, Any] = {}
    for path, value in values.items():
        *parents, leaf = path.split("/")
        branch = nested
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return nested


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


@functools.cache
def _index() -> list[dict[str, Any]]:
    return json.loads((FOLDER / "index.json").read_text("utf-8"))["cases"]


@functools.cache
def _group(name: str) -> Any:
    return np.load(FOLDER / f"{name}.npz")
