"""Magenta's `ddsp.training.nn`."""

from ddsp_core.nn.dict_layer import DictLayer, OutputSplitsLayer, split_to_dict
from ddsp_core.nn.dilated import DilatedConvStack
from ddsp_core.nn.keras import gin_register_keras_layers
from ddsp_core.nn.normalization import (
    ConditionalNorm,
    ConditionalScaleAndShift,
    Normalize,
    ensure_4d,
    get_norm,
    inv_ensure_4d,
    normalize_op,
)
from ddsp_core.nn.notes import (
    get_note_lengths,
    get_note_mask,
    get_note_mask_from_onset,
    get_note_moments,
    get_short_note_loss_mask,
    pool_over_notes,
)
from ddsp_core.nn.polyphase import PolyphaseResample, polyphase_resample
from ddsp_core.nn.quantization import VectorQuantization
from ddsp_core.nn.resnet import NormReluConv, ResidualLayer, ResidualStack, ResNet
from ddsp_core.nn.rnn import Rnn, StatelessRnn
from ddsp_core.nn.spectral_norm import SpectralNormalization
from ddsp_core.nn.stacks import (
    Dense,
    Fc,
    FcStack,
    FcStackOut,
    Identity,
    RnnFc,
    RnnSandwich,
    SingleGru,
    get_embedding,
    get_nonlinearity,
)
from ddsp_core.nn.straight_through import (
    straight_through_choice,
    straight_through_int_quantization,
    straight_through_softmax,
)

__all__ = [
    "ConditionalNorm",
    "ConditionalScaleAndShift",
    "Dense",
    "DictLayer",
    "DilatedConvStack",
    "Fc",
    "FcStack",
    "FcStackOut",
    "Identity",
    "NormReluConv",
    "Normalize",
    "OutputSplitsLayer",
    "PolyphaseResample",
    "ResNet",
    "ResidualLayer",
    "ResidualStack",
    "Rnn",
    "RnnFc",
    "RnnSandwich",
    "SingleGru",
    "SpectralNormalization",
    "StatelessRnn",
    "VectorQuantization",
    "ensure_4d",
    "get_embedding",
    "get_nonlinearity",
    "get_norm",
    "get_note_lengths",
    "get_note_mask",
    "get_note_mask_from_onset",
    "get_note_moments",
    "get_short_note_loss_mask",
    "gin_register_keras_layers",
    "inv_ensure_4d",
    "normalize_op",
    "polyphase_resample",
    "pool_over_notes",
    "split_to_dict",
    "straight_through_choice",
    "straight_through_int_quantization",
    "straight_through_softmax",
]
