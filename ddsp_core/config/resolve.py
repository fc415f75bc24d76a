"""Magenta's dotted names, answered with our objects."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

from ddsp_core.errors import ConfigError, UnknownNameError

ROOT: Final = "ddsp"
OURS: Final = "ddsp_core"

# The modules of Magenta's that this library stands for.
MODULES: Final = (
    "ddsp",
    "ddsp.core",
    "ddsp.dags",
    "ddsp.effects",
    "ddsp.losses",
    "ddsp.processors",
    "ddsp.spectral_ops",
    "ddsp.synths",
    "ddsp.training",
    "ddsp.training.decoders",
    "ddsp.training.encoders",
    "ddsp.training.heuristics",
    "ddsp.training.metrics",
    "ddsp.training.models",
    "ddsp.training.models.autoencoder",
    "ddsp.training.models.inverse_synthesis",
    "ddsp.training.models.midi_autoencoder",
    "ddsp.training.models.model",
    "ddsp.training.nn",
    "ddsp.training.postprocessing",
    "ddsp.training.preprocessing",
)


class UnresolvedNameError(ConfigError, UnknownNameError):
    """A dotted name is none of Magenta's that this version has."""


def resolve(name: str) -> Any:
    """Return our object of a public name of Magenta's library.

    Args:
        name: Full and dotted: a module, or something that stands in one.

    Raises:
        UnresolvedNameError: There is none; the message suggests the nearest.

    >>> resolve("ddsp.training.nn.FcStack").__name__
    'FcStack'
    """
    if name in MODULES:
        return _module(name)
    parent, _, last = name.rpartition(".")
    if parent not in MODULES:
        where = f"{parent}." if parent else ""
        near = [f"{m}.{last}" for m in MODULES if last in public_names(m)]
        near = near or nearest(name, MODULES) or nearest(parent, MODULES)
        raise UnresolvedNameError(
            f"there is no module {where.rstrip('.') or name!r} of ddsp's to find"
            f" {last!r} in{did_you_mean(near)}"
        )
    known = public_names(parent)
    if last not in known:
        near = [f"{m}.{last}" for m in MODULES if last in public_names(m)]
        near = near or [f"{parent}.{n}" for n in nearest(last, known)]
        near = near or nearest(name, MODULES)
        raise UnresolvedNameError(f"{parent} has no {last!r}{did_you_mean(near)}")
    return getattr(_module(parent), last)


def public_names(module: str) -> list[str]:
    """Return what a module of Magenta's name holds in this library."""
    if module == ROOT:
        return []  # nothing but modules
    ours = _module(module)
    listed = getattr(ours, "__all__", None)
    if listed is not None:
        return list(listed)
    return [
        name
        for name, value in vars(ours).items()
        if not name.startswith("_") and _is_own(name, value)
    ]


def did_you_mean(near: list[str]) -> str:
    """Return the end of a message that suggests the first of `near`, if any."""
    return f"; did you mean {near[0]!r}?" if near else ""


def nearest(word: str, words: Iterable[str]) -> list[str]:
    """Return the words that look most like `word`, best first."""
    lower = {w.lower(): w for w in words}
    found = difflib.get_close_matches(word.lower(), lower, n=3, cutoff=0.6)
    return [lower[w] for w in found]


def _module(name: str) -> ModuleType:
    return importlib.import_module(OURS + name.removeprefix(ROOT))


def _is_own(name: str, value: Any) -> bool:
    """Whether an object of a module is ours and no import from elsewhere."""
    if isinstance(value, ModuleType):
        return False
    home = getattr(value, "__module__", None)
    return name.isupper() if home is None else str(home).startswith(OURS)
