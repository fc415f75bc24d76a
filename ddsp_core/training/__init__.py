"""Magenta's `ddsp.training`: its module names, gathered from `nn` and `models`.

Optimisation itself is the package `training` beside this one.
"""

from ddsp_core.training import decoders, models, nn, preprocessing

__all__ = ["decoders", "models", "nn", "preprocessing"]
