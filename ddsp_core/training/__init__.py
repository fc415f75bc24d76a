"""Magenta's `ddsp.training`: its module names, gathered from `nn`, `models` and more.

Optimisation itself is the package `training` beside this one.
"""

from ddsp_core.training import (
    decoders,
    encoders,
    heuristics,
    metrics,
    models,
    nn,
    postprocessing,
    preprocessing,
)

__all__ = [
    "decoders",
    "encoders",
    "heuristics",
    "metrics",
    "models",
    "nn",
    "postprocessing",
    "preprocessing",
]
