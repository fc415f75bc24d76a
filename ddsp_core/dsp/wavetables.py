"""Oscillators that read one period of a sound from a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_broadcast, check_shape
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.phase import accumulate, interpolate
from ddsp_core.dsp.resampling import resample
from ddsp_core.errors import ShapeError


def linear_lookup(phase: Any, wavetables: Any) -> tf.Tensor:
    """Read from periodic tables, linearly between two entries.

    Args:
        phase: Place in the table, from 0 to 1, [batch, n_samples, 1] or
            [batch, n_samples]; outside the table fades to zero within one entry.
        wavetables: [batch, n_samples, n_wavetable], or [batch, n_wavetable] for one
            table at all times. Batch and time broadcast.

    Returns:
        [batch, n_samples].

    Raises:
        ShapeError: A shape is another.
    """
    phase, tables = tf_float32(phase), tf_float32(wavetables)
    check_shape("phase", phase, "[batch, n_samples, 1]", "[batch, n_samples]")
    check_shape(
        "wavetables",
        tables,
        "[batch, n_samples, n_wavetable]",
        "[batch, n_wavetable]",
    )
    phase = phase[..., 0] if len(phase.shape) == 3 else phase
    tables = tables[:, tf.newaxis] if len(tables.shape) == 2 else tables
    check_broadcast(phase=phase, wavetables=tables[..., 0])
    shape = tf.broadcast_dynamic_shape(tf.shape(phase), tf.shape(tables)[:2])
    static = tf.broadcast_static_shape(phase.shape, tables.shape[:2])
    phase = tf.ensure_shape(tf.broadcast_to(phase, shape), static)
    rows = tf.zeros(shape, tf.int32)
    if tables.shape[1] != 1:
        rows += tf.range(shape[1])
    n_table = int(tables.shape[2])
    tables = tf.broadcast_to(tables, tf.stack([shape[0], tf.shape(tables)[1], n_table]))
    return _read(tables, rows, phase * n_table)


def harmonic_distribution_to_wavetable(
    harmonic_distribution: Any, n_wavetable: int = 2048
) -> tf.Tensor:
    """Return one period of cosines of these amplitudes.

    Differs from the reference where `n_wavetable` is odd: there the table is one entry
    short.

    Args:
        harmonic_distribution: From the fundamental up, [batch, time, n_harmonics].
        n_wavetable: Entries of the table; at least twice the harmonics.

    Returns:
        [batch, time, n_wavetable].

    Raises:
        ShapeError: A shape is another, or the table too short.
    """
    shares = tf_float32(harmonic_distribution)
    check_shape("harmonic_distribution", shares, "[batch, time, n_harmonics]")
    n_harmonics = int(shares.shape[-1])
    n_above = n_wavetable // 2 - n_harmonics
    if n_above < 0:
        raise ShapeError(
            f"n_wavetable is {n_wavetable}; {n_harmonics} harmonics need"
            f" {2 * n_harmonics} or more"
        )
    spectrum = tf.pad(shares, [[0, 0], [0, 0], [1, n_above]])
    table = tf.signal.irfft(tf.complex(spectrum, 0.0 * spectrum), [n_wavetable])
    return table * (n_wavetable / 2)


def wavetable_synthesis(
    frequencies: Any,
    amplitudes: Any,
    wavetables: Any,
    n_samples: int = 64000,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Synthesise from tables that change from frame to frame.

    Tables are read at both neighbouring frames and then faded, so none is formed at
    audio rate. Differs from the reference, whose float32 phase drifts: ours is float64.

    Args:
        frequencies: Fundamental in Hz, [batch, n_frames, 1].
        amplitudes: [batch, n_frames, 1].
        wavetables: [batch, n_wavetable] or [batch, n_frames, n_wavetable], with any
            number of frames.
        n_samples: Length of the audio.
        sample_rate: In Hz.

    Returns:
        Audio, [batch, n_samples].

    Raises:
        ShapeError: A shape is another, or n_samples is no multiple of the frames of the
            amplitudes.
    """
    frequencies, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    tables = tf_float32(wavetables)
    check_shape("frequencies", frequencies, "[batch, n_frames, 1]")
    check_shape("amplitudes", amplitudes, "[batch, n_frames, 1]")
    check_shape(
        "wavetables",
        tables,
        "[batch, n_frames, n_wavetable]",
        "[batch, n_wavetable]",
    )
    cycles = accumulate(interpolate(frequencies, n_samples), sample_rate, True)[..., 0]
    cycles = cycles - tf.stop_gradient(tf.floor(cycles))
    tables = tables[:, tf.newaxis] if len(tables.shape) == 2 else tables
    n_batch = tf.maximum(tf.shape(cycles)[0], tf.shape(tables)[0])
    tables = tf.broadcast_to(tables, tf.concat([[n_batch], tf.shape(tables)[1:]], 0))
    cycles = tf.broadcast_to(cycles, [n_batch, n_samples])
    n_frames, n_table = int(tables.shape[1]), int(wavetables.shape[-1])
    place = tf.cast(cycles * n_table, tf.float32)
    position = np.arange(n_samples) * (n_frames / n_samples)
    here = position.astype(np.int32)
    audio = _read(tables, tf.broadcast_to(here, [n_batch, n_samples]), place)
    fade = (position - here).astype(np.float32)
    if fade.any() and n_frames > 1:
        after = np.minimum(here + 1, n_frames - 1)
        end = _read(tables, tf.broadcast_to(after, [n_batch, n_samples]), place)
        audio += fade * (end - audio)
    return audio * resample(amplitudes, n_samples, method="window")[:, :, 0]


def _read(tables: tf.Tensor, rows: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Read row `rows` of periodic tables at `place`, counted in entries.

    Args:
        tables: [batch, n_rows, n_table].
        rows: [batch, n_samples] int32.
        place: From 0 to n_table; fades to zero within one entry outside,
            [batch, n_samples].
    """
    n_table = int(tables.shape[2])
    flat = tf.reshape(tables, [tf.shape(tables)[0], -1])
    before = tf.floor(tf.stop_gradient(place))
    share = place - before  # of the entry after
    before = tf.cast(tf.clip_by_value(before, -2.0, n_table + 1.0), tf.int32)

    def entry(index: tf.Tensor) -> tf.Tensor:
        # Entry n_table is entry 0 of the next period; beyond it there is nothing.
        inside = tf.cast((index >= 0) & (index <= n_table), tf.float32)
        entries = rows * n_table + tf.math.floormod(index, n_table)
        return inside * tf.gather(flat, entries, batch_dims=1)

    return (1.0 - share) * entry(before) + share * entry(before + 1)
