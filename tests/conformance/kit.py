"""The golden cases: inputs and outputs recorded from Magenta 3.7.

Data: `tests/conformance/golden/`, or the folder that LUTHIER_GOLDEN names. Its
README.md describes the format.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

COMMITTED = Path(__file__).parent / "golden"


class Unavailable(Exception):
    """A case cannot be run: something it needs is not there."""


class Case:
    """One entry of the index, with its arrays."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.group: str = spec["group"]
        self.kind: str = spec["kind"]
        self.target: str = spec["target"]
        self.notes: str = spec.get("notes", "")

    def __repr__(self) -> str:
        return self.name

    def arrays(self, field: str) -> dict[str, np.ndarray]:
        """The arrays of 'inputs', 'outputs' or 'weights', by name."""
        stored = _group(self.group)
        return {k: stored[v["key"]] for k, v in self.spec.get(field, {}).items()}

    def tolerance(self, output: str) -> dict[str, float]:
        """How near this output must come."""
        own = self.spec.get("output_tolerances", {}).get(output)
        return own or self.spec["tolerance"]


def folder() -> Path:
    """Where the kit is."""
    named = os.environ.get("LUTHIER_GOLDEN")
    if not named:
        return COMMITTED
    inside = Path(named) / "golden"
    return inside if (inside / "index.json").is_file() else Path(named)


def cases(*groups: str) -> list[Case]:
    """All cases, or those of these groups, in the order of the index."""
    found = [Case(spec) for spec in _index()]
    return [case for case in found if not groups or case.group in groups]


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


@functools.cache
def _index() -> list[dict[str, Any]]:
    return json.loads((folder() / "index.json").read_text("utf-8"))["cases"]


@functools.cache
def _group(name: str) -> Any:
    return np.load(folder() / f"{name}.npz")
