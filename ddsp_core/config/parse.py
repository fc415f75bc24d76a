"""Config text to bindings. Gin's grammar is read by gin's own parser.

Only the parser is used: gin's registry is global to the process, resolves references
when a function is called rather than when the model is built, and would collide with
Magenta's library in the same process. What a config says is a value here.
"""

from __future__ import annotations

import dataclasses
import tokenize
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gin import config_parser

from ddsp_core.config import names
from ddsp_core.config.resolve import did_you_mean, nearest
from ddsp_core.errors import ConfigError

OUR_IMPORTS = ("ddsp", "ddsp_core")  # Their names are known without importing.


@dataclasses.dataclass(frozen=True)
class Reference:
    """`@scope/module.Name` or, evaluated, `@scope/module.Name()`."""

    name: str  # full name
    scope: str
    evaluate: bool

    def __repr__(self) -> str:
        scope = f"{self.scope}/" if self.scope else ""
        return f"@{scope}{names.short_name(self.name)}{'()' if self.evaluate else ''}"


@dataclasses.dataclass(frozen=True)
class Macro:
    """`%name`."""

    name: str


@dataclasses.dataclass(frozen=True)
class Binding:
    """One statement `scope/Name.parameter = value` and where it stands."""

    value: Any
    where: str


@dataclasses.dataclass
class Bindings:
    """All that a text says; a later statement replaces an earlier one."""

    parameters: dict[tuple[str, str], dict[str, Binding]]  # by (scope, full name)
    macros: dict[str, Binding]

    def of(self, name: str, scope: str = "") -> dict[str, Binding]:
        """Return what is bound for `name` in a scope and those around it."""
        parts = scope.split("/") if scope else []
        scopes = ["", *("/".join(parts[: i + 1]) for i in range(len(parts)))]
        merged: dict[str, Binding] = {}
        for each in scopes:
            merged |= self.parameters.get((each, name), {})
        return merged


def parse(text: str, derived: Mapping[str, Any] | None = None) -> Bindings:
    """Read a config without `include` lines.

    Args:
        text: The config.
        derived: Values of macros that it may read without defining them.

    Raises:
        ConfigError: A statement does not parse, or uses a name, parameter or macro that
            nothing knows, or defines a macro that nothing reads. Names the line.
    """
    bindings = Bindings({}, {})
    used: dict[str, str] = {}  # macro -> where it is first read
    for statement in statements(text):
        where = where_of(statement)
        try:
            _add(statement, where, bindings)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
        for macro in macros_in(getattr(statement, "value", None)):
            used.setdefault(macro, where)
    for macro in used.keys() & (derived or {}).keys():
        value = Binding((derived or {})[macro], "derived from the dataset")
        bindings.macros.setdefault(macro, value)
    _check_macros(bindings.macros, used)
    return bindings


def plain(value: Any, bindings: Bindings, within: tuple[str, ...] = ()) -> Any:
    """Return a value with its macros replaced by theirs, at any depth.

    Args:
        value: As parsed.
        bindings: Where the macros are defined.
        within: Macros that are being replaced.

    Raises:
        ConfigError: A macro is defined by itself.
    """
    if isinstance(value, Macro):
        if value.name in within:
            raise ConfigError(f"the macro {value.name!r} is defined by itself")
        bound = bindings.macros[value.name].value
        return plain(bound, bindings, (*within, value.name))
    return mapped(value, lambda item: plain(item, bindings, within))


def mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return a list, tuple or dict with `function` applied to its items."""
    if isinstance(value, dict):
        return {function(k): function(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(function(item) for item in value)
    return value


def macros_in(value: Any) -> set[str]:
    """Return the names of the macros in a nested value."""
    if isinstance(value, Macro):
        return {value.name}
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    items = value if isinstance(value, list | tuple) else ()
    return {name for item in items for name in macros_in(item)}


class _Delegate(config_parser.ParserDelegate):
    """What gin's parser makes of references (not resolved yet) and macros."""

    def configurable_reference(
        self, scoped_configurable_name: str, evaluate: bool
    ) -> Reference:
        scope, _, selector = scoped_configurable_name.rpartition("/")
        return Reference(selector, scope, evaluate)

    def macro(self, macro_name: str) -> Macro:
        return Macro(macro_name)


def statements(text: str) -> Iterator[Any]:
    """Yield gin's statements; blocks are declared, then yield their bindings."""
    line = 1
    try:
        parser = config_parser.ConfigParser(text, _Delegate())
        while True:
            line = parser.current_token.start[0]
            statement = parser.parse_statement()
            if statement is None:
                return
            yield statement
    except (SyntaxError, tokenize.TokenError) as error:
        line = getattr(error, "lineno", None) or line
        lines = [*text.splitlines(), ""]
        quoted = repr(lines[min(line, len(lines)) - 1].strip())
        raise ConfigError(f"line {line}: {quoted}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what gin's parser or Python's tokenizer has against a line."""
    reason = str(getattr(error, "msg", None) or error.args[0])
    if "Failed to parse token" in reason:
        return "cannot read the value; text stands in quotes, such as 'gru'"
    return reason.splitlines()[0]


def _add(statement: Any, where: str, bindings: Bindings) -> None:
    """Put one statement into the bindings."""
    if isinstance(statement, config_parser.ImportStatement):
        if statement.module.split(".")[0] not in OUR_IMPORTS:
            raise ConfigError(
                f"cannot import {statement.module!r}; only ddsp's own names are known"
            )
    elif isinstance(statement, config_parser.IncludeStatement):
        raise ConfigError("'include' works in files that config.load reads")
    elif isinstance(statement, config_parser.BlockDeclaration):
        names.full_name(statement.selector)
    elif not statement.arg_name:
        macro = "/".join(filter(None, (statement.scope, statement.selector)))
        bindings.macros[macro] = Binding(_resolved(statement.value), where)
    else:
        name = names.full_name(statement.selector)
        names.check_parameter(name, statement.arg_name)
        known = bindings.parameters.setdefault((statement.scope, name), {})
        known[statement.arg_name] = Binding(_resolved(statement.value), where)


def _resolved(value: Any) -> Any:
    """Return a nested value whose references have full names."""
    if isinstance(value, Reference):
        return dataclasses.replace(value, name=names.full_name(value.name))
    return mapped(value, _resolved)


def _check_macros(defined: dict[str, Binding], used: dict[str, str]) -> None:
    """Raise `ConfigError` for a macro without a value, or that nothing reads."""
    for macro in used.keys() - defined.keys():
        hint = did_you_mean(nearest(macro, defined))
        raise ConfigError(f"{used[macro]}: %{macro} has no value{hint}")
    for macro in defined.keys() - used.keys():
        near = nearest(macro, [*used, *_settings()])
        raise ConfigError(
            f"{defined[macro].where}: nothing reads the macro {macro!r}"
            f"{did_you_mean(near)}"
        )


def where_of(statement: Any) -> str:
    """Return where a statement stands, for an error."""
    location = statement.location
    return f"line {location.line_num}: {location.line_content.strip()!r}"


def _settings() -> list[str]:
    """Return the settings that a person means by a bare name, such as batch_size."""
    owners = ("ddsp.training.train_util.train", "ddsp.training.trainers.Trainer")
    known = names.parameters()
    return [f"{o.rpartition('.')[2]}.{p}" for o in owners for p in known[o]]
