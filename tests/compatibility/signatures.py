"""Public names of modules with their signatures, as lines of text.

`magenta_signatures.txt` was written with it, in an environment that has ddsp 3.7.0:

    python signatures.py ddsp > magenta_signatures.txt
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

MODULES = (
    "core",
    "dags",
    "effects",
    "losses",
    "processors",
    "spectral_ops",
    "synths",
    "training.decoders",
    "training.encoders",
    "training.heuristics",
    "training.metrics",
    "training.models",
    "training.models.model",
    "training.nn",
    "training.postprocessing",
    "training.preprocessing",
)


def lines(module: ModuleType) -> Iterator[str]:
    """Yield what a module defines: `NAME = value`, `name(a, b=1)`, `Class.method(a)`.

    What it imports from elsewhere is not its own, but for a package's parts.
    """
    for name, value in sorted(vars(module).items()):
        if not name.startswith("_") and _is_own(module, value):
            yield from described(name, value)


def described(name: str, value: Any) -> Iterator[str]:
    """Yield the line of a public name; of a class also those of its own members."""
    if inspect.isclass(value):
        yield name + constructor(value)
        for member, what in sorted(vars(value).items()):
            if not member.startswith("_") and is_method(what):
                yield f"{name}.{member}{spell(getattr(value, member))}"
            elif not member.startswith("_") and isinstance(what, property):
                yield f"{name}.{member}"
    elif callable(value):
        yield name + spell(value)
    else:
        yield f"{name} = {value!r}"


def constructor(cls: type) -> str:
    """Return the parameters of a class; one that has Keras' own takes any."""
    owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
    ours = owner.__module__.partition(".")[0] == cls.__module__.partition(".")[0]
    return spell(cls.__init__) if ours else "(**kwargs)"  # type: ignore[misc]


def is_method(value: Any) -> bool:
    """Whether something in a class is called."""
    return inspect.isfunction(value) or isinstance(value, staticmethod | classmethod)


def spell(function: Callable[..., Any]) -> str:
    """Return the parameters of a function and their defaults, without types.

    >>> spell(lambda x, n=2, **rest: x)
    '(x, n=2, **rest)'
    """
    parameters = [
        parameter.replace(
            annotation=parameter.empty,
            default=Default(parameter.default)
            if parameter.default is not parameter.empty
            else parameter.empty,
        )
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(parameters))


class Default:
    """A default that is written by its value, or by its name if it has one."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        if type(self.value) is object:
            return "REQUIRED"  # what gin puts there
        return str(getattr(self.value, "__name__", repr(self.value)))


def _is_own(module: ModuleType, value: Any) -> bool:
    """Whether a module defines an object, or gathers it from its parts."""
    if inspect.ismodule(value) or type(value).__name__ == "TypeVar":
        return False
    home = getattr(value, "__module__", None)
    if home is None:
        return isinstance(value, int | float | str | tuple)
    is_package = hasattr(module, "__path__")
    return home == module.__name__ or (
        is_package and home.startswith(f"{module.__name__}.")
    )


def main() -> None:
    """Write the table of the package that the command line names."""
    package = sys.argv[1]
    for name in MODULES:
        print(f"\n{name}")  # noqa: T201
        for line in lines(importlib.import_module(f"{package}.{name}")):
            print(f"  {line}")  # noqa: T201


if __name__ == "__main__":
    main()
