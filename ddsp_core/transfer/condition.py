"""From a source's features to what a model is played with."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from ddsp_core.errors import FeatureError
from ddsp_core.features.extract import Features
from ddsp_core.features.f0 import MIN_CONFIDENCE
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from ddsp_core.transfer.gate import (
    SHORTEST_NOTE_SECS,
    gate_gain,
    note_frames,
    without_short_runs,
)
from ddsp_core.transfer.loudness import match_loudness
from ddsp_core.transfer.options import SILENT_DB, TransferOptions
from ddsp_core.transfer.pitch import (
    OctaveChoice,
    fixed_octave,
    hold_pitch,
    hz_to_midi,
    octave_by_magenta,
    octave_by_overlap,
    pitch_range,
    share_inside,
    steady,
)

SILENCE_DB: Final = -80.0  # the feature's floor: what a model was told of silence
LOUDNESS_QUANTILES: Final = (0.005, 0.995)  # of a dataset: its usual dynamics
MAX_MIDI: Final = 127.0


@dataclasses.dataclass(frozen=True)
class Conditioning:
    """What a model is played with, each [n_frames] float32.

    Args:
        f0_hz: Pitch, a note's everywhere.
        loudness_db: Loudness, lowered where the gate is shut.
        gate: Gain of the dry sound, in [0, 1].
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    gate: np.ndarray


@dataclasses.dataclass(frozen=True)
class Fit:
    """What was done to fit a source to a model, for people.

    Args:
        octaves: By which the pitch was moved by rule.
        notes_share: Share of frames in which a note sounds.
        pitch_inside_before: Share of note frames within the model's pitch range.
        pitch_inside: The same, as played.
        loudness_inside: Share of note frames within the model's dynamics, as played.
        adjusted: Whether octave and loudness were fitted to statistics.
    """

    octaves: int
    notes_share: float
    pitch_inside_before: float
    pitch_inside: float
    loudness_inside: float
    adjusted: bool


def condition(
    features: Features,
    spec: ExampleSpec,
    statistics: Statistics | None,
    options: TransferOptions,
) -> tuple[Conditioning, Fit]:
    """Fit a source to a model: octave, loudness, gate, and the user's own shifts.

    Args:
        features: Of the source, at the model's frame rate.
        spec: Of the model.
        statistics: Of the model's dataset; None adjusts nothing.
        options: The user's.

    Raises:
        FeatureError: The features hold NaN or infinity.
    """
    _check_finite(features)
    notes = note_frames(features, spec.frame_rate, options.threshold)
    sure = notes & sure_pitch(features, spec.frame_rate)
    f0_midi = hz_to_midi(hold_pitch(features.f0_hz, sure, spec.frame_rate))
    known = (statistics or Statistics()) if options.adjust else Statistics()
    choice = choose_octave(f0_midi[sure], known, options)
    loudness_db = match_loudness(features.loudness_db, sure, known.loudness_db_sounding)
    f0_midi = f0_midi + 12 * choice.octaves + options.manual_semitones
    f0_midi = np.clip(f0_midi, 0, MAX_MIDI)
    loudness_db = loudness_db + options.loudness_shift_db
    gate = with_floor(gate_gain(notes, spec.frame_rate), options.quiet_db)
    played = Conditioning(
        f0_hz=(440 * 2 ** ((f0_midi - 69) / 12)).astype(np.float32),
        loudness_db=gated_loudness(loudness_db, gate),
        gate=gate,
    )
    fit = Fit(
        octaves=choice.octaves,
        notes_share=float(notes.mean()) if len(notes) else 0.0,
        pitch_inside_before=choice.inside_before,
        pitch_inside=_inside(f0_midi[sure], statistics),
        loudness_inside=_inside_dynamics(loudness_db[sure], statistics),
        adjusted=options.adjust and statistics is not None,
    )
    return played, fit


def sure_pitch(features: Features, frame_rate: int) -> np.ndarray:
    """Say where the pitch is to be believed: inside a note it may be lost or slip.

    Returns:
        [n_frames] bool; no run of True is too short to be a note.
    """
    believed = features.f0_confidence >= MIN_CONFIDENCE
    believed &= steady(features.f0_hz, frame_rate)
    return without_short_runs(believed, True, SHORTEST_NOTE_SECS * frame_rate)


def choose_octave(
    f0_midi: np.ndarray, statistics: Statistics, options: TransferOptions
) -> OctaveChoice:
    """Choose the octave shift by the rule that the options name.

    Args:
        f0_midi: Of the source's note frames, [n].
        statistics: Of the model's dataset; empty ones move nothing by rule.
        options: The user's.
    """
    training = statistics.f0_midi
    if options.fixed_octaves is not None:
        return fixed_octave(f0_midi, training, options.fixed_octaves)
    if not training.n or not len(f0_midi):
        return fixed_octave(f0_midi, training, 0)
    if options.octave == "magenta":
        return octave_by_magenta(f0_midi, training)
    return octave_by_overlap(f0_midi, training)


def with_floor(gate: np.ndarray, quiet_db: float) -> np.ndarray:
    """Let a shut gate be `quiet_db` quieter than an open one, or silent.

    >>> with_floor(np.array([0.0, 1.0]), 20.0).tolist()
    [0.10000000149011612, 1.0]
    """
    floor = 0.0 if quiet_db >= SILENT_DB else 10 ** (-quiet_db / 20)
    return np.maximum(gate, floor).astype(np.float32)


def gated_loudness(loudness_db: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """Return the loudness after a gate, no lower than the loudness of silence.

    A model that hears of a rest can end its notes; one that is only muted can't.

    Args:
        loudness_db: [n_frames].
        gate: Gain in [0, 1], [n_frames].
    """
    gain_db = 20 * np.log10(np.maximum(gate, 1e-6))
    return np.maximum(loudness_db + gain_db, SILENCE_DB).astype(np.float32)


def _inside(f0_midi: np.ndarray, statistics: Statistics | None) -> float:
    if statistics is None or not statistics.f0_midi.n:
        return 1.0
    return share_inside(f0_midi, pitch_range(statistics.f0_midi))


def _inside_dynamics(loudness_db: np.ndarray, statistics: Statistics | None) -> float:
    if statistics is None or not statistics.loudness_db_sounding.n:
        return 1.0
    quantiles = statistics.loudness_db_sounding.quantile(np.array(LOUDNESS_QUANTILES))
    return share_inside(loudness_db, (float(quantiles[0]), float(quantiles[1])))


def _check_finite(features: Features) -> None:
    for field in dataclasses.fields(features):
        bad = np.flatnonzero(~np.isfinite(getattr(features, field.name)))
        if len(bad):
            raise FeatureError(
                f"{field.name} has {len(bad)} values that are NaN or infinite, the"
                f" first in frame {bad[0]}; needed finite features"
            )
