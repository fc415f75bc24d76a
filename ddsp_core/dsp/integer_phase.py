"""Phase in whole numbers, as exact as in float64, which TFLite does not have.

A float32 frequency of 8 Hz or more is a whole number of steps of 2**-20 Hz. Between two
frames it is linear, so phase is a quadratic in the sample with whole coefficients, and
int64 holds it without rounding.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tensorflow as tf

STEPS_PER_HZ: Final = 2**20
# More would overflow: 2 * hop**2 * Nyquist in steps must stay below 2**63.
MAX_HOP_SIZE: Final = 2**13


def fits(hop_size: int, sample_rate: Any, start_cycles: Any) -> bool:
    """Whether `cycles` serves: a whole rate, a short hop, and no phase before."""
    is_start = isinstance(start_cycles, int | float) and start_cycles == 0
    return is_start and int(sample_rate) == sample_rate and hop_size < MAX_HOP_SIZE


def cycles(f0_hz: tf.Tensor, hop_size: int, sample_rate: int) -> tf.Tensor:
    """Return the phase of a gliding tone, as `harmonic_sum.phase_cycles` does.

    Args:
        f0_hz: At both ends of every frame, float32 [batch, n_frames + 1].
        hop_size: Samples between frames.
        sample_rate: In Hz.

    Returns:
        Cycles in [-0.5, 0.5], float32 [batch, n_frames, hop_size].
    """
    cycle = 2 * hop_size * int(sample_rate) * STEPS_PER_HZ
    steps = tf.cast(f0_hz * float(STEPS_PER_HZ), tf.int64)[..., tf.newaxis]
    start, step = steps[:, :-1], steps[:, 1:] - steps[:, :-1]
    advance = start * (2 * hop_size**2) + step * (hop_size * (hop_size - 1))
    before = tf.cumsum(advance % cycle, axis=1, exclusive=True) % cycle
    n = np.arange(hop_size, dtype=np.int64)
    phase = before + start * (2 * hop_size * (n + 1)) + step * (n * (n + 1))
    centred = (phase + cycle // 2) % cycle - cycle // 2
    return tf.cast(centred, tf.float32) * (1.0 / cycle)
