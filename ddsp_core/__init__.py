"""The instrument: DSP, features, models and formats; everything inference needs.

`import ddsp_core as ddsp` answers Magenta's module names: `ddsp.core`, `ddsp.synths`,
`ddsp.training.nn` and so on. They are imported when first asked for, so that importing
the package costs nothing.
"""

import importlib
import os
from types import ModuleType

# Keras 3 writes other checkpoint keys and loses weights without an error, so
# TensorFlow must be told to use Keras 2 before anything imports it (nn/keras.py).
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

FACADES = (
    "core",
    "dags",
    "effects",
    "losses",
    "processors",
    "spectral_ops",
    "synths",
    "training",
)


def __getattr__(name: str) -> ModuleType:
    """Import one of Magenta's modules when it is first asked for."""
    if name in FACADES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
