"""Magenta's `ddsp.training.decoders`."""

from ddsp_core.nn.decoders import RnnFcDecoder

__all__ = ["RnnFcDecoder"]
