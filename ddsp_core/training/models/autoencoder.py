"""Magenta's `ddsp.training.models.autoencoder`."""

from ddsp_core.models.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
