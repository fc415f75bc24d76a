"""Model directories and checkpoints, in Magenta's format of today."""

from ddsp_core.checkpoints.directory import ModelDirectory, open_model
from ddsp_core.checkpoints.restore import RestoreReport, compare, restore
from ddsp_core.checkpoints.save import save

__all__ = [
    "ModelDirectory",
    "RestoreReport",
    "compare",
    "open_model",
    "restore",
    "save",
]
