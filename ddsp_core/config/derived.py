"""Macros that a config may read without defining them: sizes a dataset decides.

A config that defines one of them itself is taken at its word.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ddsp_core.spec import FEATURE_RATE, ExampleSpec
from ddsp_core.statistics import Statistics

# What Magenta's configs use at 16 kHz.
FFT_SIZES_16K: Final = (2048, 1024, 512, 256, 128, 64)  # samples
NOISE_INTERVALS_16K: Final = 64  # between bands, up to Nyquist
REVERB_SECS: Final = 3

LOW_QUANTILE: Final = 0.02  # of f0: lower is a creak, or a mistake of the tracker.
MAX_HARMONICS: Final = 200


def macros(spec: ExampleSpec, statistics: Statistics | None = None) -> dict[str, Any]:
    """Return the value of every macro.

    Args:
        spec: Of the examples.
        statistics: Of the dataset; without them its range is unknown, and there are
            `MAX_HARMONICS`.
    """
    return {
        "fft_sizes": fft_sizes(spec.sample_rate),
        "n_harmonics": n_harmonics(spec.sample_rate, statistics),
        "n_noise_bands": n_noise_bands(spec.sample_rate),
        "reverb_length": REVERB_SECS * spec.sample_rate,
    }


def fft_sizes(sample_rate: int) -> tuple[int, ...]:
    """Return powers of two that last about as long as Magenta's at 16 kHz.

    >>> fft_sizes(48000)
    (8192, 4096, 2048, 1024, 512, 256)
    """
    factor = 2 ** round(math.log2(sample_rate / FEATURE_RATE))
    return tuple(max(1, int(size * factor)) for size in FFT_SIZES_16K)


def n_harmonics(sample_rate: int, statistics: Statistics | None = None) -> int:
    """Return how many harmonics reach Nyquist from the lowest notes.

    Args:
        sample_rate: In Hz.
        statistics: Of the dataset, or None.

    >>> n_harmonics(44100)
    200
    """
    if statistics is None:
        return MAX_HARMONICS
    low_midi = float(statistics.f0_midi.quantile(LOW_QUANTILE))
    if math.isnan(low_midi):  # no frame sounds
        return MAX_HARMONICS
    low_hz = 440.0 * 2.0 ** ((low_midi - 69.0) / 12.0)
    return min(MAX_HARMONICS, math.ceil(sample_rate / 2 / low_hz))


def n_noise_bands(sample_rate: int) -> int:
    """Return bands of filtered noise that lie as close as Magenta's at 16 kHz.

    >>> n_noise_bands(16000), n_noise_bands(48000)
    (65, 193)
    """
    return round(NOISE_INTERVALS_16K * sample_rate / FEATURE_RATE) + 1
