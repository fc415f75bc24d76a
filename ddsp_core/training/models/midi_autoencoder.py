"""Magenta's `ddsp.training.models.midi_autoencoder`."""

from ddsp_core.models.midi_autoencoder import MidiAutoencoder
from ddsp_core.models.z_midi_autoencoder import ZMidiAutoencoder

__all__ = ["MidiAutoencoder", "ZMidiAutoencoder"]
