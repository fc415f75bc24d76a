"""Magenta's `ddsp.spectral_ops`: its names, from `ddsp_core.dsp` and `features`."""

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
from ddsp_core.features.crepe import FRAME_SIZE as CREPE_FRAME_SIZE
from ddsp_core.features.pretrained import (
    CREPE_SAMPLE_RATE,
    PretrainedCREPE,
    compute_f0,
    reset_crepe,
)

F0_RANGE = 127.0  # MIDI pitch

__all__ = [
    "CREPE_FRAME_SIZE",
    "CREPE_SAMPLE_RATE",
    "DB_RANGE",
    "F0_RANGE",
    "PretrainedCREPE",
    "compute_f0",
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
    "reset_crepe",
    "safe_log",
    "stft",
    "stft_np",
    "tf_float32",
]
