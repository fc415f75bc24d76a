"""The name `ddsp` bound to `ddsp_core`, with what Magenta's test files need beside it.

Nothing of it serves anything but running code that says `import ddsp`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ddsp_core.config import names, resolve
from ddsp_core.errors import FeatureError
from ddsp_core.features import pretrained, weights

ALIAS = "ddsp"
OURS = "ddsp_core"


class Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `ddsp` and whatever is below it in our package, as the same module."""

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer Magenta's names; leave every other to the other finders."""
        if fullname.partition(".")[0] != ALIAS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return our module of that name."""
        module = importlib.import_module(OURS + spec.name.removeprefix(ALIAS))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module what it was: importing it as an alias is no second load."""
        alias = module.__spec__
        module.__spec__ = alias.loader_state if alias else None


def bind() -> None:
    """Let `import ddsp` mean `ddsp_core`, in this process, from now on."""
    sys.meta_path.insert(0, Alias())


def stand_ins() -> None:
    """Provide what the test files import that is no part of the library.

    `ddsp.test_util` makes sinusoids; of `pkg_resources`, which newer Pythons come
    without, they use one function.
    """
    sinusoids = ModuleType(f"{ALIAS}.test_util")
    sinusoids.gen_np_sinusoid = sinusoid  # type: ignore[attr-defined]
    sinusoids.gen_np_batched_sinusoids = batched_sinusoids  # type: ignore[attr-defined]
    sys.modules[sinusoids.__name__] = sinusoids
    resources = ModuleType("pkg_resources")
    resources.resource_filename = resource_filename  # type: ignore[attr-defined]
    sys.modules[resources.__name__] = resources


def bind_gin() -> None:
    """Make our classes configurable by gin itself, as Magenta's decorators do.

    The library uses gin as a parser only and registers nothing in it; Magenta's tests
    of models parse a file of gin's and then call a constructor with no arguments.
    """
    import gin

    for full_name in names.parameters():
        module, _, name = full_name.rpartition(".")
        try:
            found = resolve(full_name)
        except KeyError:
            # Named in files that these tests include, and never built by them.
            gin.external_configurable(_never(name), name=name, module=module)
            continue
        made = gin.external_configurable(found, name=name, module=module)
        setattr(importlib.import_module(OURS + module.removeprefix(ALIAS)), name, made)


def settle_for_tiny() -> None:
    """Let `compute_f0` take the weights that come with the library.

    Magenta's default is the full network, an extra of ours. On the sines of the tests
    both hear the same.
    """
    try:
        weights.find_weights(pretrained.SIZE)
    except FeatureError:
        pretrained.SIZE = "tiny"  # type: ignore[misc]


def sinusoid(
    frequency: float, amp: float, sample_rate: int, audio_len_sec: float
) -> np.ndarray:
    """Return a sine of that length, its last sample at the end of it."""
    n_samples = int(audio_len_sec * sample_rate)
    return amp * np.sin(
        np.linspace(0, 2 * np.pi * frequency * audio_len_sec, n_samples)
    )


def batched_sinusoids(*args: Any, batch_size: int | None = None) -> np.ndarray:
    """Return the same sine `batch_size` times, [batch, n_samples]."""
    if batch_size is None:
        *args, batch_size = args
    return np.tile(sinusoid(*args), [batch_size, 1])


def resource_filename(module: str, path: str) -> str:
    """Return the path of a file beside a module."""
    return str(Path(str(sys.modules[module].__file__)).parent / path)


def _never(name: str) -> Any:
    def build(**parameters: Any) -> None:
        raise NotImplementedError(f"{name} is no part of this library: {parameters}")

    return build
