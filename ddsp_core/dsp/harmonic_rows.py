"""Sums of harmonics over rows of samples that share two sets of amplitudes.

A row is one frame: its amplitudes fade from `ends[..., 0]` to `ends[..., 1]`. The
kernels come in two ways (see `compiled`), each a few rows at a time, so that the sines
of all harmonics are never in memory at once.

Args of all:
    ends: Amplitudes at both ends of each row, [n, n_harmonics, 2].
    cycles: Phase of the fundamental in [-0.5, 0.5], [n, hop_size].
    first_silent: Harmonics from this number on are silent, [n, hop_size].
    fades: Weights of the two ends, [hop_size, 2].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.compiled import compiled

# Sines formed at a time: 4 MB of float32, which stays in a CPU's cache.
CHUNK_ELEMENTS: Final = 2**20
# sin(2 pi x) = x (1 - 4 x^2) P(x^2) for x in [-0.5, 0.5]: P of least greatest error,
# 1.0e-07, found by iterated reweighted least squares.
SINE: Final = (6.28318260, -16.20867028, 16.76097451, -9.53079922, 3.05832537)


class Kernels(NamedTuple):
    """The sum, and its gradients for an upstream gradient [n, hop_size]."""

    total: Callable[..., tf.Tensor]
    d_ends: Callable[..., tf.Tensor]
    d_cycles: Callable[..., tf.Tensor]


def plain_total(
    ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor, fades: Any
) -> tf.Tensor:
    """Return the sum over harmonics, [n, hop_size]."""

    def rows(ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor) -> tf.Tensor:
        sines = tf.sin(_angle(cycles, ends)) * _audible(first_silent, ends)
        return tf.reduce_sum(tf.matmul(sines, ends) * fades, -1)

    return _map_chunks(rows, ends, cycles, first_silent)


def plain_d_ends(
    upstream: tf.Tensor,
    ends: tf.Tensor,
    cycles: tf.Tensor,
    first_silent: tf.Tensor,
    fades: Any,
) -> tf.Tensor:
    """Return the gradient of `ends`, [n, n_harmonics, 2]."""

    def rows(ends: tf.Tensor, cycles: Any, first_silent: Any, upstream: Any) -> Any:
        sines = tf.sin(_angle(cycles, ends)) * _audible(first_silent, ends)
        faded = upstream[..., tf.newaxis] * fades
        return tf.matmul(sines, faded, transpose_a=True)

    return _map_chunks(rows, ends, cycles, first_silent, upstream)


def plain_d_cycles(
    upstream: tf.Tensor,
    ends: tf.Tensor,
    cycles: tf.Tensor,
    first_silent: tf.Tensor,
    fades: Any,
) -> tf.Tensor:
    """Return the gradient of `cycles`, [n, hop_size]."""

    def rows(ends: tf.Tensor, cycles: Any, first_silent: Any, upstream: Any) -> Any:
        cosines = tf.cos(_angle(cycles, ends)) * _audible(first_silent, ends)
        steep = ends * (2 * math.pi * _numbers(ends))[:, np.newaxis]
        return upstream * tf.reduce_sum(tf.matmul(cosines, steep) * fades, -1)

    return _map_chunks(rows, ends, cycles, first_silent, upstream)


@compiled
def fast_total(
    ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor, fades: tf.Tensor
) -> tf.Tensor:
    """As `plain_total`."""

    def rows(ends: tf.Tensor, cycles: tf.Tensor, first_silent: tf.Tensor) -> tf.Tensor:
        # [chunk, n_harmonics, hop_size]: samples last, which processors add abreast.
        sines = _sine(cycles[:, tf.newaxis] * _column(ends))
        return _audible_sum(_faded(ends, fades) * sines, first_silent, ends)

    return _map_chunks(rows, ends, cycles, first_silent)


@compiled
def fast_d_ends(
    upstream: tf.Tensor,
    ends: tf.Tensor,
    cycles: tf.Tensor,
    first_silent: tf.Tensor,
    fades: tf.Tensor,
) -> tf.Tensor:
    """As `plain_d_ends`."""

    def rows(ends: tf.Tensor, cycles: Any, first_silent: Any, upstream: Any) -> Any:
        # [chunk, hop_size, n_harmonics]: here harmonics are what stands abreast.
        sines = _sine(cycles[..., tf.newaxis] * _numbers(ends))
        is_audible = first_silent[..., tf.newaxis] > _numbers(ends)
        sines = tf.where(is_audible, sines, 0.0)
        faded = upstream[..., tf.newaxis] * fades
        ends = [faded[..., end, tf.newaxis] * sines for end in (0, 1)]
        return tf.stack([tf.reduce_sum(end, 1) for end in ends], -1)

    return _map_chunks(rows, ends, cycles, first_silent, upstream)


@compiled
def fast_d_cycles(
    upstream: tf.Tensor,
    ends: tf.Tensor,
    cycles: tf.Tensor,
    first_silent: tf.Tensor,
    fades: tf.Tensor,
) -> tf.Tensor:
    """As `plain_d_cycles`."""

    def rows(ends: tf.Tensor, cycles: Any, first_silent: Any, upstream: Any) -> Any:
        cosines = _sine(cycles[:, tf.newaxis] * _column(ends) + 0.25)
        steep = _faded(ends, fades) * (2 * math.pi * _column(ends))
        return upstream * _audible_sum(steep * cosines, first_silent, ends)

    return _map_chunks(rows, ends, cycles, first_silent, upstream)


PLAIN: Final = Kernels(plain_total, plain_d_ends, plain_d_cycles)
FAST: Final = Kernels(fast_total, fast_d_ends, fast_d_cycles)


def _sine(cycles: tf.Tensor) -> tf.Tensor:
    """The sine of an angle in cycles."""
    x = cycles - tf.round(cycles)
    y = x * x
    value = tf.constant(SINE[-1])
    for coefficient in SINE[-2::-1]:
        value = value * y + coefficient
    return value * (x - 4.0 * x * y)


def _faded(ends: tf.Tensor, fades: tf.Tensor) -> tf.Tensor:
    """Amplitudes at every sample, [chunk, n_harmonics, hop_size]."""
    return ends[..., :1] * fades[:, 0] + ends[..., 1:] * fades[:, 1]


def _audible_sum(terms: tf.Tensor, first_silent: tf.Tensor, ends: Any) -> tf.Tensor:
    """Sum over harmonics, [chunk, n_harmonics, hop_size], of those below Nyquist."""
    is_audible = first_silent[:, tf.newaxis] > _column(ends)
    return tf.reduce_sum(tf.where(is_audible, terms, 0.0), 1)


def _angle(cycles: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
    """Angle of each harmonic in [-pi, pi], [chunk, hop_size, n_harmonics]."""
    angle = cycles[..., tf.newaxis] * _numbers(ends)
    return (angle - tf.round(angle)) * (2 * math.pi)


def _audible(first_silent: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
    """1 where a harmonic is below Nyquist, else 0."""
    return tf.cast(first_silent[..., tf.newaxis] > _numbers(ends), tf.float32)


def _numbers(ends: tf.Tensor) -> np.ndarray:
    """The numbers of the harmonics, from 1."""
    return np.arange(1, ends.shape[1] + 1, dtype=np.float32)


def _column(ends: tf.Tensor) -> np.ndarray:
    """The numbers of the harmonics, [n_harmonics, 1]."""
    return _numbers(ends)[:, np.newaxis]


def _map_chunks(
    rows: Callable[..., tf.Tensor], ends: tf.Tensor, cycles: tf.Tensor, *more: tf.Tensor
) -> tf.Tensor:
    """Call `rows` on some rows of each argument at a time, and join the results."""
    args = (ends, cycles, *more)
    chunk = max(1, CHUNK_ELEMENTS // (int(ends.shape[1]) * int(cycles.shape[1])))
    n = cycles.shape[0] or tf.shape(cycles)[0]
    n_missing = -n % chunk

    def split(x: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(x, [[0, n_missing]] + [[0, 0]] * (len(x.shape) - 1))
        return tf.reshape(padded, [-1, chunk, *x.shape[1:]])

    output = tf.map_fn(
        lambda parts: rows(*parts),
        tuple(split(x) for x in args),
        fn_output_signature=tf.float32,
        parallel_iterations=1,  # more would hold more chunks in memory at once
    )
    return tf.reshape(output, [-1, *output.shape[2:]])[:n]
