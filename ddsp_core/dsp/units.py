"""Conversions between units of level, pitch and frequency."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.maths import log10, logb, tf_float32

# What Magenta annotates its conversions with: they keep the type they are given.
Number = TypeVar("Number", int, float, np.ndarray, tf.Tensor)
DB_RANGE = 80.0  # dB below the reference at which levels are clipped.
A4_HZ = 440.0
A4_MIDI = 69.0


def amplitude_to_db(
    amplitude: Any, ref_db: float = 0.0, range_db: float = DB_RANGE, use_tf: bool = True
) -> Any:
    """Return a linear amplitude in dB above `ref_db`; see `power_to_db`."""
    return power_to_db(amplitude**2.0, ref_db, range_db, use_tf)


def power_to_db(
    power: Any, ref_db: float = 0.0, range_db: float = DB_RANGE, use_tf: bool = True
) -> Any:
    """Return a linear power in dB.

    Args:
        power: Any shape.
        ref_db: What 0 dB stands for.
        range_db: Powers below -range_db are raised to it, before and after `ref_db`.
        use_tf: Compute a tensor; else a numpy array.
    """
    maximum, log = (tf.maximum, log10) if use_tf else (np.maximum, np.log10)
    db = 10.0 * log(maximum(10 ** -(range_db / 10.0), power)) - ref_db
    return maximum(db, -range_db)


def db_to_amplitude(db: Any) -> Any:
    """Return a level in dB as a linear amplitude."""
    return db_to_power(db / 2.0)


def db_to_power(db: Any) -> Any:
    """Return a level in dB as a linear power."""
    return 10.0 ** (db / 10.0)


def midi_to_hz(notes: Any, midi_zero_silence: bool = False) -> tf.Tensor:
    """Return MIDI pitch in Hz.

    Args:
        notes: MIDI pitch, any shape.
        midi_zero_silence: Turn pitch 0 into 0 Hz.

    >>> float(midi_to_hz(69.0))
    440.0
    """
    notes = tf_float32(notes)
    hz = A4_HZ * (2.0 ** ((notes - A4_MIDI) / 12.0))
    return tf.where(tf.equal(notes, 0.0), 0.0, hz) if midi_zero_silence else hz


def hz_to_midi(frequencies: Any) -> tf.Tensor:
    """Return frequencies in Hz as MIDI pitch; 0 Hz and less give pitch 0."""
    frequencies = tf_float32(frequencies)
    notes = 12.0 * (logb(frequencies, 2.0) - logb(A4_HZ, 2.0)) + A4_MIDI
    return tf.where(tf.less_equal(frequencies, 0.0), 0.0, notes)


def unit_to_midi(
    unit: Any, midi_min: Any = 20.0, midi_max: Any = 90.0, clip: bool = False
) -> Any:
    """Map [0, 1] linearly to MIDI pitch in [midi_min, midi_max]."""
    unit = tf.clip_by_value(unit, 0.0, 1.0) if clip else unit
    return midi_min + (midi_max - midi_min) * unit


def midi_to_unit(
    midi: Any, midi_min: Any = 20.0, midi_max: Any = 90.0, clip: bool = False
) -> Any:
    """Map MIDI pitch in [midi_min, midi_max] linearly to [0, 1]."""
    unit = (midi - midi_min) / (midi_max - midi_min)
    return tf.clip_by_value(unit, 0.0, 1.0) if clip else unit


def unit_to_hz(unit: Any, hz_min: Any, hz_max: Any, clip: bool = False) -> tf.Tensor:
    """Map [0, 1] to [hz_min, hz_max], evenly in pitch."""
    return midi_to_hz(unit_to_midi(unit, hz_to_midi(hz_min), hz_to_midi(hz_max), clip))


def hz_to_unit(hz: Any, hz_min: Any, hz_max: Any, clip: bool = False) -> tf.Tensor:
    """Map [hz_min, hz_max] to [0, 1], evenly in pitch."""
    return midi_to_unit(hz_to_midi(hz), hz_to_midi(hz_min), hz_to_midi(hz_max), clip)


def hz_to_bark(hz: Any) -> Any:
    """Return Hz in Bark (Traunmüller 1990, doi:10.1121/1.399849)."""
    return 26.81 / (1.0 + (1960.0 / hz)) - 0.53


def bark_to_hz(bark: Any) -> Any:
    """Return Bark in Hz (Traunmüller 1990, doi:10.1121/1.399849)."""
    return 1960.0 / (26.81 / (bark + 0.53) - 1.0)


def hz_to_mel(hz: Any) -> tf.Tensor:
    """Return Hz in mel (Young et al., The HTK Book, 5.4)."""
    return 2595.0 * logb(1.0 + hz / 700.0, 10.0)


def mel_to_hz(mel: Any) -> Any:
    """Return mel in Hz (Young et al., The HTK Book, 5.4)."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def hz_to_erb(hz: Any) -> Any:
    """Return the equivalent rectangular bandwidth at `hz`, in Hz (Moore, Glasberg)."""
    return 0.108 * hz + 24.7
