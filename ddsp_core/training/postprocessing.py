"""Magenta's `ddsp.training.postprocessing`."""

from ddsp_core.postprocessing.dataset import compute_dataset_statistics
from ddsp_core.postprocessing.quantiles import (
    QuantileTransformer,
    fit_quantile_transform,
)
from ddsp_core.postprocessing.smoothing import detect_notes, smooth

__all__ = [
    "QuantileTransformer",
    "compute_dataset_statistics",
    "detect_notes",
    "fit_quantile_transform",
    "smooth",
]
