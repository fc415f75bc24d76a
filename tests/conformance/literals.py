"""Values that the index writes as text, and the cases that have no arrays."""

from __future__ import annotations

import ast
import builtins
import re
from typing import Any

import numpy as np

from tests.conformance.kit import Case, Unavailable, resolve

SHORT_NAMES = ("processors", "synths", "effects", "losses")  # of classes in graphs


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
    candidates += [f"ddsp.training.{name}", f"ddsp.{name}", name]
    found = [resolve(c) for c in candidates if "." in c] + [getattr(layers, name, None)]
    factory = next((f for f in found if f is not None), None)
    if factory is None:
        raise Unavailable(f"{name} is not implemented yet")

    def argument(node: ast.expr) -> Any:
        return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)

    args = [argument(node) for node in call.args]  # type: ignore[attr-defined]
    keywords = call.keywords  # type: ignore[attr-defined]
    return factory(*args, **{k.arg: argument(k.value) for k in keywords})


def check_literal(case: Case) -> None:
    """Check the value of a case without arrays, or the exception that it raises."""
    call, kwargs = _call(case), literal(case.spec.get("kwargs", {}))
    if "raises" not in case.spec:
        result = call(**kwargs)
        result = list(result) if isinstance(result, tuple) else result
        assert result == case.spec["expected"], case
        return
    names = case.spec["raises"].split(" or ")
    expected = tuple(getattr(builtins, name) for name in names)
    try:
        result = call(**kwargs)
    except expected as error:
        is_typed = type(error).__module__.startswith("ddsp_core")
        assert is_typed, f"{case}: {error!r} is not one of our errors"
        return
    raise AssertionError(f"{case}: got {result!r}, needed one of {expected}")


def _call(case: Case) -> Any:
    """The call of a literal case; takes its keyword arguments."""
    target, args = resolve(case.target), case.spec.get("args", [])
    words = args[0] if args and isinstance(args[0], str) else ""
    if words == "non-trainable, called with audio only":
        return lambda **kwargs: target(trainable=False, **kwargs)(_tensor([2, 400]))
    if words == "signals of different length":
        signals = _tensor([2, 400, 1]), _tensor([2, 300, 1]), _tensor([2, 10, 1])
        return lambda **kwargs: target(**kwargs)(*signals)
    if words.startswith("any f0 tracks, all confidences below"):
        tracks = [_tensor([1, 50]), _tensor([1, 50]), np.full([50], 0.1, np.float32)]
        return lambda **kwargs: target(*tracks, **kwargs)
    if words.endswith(", called on audio"):
        options = words.removesuffix(", called on audio")
        return lambda **_: construct(f"{target.__name__}({options})")(_tensor([2, 400]))
    described_args = [a for arg in args for a in described(arg)]
    return lambda **kwargs: target(*described_args, **kwargs)


def described(argument: Any) -> list[Any]:
    """The arguments that a phrase such as 'two [2, 5] tensors' describes."""
    if not isinstance(argument, str) or " " not in argument:
        return [argument]
    shape = re.search(r"\[([\d, ]+)\]", argument)
    length = re.search(r"of length (\d+)", argument)
    if not (shape or length or "tensor" in argument):
        raise Unavailable(f"cannot tell what {argument!r} describes")
    size = [2, 3]
    if shape or length:
        size = [int(n) for n in (shape or length).group(1).split(",")]  # type: ignore[union-attr]
    return [_tensor(size)] * (2 if argument.startswith("two ") else 1)


def _tensor(size: list[int]) -> np.ndarray:
    return np.linspace(0.1, 1.0, int(np.prod(size)), dtype=np.float32).reshape(size)
