"""Magenta's `ddsp.training.models`."""

from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.models.inverse_synthesis import InverseSynthesis
from ddsp_core.models.midi_autoencoder import MidiAutoencoder
from ddsp_core.models.model import Model, get_model
from ddsp_core.models.z_midi_autoencoder import ZMidiAutoencoder
from ddsp_core.training.models import (
    autoencoder,
    inverse_synthesis,
    midi_autoencoder,
    model,
)

__all__ = [
    "Autoencoder",
    "InverseSynthesis",
    "MidiAutoencoder",
    "Model",
    "ZMidiAutoencoder",
    "autoencoder",
    "get_model",
    "inverse_synthesis",
    "midi_autoencoder",
    "model",
]
