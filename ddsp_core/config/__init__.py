"""Gin in Magenta's vocabulary, parsed strictly; the only home of gin."""

from ddsp_core.config.build import Built, build, spec_from_text
from ddsp_core.config.files import load, packaged_names
from ddsp_core.config.options import TrainerOptions, TrainOptions
from ddsp_core.config.resolve import resolve

__all__ = [
    "Built",
    "TrainOptions",
    "TrainerOptions",
    "build",
    "load",
    "packaged_names",
    "resolve",
    "spec_from_text",
]
