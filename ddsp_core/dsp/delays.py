"""Delays whose length changes from sample to sample."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.checks import check_broadcast, check_positive, check_shape
from ddsp_core.dsp.maths import tf_float32


def variable_length_delay(phase: Any, audio: Any, max_length: int = 512) -> tf.Tensor:
    """Delay audio by a changing amount, linearly between two samples.

    Used in chorus, flanger and vibrato. Differs from the reference in the last sample
    of the range: there a delay between max_length - 1 and max_length fades into the
    undelayed sound, here it is that delay.

    Args:
        phase: Delay as a share of max_length, from 0 to 1, [batch, n_samples, 1] or
            [batch, n_samples].
        audio: [batch, n_samples]; silence is before it.
        max_length: Longest delay, in samples.

    Returns:
        [batch, n_samples].

    Raises:
        ShapeError: A shape is another, or the lengths differ.
    """
    phase, audio = tf_float32(phase), tf_float32(audio)
    check_shape("phase", phase, "[batch, n_samples, 1]", "[batch, n_samples]")
    check_shape("audio", audio, "[batch, n_samples]")
    check_positive(max_length=max_length)
    phase = phase[..., 0] if len(phase.shape) == 3 else phase
    check_broadcast(phase=phase, audio=audio)
    shape = tf.broadcast_dynamic_shape(tf.shape(phase), tf.shape(audio))
    phase, audio = tf.broadcast_to(phase, shape), tf.broadcast_to(audio, shape)
    delay = phase * float(max_length)
    shorter = tf.floor(tf.stop_gradient(delay))
    share = delay - shorter  # of the longer delay
    shorter = tf.cast(tf.clip_by_value(shorter, -2.0, max_length + 1.0), tf.int32)
    n_samples = shape[1]
    padded = tf.pad(audio, [[0, 0], [max_length, 0]])

    def delayed(by: tf.Tensor) -> tf.Tensor:
        inside = tf.cast((by >= 0) & (by <= max_length), tf.float32)
        source = tf.range(n_samples) + max_length - tf.clip_by_value(by, 0, max_length)
        return inside * tf.gather(padded, source, batch_dims=1)

    return (1.0 - share) * delayed(shorter) + share * delayed(shorter + 1)
