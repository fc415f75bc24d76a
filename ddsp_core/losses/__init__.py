"""Magenta's `ddsp.losses`: losses on audio and on controls, one topic a file."""

from ddsp_core.losses.base import Loss, LossGroup
from ddsp_core.losses.difference import ParamLoss, mean_difference
from ddsp_core.losses.spectral import SpectralLoss, spectral_loss

__all__ = [
    "Loss",
    "LossGroup",
    "ParamLoss",
    "SpectralLoss",
    "mean_difference",
    "spectral_loss",
]
