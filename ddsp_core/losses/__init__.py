"""Magenta's `ddsp.losses`: losses on audio and on controls, one topic a file."""

from ddsp_core.losses.base import Loss, LossGroup
from ddsp_core.losses.consistency import (
    FilteredNoiseConsistencyLoss,
    HarmonicConsistencyLoss,
    amp_loss,
    freq_loss,
)
from ddsp_core.losses.density import KDEConsistencyLoss
from ddsp_core.losses.difference import ParamLoss, mean_difference
from ddsp_core.losses.embedding import (
    EmbeddingLoss,
    PretrainedCREPE,
    PretrainedCREPEEmbeddingLoss,
)
from ddsp_core.losses.spectral import SpectralLoss, spectral_loss
from ddsp_core.losses.transcription import HmmTranscriber
from ddsp_core.losses.two_way_mismatch import TWMLoss
from ddsp_core.losses.wasserstein import (
    WassersteinConsistencyLoss,
    wasserstein_distance,
)

__all__ = [
    "EmbeddingLoss",
    "FilteredNoiseConsistencyLoss",
    "HarmonicConsistencyLoss",
    "HmmTranscriber",
    "KDEConsistencyLoss",
    "Loss",
    "LossGroup",
    "ParamLoss",
    "PretrainedCREPE",
    "PretrainedCREPEEmbeddingLoss",
    "SpectralLoss",
    "TWMLoss",
    "WassersteinConsistencyLoss",
    "amp_loss",
    "freq_loss",
    "mean_difference",
    "spectral_loss",
    "wasserstein_distance",
]
