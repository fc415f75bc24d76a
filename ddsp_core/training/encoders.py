"""Magenta's `ddsp.training.encoders`."""

from ddsp_core.nn.latents import (
    AggregateFeaturesEncoder,
    ExpressionEncoder,
    MfccEncoder,
    MfccRnnEncoder,
    MfccTimeDistributedRnnEncoder,
    OneHotEncoder,
    ZEncoder,
)
from ddsp_core.nn.midi_coders import HarmonicToMidiEncoder, MidiEncoder
from ddsp_core.nn.sinusoidal_encoders import (
    ResnetSinusoidalEncoder,
    SinusoidalToHarmonicEncoder,
)

__all__ = [
    "AggregateFeaturesEncoder",
    "ExpressionEncoder",
    "HarmonicToMidiEncoder",
    "MfccEncoder",
    "MfccRnnEncoder",
    "MfccTimeDistributedRnnEncoder",
    "MidiEncoder",
    "OneHotEncoder",
    "ResnetSinusoidalEncoder",
    "SinusoidalToHarmonicEncoder",
    "ZEncoder",
]
