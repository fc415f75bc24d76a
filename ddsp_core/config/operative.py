"""The operative config: what was used, as text that Magenta 3.7 and we parse."""

from __future__ import annotations

import pprint
from typing import Any

from ddsp_core.config import names
from ddsp_core.config.construct import Operative
from ddsp_core.config.parse import Reference

HEADER = "import ddsp\nimport ddsp.training"
RULE = "# " + "=" * 78
WIDTH = 80
# Names that a Keras layer has too; Magenta registers both, so they need their module.
SHARED_WITH_KERAS = ("Add", "Dense")
# Settings that say how long and how often, not what is trained: no parameters of a run.
NOT_DEFINING = (
    "train.num_steps",
    "train.steps_per_save",
    "train.steps_per_summary",
    "Trainer.checkpoints_to_keep",
)


def to_text(operative: Operative) -> str:
    """Write the used parameters in gin's own layout, sorted by name."""
    sections = []
    for (scope, name), parameters in _sorted(operative):
        own = names.OWN_PARAMETERS.get(name, ())
        magentas = {p: v for p, v in parameters.items() if p not in own}
        sections.append(_section(_key(scope, name), magentas))
        if len(magentas) < len(parameters):
            ours = {p: v for p, v in parameters.items() if p in own}
            sections.append(_section(_own_key(scope, name), ours))
    return "\n\n".join([HEADER, *sections]) + "\n"


def to_params(operative: Operative) -> dict[str, str | int | float | bool]:
    """Return the used parameters as flat scalars, to compare runs by.

    Lists and references are written as in a config; None is left out.
    """
    params: dict[str, str | int | float | bool] = {}
    for (scope, name), parameters in _sorted(operative):
        for parameter, value in sorted(parameters.items()):
            key = f"{_key(scope, name)}.{parameter}"
            if value is not None and key not in NOT_DEFINING:
                is_scalar = isinstance(value, str | int | float | bool)
                params[key] = value if is_scalar else repr(value)
    return params


def _sorted(operative: Operative) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    return sorted(operative.items(), key=lambda item: _key(*item[0]).lower())


def _key(scope: str, name: str) -> str:
    """Return the name as it is bound: `Harmonic`, `processors.Add`, `scope/Name`."""
    module, last = name.split(".")[-2:]
    own = f"{module}.{last}" if last in SHARED_WITH_KERAS else last
    return f"{scope}/{own}" if scope else own


def _section(key: str, parameters: dict[str, Any]) -> str:
    lines = [f"# Parameters for {key}:", RULE]
    lines += [_line(f"{key}.{p}", v) for p, v in sorted(parameters.items())]
    return "\n".join(lines if parameters else [*lines, "# None."])


def _own_key(scope: str, name: str) -> str:
    """Return the name under which Magenta does not look for a parameter of ours."""
    own = names.OWN_PREFIX + names.short_name(name)
    return f"{scope}/{own}" if scope else own


def _line(key: str, value: Any) -> str:
    line = f"{key} = {value!r}"
    if len(line) <= WIDTH or isinstance(value, str | Reference):
        return line
    text = pprint.pformat(value, width=WIDTH - 4, compact=True)
    return f"{key} = \\\n    " + text.replace("\n", "\n    ")
