"""Magenta's `ddsp.training.models`."""

from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.models.model import Model

__all__ = ["Autoencoder", "Model"]
