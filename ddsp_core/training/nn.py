"""Magenta's `ddsp.training.nn`."""

from ddsp_core.nn.dict_layer import DictLayer, OutputSplitsLayer, split_to_dict
from ddsp_core.nn.rnn import Rnn, StatelessRnn
from ddsp_core.nn.stacks import Fc, FcStack, get_nonlinearity

__all__ = [
    "DictLayer",
    "Fc",
    "FcStack",
    "OutputSplitsLayer",
    "Rnn",
    "StatelessRnn",
    "get_nonlinearity",
    "split_to_dict",
]
