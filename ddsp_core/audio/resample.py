"""Band-limited resampling, phased from the recording's first sample."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from ddsp_core.audio.blocks import Block
from ddsp_core.errors import AudioError

# soxr's best recipe: 28-bit precision, linear phase, nothing above the new Nyquist.
QUALITY: Final = "VHQ"


def resample(audio: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """Resample audio without aliases; sample 0 stays at time 0.

    Args:
        audio: Mono, [n_in] float32.
        rate_in: In Hz.
        rate_out: In Hz.

    Returns:
        [n_in * rate_out // rate_in] float32.

    Raises:
        AudioError: The audio is not a vector, or a rate is not positive.

    >>> len(resample(np.zeros(44_100, np.float32), 44_100, 16_000))
    16000
    """
    if audio.ndim != 1 or rate_in < 1 or rate_out < 1:
        raise AudioError(
            f"audio of shape {audio.shape} from {rate_in} Hz to {rate_out} Hz cannot be"
            " resampled; needed a vector and positive rates"
        )
    audio = np.asarray(audio, np.float32)
    n_out = len(audio) * rate_out // rate_in
    if rate_in == rate_out or not n_out:
        return audio[:n_out]
    result = soxr.resample(audio, rate_in, rate_out, QUALITY)[:n_out]
    return np.pad(result, (0, n_out - len(result)))


def resample_block(block: Block, rate_out: int) -> tuple[np.ndarray, int, int]:
    """Resample a block; its grid of whole seconds keeps every position exact.

    Args:
        block: Of any rate.
        rate_out: In Hz.

    Returns:
        The block's audio at `rate_out`, and how many samples of it are context before
        the core, and core.
    """
    audio = resample(block.audio, block.sample_rate, rate_out)
    n_before = block.n_before * rate_out // block.sample_rate
    n_core = block.n_core * rate_out // block.sample_rate
    return audio, n_before, n_core
