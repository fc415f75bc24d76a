"""From unbounded network outputs to the frequencies of sinusoids."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_positive, check_shape
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.scaling import soft_limit
from ddsp_core.dsp.units import bark_to_hz, hz_to_bark, hz_to_erb, unit_to_hz
from ddsp_core.errors import ShapeError, UsageError


def frequencies_softmax(
    freqs: Any, depth: int = 1, hz_min: float = 20.0, hz_max: float = 8000.0
) -> tf.Tensor:
    """Return the mean pitch of a distribution over pitches between two frequencies.

    Args:
        freqs: Network outputs, [batch, time, n_sinusoids * depth] or
            [batch, time, n_sinusoids, depth].
        depth: Pitches in a distribution, if `freqs` has three axes.
        hz_min: Lowest frequency.
        hz_max: Highest frequency.

    Returns:
        In Hz, [batch, time, n_sinusoids].

    Raises:
        ShapeError: The last of three axes is no multiple of `depth`.
    """
    freqs = _with_depth(freqs, depth)
    places = np.linspace(0.0, 1.0, int(freqs.shape[-1]), dtype=np.float32)
    unit = tf.reduce_sum(tf.nn.softmax(freqs, axis=-1) * places, axis=-1)
    return unit_to_hz(unit, hz_min=hz_min, hz_max=hz_max)


def frequencies_sigmoid(
    freqs: Any, depth: int = 1, hz_min: float = 0.0, hz_max: float = 8000.0
) -> tf.Tensor:
    """Return a sum of sigmoids, each of a finer part of the range.

    Of the range's width w, sigmoid i takes the part from w f**-(i + 1) to w f**-i with
    f = w**(1 / depth); the last one takes what is left, above `hz_min`.

    Args:
        freqs: Network outputs, [batch, time, n_sinusoids * depth] or
            [batch, time, n_sinusoids, depth].
        depth: Sigmoids of a sinusoid, if `freqs` has three axes.
        hz_min: Lowest frequency.
        hz_max: Highest frequency.

    Returns:
        In Hz, [batch, time, n_sinusoids].

    Raises:
        ShapeError: The last of three axes is no multiple of `depth`.
    """
    units = tf.nn.sigmoid(_with_depth(freqs, depth))
    depth = int(units.shape[-1])
    width = hz_max - hz_min
    edges = [width ** (1.0 - i / depth) for i in range(depth)]
    parts = [
        unit_to_hz(units[..., i], hz_min=0.0, hz_max=edges[i] - edges[i + 1])
        for i in range(depth - 1)
    ]
    parts.append(unit_to_hz(units[..., -1], hz_min=hz_min, hz_max=edges[-1]))
    return tf.add_n(parts)


def frequencies_critical_bands(
    freqs: Any,
    depth: int = 1,
    depth_scale: float = 10.0,
    bandwidth_scale: float = 1.0,
    hz_min: float = 20.0,
    hz_max: float = 8000.0,
    scale: str = "bark",
) -> tf.Tensor:
    """Return frequencies around fixed centres, within the bandwidths of hearing.

    As in the reference, the soft limit of the lowest frequency raises all by hz_min.

    Args:
        freqs: Network outputs, [batch, time, n_sinusoids * depth] or
            [batch, time, n_sinusoids, depth].
        depth: Terms of a sinusoid's deviation, if `freqs` has three axes.
        depth_scale: Each term counts this much less than the one before.
        bandwidth_scale: Largest deviation of the first term, in equivalent rectangular
            bandwidths (Moore and Glasberg).
        hz_min: Lowest frequency, a soft limit.
        hz_max: Highest frequency, a soft limit.
        scale: Centres lie evenly in 'bark' or 'mel'.

    Returns:
        In Hz, [batch, time, n_sinusoids].

    Raises:
        ShapeError: The last of three axes is no multiple of `depth`.
        UsageError: `scale` is unknown.
    """
    freqs = _with_depth(freqs, depth)
    n_sinusoids, depth = int(freqs.shape[-2]), int(freqs.shape[-1])
    centers = _centers(n_sinusoids, hz_min, hz_max, scale)
    weights = (float(depth_scale) ** -np.arange(depth)).astype(np.float32)
    deviation = tf.reduce_sum(tf.tanh(freqs) * weights, axis=-1)
    bandwidths = (bandwidth_scale * hz_to_erb(centers)).astype(np.float32)
    frequencies = centers.astype(np.float32) + bandwidths * deviation
    return soft_limit(frequencies, hz_min, hz_max)


def _centers(n: int, hz_min: float, hz_max: float, scale: str) -> np.ndarray:
    """Frequencies in Hz that lie evenly on a scale of hearing, float64 [n]."""
    if scale == "bark":
        even = np.linspace(hz_to_bark(hz_min), hz_to_bark(hz_max), n)
        return np.asarray(bark_to_hz(even))
    if scale == "mel":  # `units.hz_to_mel`, on numbers
        even = np.linspace(np.log1p(hz_min / 700.0), np.log1p(hz_max / 700.0), n)
        return 700.0 * np.expm1(even)
    raise UsageError(f"scale is {scale!r}; it must be 'bark' or 'mel'")


def _with_depth(freqs: Any, depth: int) -> tf.Tensor:
    """[batch, time, n_sinusoids * depth] as [batch, time, n_sinusoids, depth]."""
    freqs = tf_float32(freqs)
    check_shape(
        "freqs",
        freqs,
        "[batch, time, n_sinusoids * depth]",
        "[batch, time, n_sinusoids, depth]",
    )
    if len(freqs.shape) == 4:
        return freqs
    check_positive(depth=depth)
    n_outputs = int(freqs.shape[-1])
    if n_outputs % depth:
        raise ShapeError(
            f"freqs has shape {list(freqs.shape)}; its last axis must be a multiple of"
            f" depth, {depth}"
        )
    split = [n_outputs // depth, depth]
    deep = tf.reshape(freqs, tf.concat([tf.shape(freqs)[:2], split], axis=0))
    return tf.ensure_shape(deep, [*freqs.shape[:2], *split])
