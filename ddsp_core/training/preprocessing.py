"""Magenta's `ddsp.training.preprocessing`."""

from ddsp_core.dsp.units import DB_RANGE
from ddsp_core.nn.preprocessing import (
    F0_RANGE,
    F0LoudnessPreprocessor,
    F0PowerPreprocessor,
    OnlineF0PowerPreprocessor,
    at_least_3d,
    inv_scale_db,
    inv_scale_f0_hz,
    scale_db,
    scale_f0_hz,
)

__all__ = [
    "DB_RANGE",
    "F0_RANGE",
    "F0LoudnessPreprocessor",
    "F0PowerPreprocessor",
    "OnlineF0PowerPreprocessor",
    "at_least_3d",
    "inv_scale_db",
    "inv_scale_f0_hz",
    "scale_db",
    "scale_f0_hz",
]
