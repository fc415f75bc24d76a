"""Magenta's `ddsp.training.models.model`."""

from ddsp_core.models.model import Model

__all__ = ["Model"]
