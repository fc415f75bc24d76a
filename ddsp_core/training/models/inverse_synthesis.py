"""Magenta's `ddsp.training.models.inverse_synthesis`."""

from ddsp_core.models.inverse_synthesis import InverseSynthesis

__all__ = ["InverseSynthesis"]
