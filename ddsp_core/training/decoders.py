"""Magenta's `ddsp.training.decoders`."""

from ddsp_core.nn.decoders import DilatedConvDecoder, RnnFcDecoder
from ddsp_core.nn.midi_coders import MidiDecoder, MidiToHarmonicDecoder

__all__ = [
    "DilatedConvDecoder",
    "MidiDecoder",
    "MidiToHarmonicDecoder",
    "RnnFcDecoder",
]
