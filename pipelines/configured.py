"""What a data config says, as options of a preparation."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ddsp_core.config.values import load_values
from ddsp_core.errors import ConfigError
from ddsp_core.spec import ExampleSpec
from pipelines.options import PrepareOptions
from pipelines.policy import Policy

FOLDER: Final = "data"
SPEC: Final = "ExampleSpec.from_seconds"
# Options that a config may choose; places and inputs stay on the command line.
CHOICES: Final = (
    "eval_fraction",
    "min_eval_secs",
    "gain_db",
    "licence",
    "pitch",
    "decoder",
    "f0_step",
)


def configured(
    config: str | None,
    bindings: Sequence[str],
    spec: Mapping[str, Any],
    **given: Any,
) -> PrepareOptions:
    """Return the options of a preparation: the config's, then those given by hand.

    Args:
        config: A packaged data config or a `.gin` file; None for the defaults.
        bindings: Further statements of the config, such as 'Policy.max_dc=0.1'.
        spec: Arguments of `ExampleSpec.from_seconds` that were given by hand.
        **given: Fields of `PrepareOptions` that were given by hand; None is not.

    Raises:
        ConfigError: The config does not exist, or binds what nothing reads.
        UsageError: A choice that cannot work.
        SpecError: Sizes or rates that do not fit together.
    """
    values = load_values(FOLDER, config, bindings, vocabulary())
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return PrepareOptions(
            **{
                **values.get("prepare", {}),
                **chosen,
                "spec": ExampleSpec.from_seconds(**values.get(SPEC, {}) | dict(spec)),
                "policy": Policy(**values.get("Policy", {})),
            }
        )
    except TypeError as error:  # a text where a number is needed, and the like
        raise ConfigError(f"a value of the config is of the wrong kind: {error}") from (
            error
        )


def vocabulary() -> dict[str, list[str]]:
    """Return the names that a data config may bind, with their parameters."""
    parameters = inspect.signature(ExampleSpec.from_seconds).parameters.values()
    return {
        SPEC: [one.name for one in parameters if one.kind is not one.VAR_KEYWORD],
        "Policy": [field.name for field in dataclasses.fields(Policy)],
        "prepare": list(CHOICES),
    }
