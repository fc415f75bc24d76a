"""Bindings to objects: each reference is called with what is bound for its name."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ddsp_core.config import lengths, names
from ddsp_core.config.parse import Binding, Bindings, Reference, mapped, plain
from ddsp_core.errors import ConfigError, DdspError
from ddsp_core.spec import ExampleSpec

GET_MODEL = "ddsp.training.models.get_model"
LITERALS = (bool, int, float, str, type(None))

# What was used, with defaults: values by scope, full name and parameter.
Operative = dict[tuple[str, str], dict[str, Any]]


class Constructor:
    """Builds what a config refers to and notes every parameter that had an effect.

    Args:
        bindings: What the config says.
        spec: Decides lengths and rates.
    """

    def __init__(self, bindings: Bindings, spec: ExampleSpec) -> None:
        self.bindings = bindings
        self.spec = spec
        self.operative: Operative = {}

    def model(self) -> Any:
        """Build the model that `get_model.model` refers to."""
        bound = self.bindings.of(GET_MODEL).get("model")
        if bound is None:
            raise ConfigError(
                "the config binds no model; needed a line such as"
                " 'get_model.model = @models.Autoencoder()'"
            )
        value = plain(bound.value, self.bindings)
        if not isinstance(value, Reference) or not value.evaluate:
            raise ConfigError(f"{bound.where}: needed a reference such as '@X()'")
        self.operative[("", GET_MODEL)] = {"model": value}
        return self._resolve(value)

    def options(self, name: str, kind: type[Any]) -> Any:
        """Build a dataclass of options from what is bound for `name`.

        Parameters that the dataclass does not have are left unused.
        """
        bound = self.bindings.of(name)
        fields = inspect.signature(kind).parameters
        given = {k: v for k, v in bound.items() if k in fields}
        values = {k: plain(v.value, self.bindings) for k, v in given.items()}
        for key, value in values.items():
            _check_number(value, fields[key].default, given[key])
        options = kind(**values)
        self.operative[("", name)] = dict(vars(options))
        return options

    def unused(self) -> list[str]:
        """Return the bound parameters that had no effect."""
        return sorted(
            f"{scope}/{names.short_name(name)}.{parameter}".lstrip("/")
            for (scope, name), bound in self.bindings.parameters.items()
            for parameter in bound
            if not self._was_used(scope, name, parameter)
        )

    def _was_used(self, scope: str, name: str, parameter: str) -> bool:
        return any(
            parameter in used
            for (within, used_name), used in self.operative.items()
            if used_name == name and f"{within}/".startswith(f"{scope}/".lstrip("/"))
        )

    def _resolve(self, value: Any) -> Any:
        """Return a value with its references replaced by objects and functions."""
        if not isinstance(value, Reference):
            return mapped(value, self._resolve)
        target = names.implementation(value.name)
        arguments = self._arguments(value, target)
        if value.evaluate:
            return _called(target, value, arguments)
        return functools.partial(target, **arguments) if arguments else target

    def _arguments(self, reference: Reference, target: Any) -> dict[str, Any]:
        """Return what is bound for a reference; note that and the defaults."""
        bound = self.bindings.of(reference.name, reference.scope)
        values = {k: plain(v.value, self.bindings) for k, v in bound.items()}
        parameters = inspect.signature(target).parameters
        fixed = lengths.from_spec(reference.name, self.spec)
        values |= {k: v for k, v in fixed.items() if k in parameters}
        known = names.parameters()[reference.name]
        defaults = {
            k: p.default
            for k, p in parameters.items()
            if k in known and _is_literal(p.default)
        }
        noted = self.operative.setdefault((reference.scope, reference.name), {})
        noted |= defaults | values
        return {k: self._resolve(v) for k, v in values.items()}


def _called(target: Any, reference: Reference, arguments: dict[str, Any]) -> Any:
    """Call a target; its own objections become a `ConfigError` that names it."""
    try:
        return target(**arguments)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        if isinstance(error, DdspError):
            raise ConfigError(f"{reference}: {error}") from error
        raise ConfigError(f"{reference} cannot be built: {error}") from error


def _is_literal(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_literal(item) for item in value)
    return isinstance(value, LITERALS) and value is not inspect.Parameter.empty


def _check_number(value: Any, default: Any, binding: Binding) -> None:
    """Refuse an option that is not a positive number of its default's type."""
    kinds = (int,) if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
        kind = "whole number" if isinstance(default, int) else "number"
        raise ConfigError(f"{binding.where}: needed a positive {kind}, got {value!r}")
