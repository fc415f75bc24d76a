"""Configs that bind plain values only: no references, a vocabulary of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ddsp_core.config.files import find_in, resolved, text_of
from ddsp_core.config.parse import (
    Binding,
    Bindings,
    Reference,
    plain,
    statements,
    where_of,
)
from ddsp_core.config.resolve import did_you_mean, nearest
from ddsp_core.errors import ConfigError


def load_values(
    folder: str,
    name_or_path: str | None,
    bindings: Sequence[str],
    vocabulary: Mapping[str, Collection[str]],
) -> dict[str, dict[str, Any]]:
    """Return what a config and further bindings say.

    Args:
        folder: Of the packaged configs in which names are looked up, such as 'data'.
        name_or_path: A packaged name or a `.gin` file; None for the bindings alone.
        bindings: Further statements, such as 'Policy.min_loud_share=0.2'; they win.
        vocabulary: The parameters that each name has.

    Raises:
        ConfigError: There is no such config, or it does not parse, or binds what the
            vocabulary lacks.
    """
    text = "" if name_or_path is None else text_of(find_in(folder, name_or_path))
    return read_values("\n".join([text, *bindings, ""]), vocabulary)


def read_values(
    text: str, vocabulary: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Any]]:
    """Return the values that a text binds, by name and parameter; a later one wins.

    >>> read_values("Policy.max_dc = 0.1", {"Policy": ["max_dc"]})
    {'Policy': {'max_dc': 0.1}}
    """
    found: dict[str, dict[str, Any]] = {}
    macros = Bindings({}, {})
    for statement in statements(resolved(text)):
        selector = getattr(statement, "selector", None)
        if selector is None:
            raise ConfigError(f"{where_of(statement)}: only values can be bound here")
        if not hasattr(statement, "arg_name"):  # the head of a block
            continue
        where = where_of(statement)
        if not statement.arg_name:
            macros.macros[selector] = Binding(statement.value, where)
            continue
        _check(selector, statement.arg_name, vocabulary, where)
        if isinstance(statement.value, Reference):
            raise ConfigError(f"{where}: {statement.value!r} is no plain value")
        found.setdefault(selector, {})[statement.arg_name] = statement.value
    try:
        return {
            name: {key: plain(value, macros) for key, value in values.items()}
            for name, values in found.items()
        }
    except KeyError as error:
        raise ConfigError(f"%{error.args[0]} has no value") from error


def _check(
    name: str, parameter: str, vocabulary: Mapping[str, Collection[str]], where: str
) -> None:
    """Raise `ConfigError` for what the vocabulary lacks, with the nearest word."""
    if name not in vocabulary:
        near = nearest(name, vocabulary)
        known = ", ".join(sorted(vocabulary))
        raise ConfigError(
            f"{where}: nothing is called {name!r}{did_you_mean(near)}; known: {known}"
        )
    if parameter not in vocabulary[name]:
        near = nearest(parameter, vocabulary[name])
        known = ", ".join(sorted(vocabulary[name]))
        raise ConfigError(
            f"{where}: {name} has no {parameter!r}{did_you_mean(near)}; it has {known}"
        )
