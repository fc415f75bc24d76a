"""Magenta's `ddsp.spectral_ops`: its names, gathered from `ddsp_core.dsp`."""

from ddsp_core.dsp.framing import (
    get_framed_lengths,
    pad,
    pad_or_trim_to_expected_length,
)
from ddsp_core.dsp.loudness import compute_loudness, compute_power, compute_rms_energy
from ddsp_core.dsp.maths import safe_log, tf_float32
from ddsp_core.dsp.spectra import (
    compute_logmag,
    compute_logmel,
    compute_mag,
    compute_mel,
    compute_mfcc,
    stft,
    stft_np,
)
from ddsp_core.dsp.units import DB_RANGE

F0_RANGE = 127.0  # MIDI pitch
CREPE_SAMPLE_RATE = 16000  # Hz
CREPE_FRAME_SIZE = 1024  # samples

__all__ = [
    "CREPE_FRAME_SIZE",
    "CREPE_SAMPLE_RATE",
    "DB_RANGE",
    "F0_RANGE",
    "compute_logmag",
    "compute_logmel",
    "compute_loudness",
    "compute_mag",
    "compute_mel",
    "compute_mfcc",
    "compute_power",
    "compute_rms_energy",
    "get_framed_lengths",
    "pad",
    "pad_or_trim_to_expected_length",
    "safe_log",
    "stft",
    "stft_np",
    "tf_float32",
]
