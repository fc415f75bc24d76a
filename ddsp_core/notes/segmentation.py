"""From a model's controls to notes: where they are, at which pitch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.errors import ShapeError
from ddsp_core.notes.sequence import Note, NoteSequence

DDSP_DEFAULT_FRAME_RATE: Final = 250  # Hz
FULL_VELOCITY: Final = 127  # of every note: amplitude is not mapped to it.

Controls = Mapping[str, Any]
Binarize = Callable[[Controls], Any]
Pick = Callable[..., Any]  # (controls, start=, stop=) -> a number


def segment_notes(
    binarize_f: Binarize,
    pick_f0_f: Pick,
    pick_amps_f: Pick,
    controls: Controls,
    frame_rate: int = DDSP_DEFAULT_FRAME_RATE,
) -> NoteSequence:
    """Return the notes of one example.

    Args:
        binarize_f: From controls to whether a note sounds, [n_frames].
        pick_f0_f: The f0 of frames start to stop, in Hz.
        pick_amps_f: Their amplitude; called for every note, its result has no use yet.
        controls: Of a model, without a batch axis.
        frame_rate: In Hz.

    Returns:
        A note for each stretch of frames that sound.
    """
    sounds = np.ravel(np.asarray(binarize_f(controls))).astype(bool)
    edges = np.diff(np.pad(sounds.astype(int), 1))
    notes = []
    for start, stop in zip(
        np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True
    ):
        f0_hz = pick_f0_f(controls, start=start, stop=stop)
        pick_amps_f(controls, start=start, stop=stop)
        pitch = int(np.round(np.asarray(hz_to_midi(f0_hz))))
        times = float(start / frame_rate), float(stop / frame_rate)
        notes.append(Note(pitch, *times, FULL_VELOCITY))
    return NoteSequence(notes, len(sounds) / frame_rate)


def segment_notes_batch(
    binarize_f: Binarize,
    pick_f0_f: Pick,
    pick_amps_f: Pick,
    controls_batch: Controls,
    frame_rate: int = DDSP_DEFAULT_FRAME_RATE,
) -> list[NoteSequence]:
    """Return the notes of each example of a batch.

    Args:
        binarize_f: As in `segment_notes`.
        pick_f0_f: As in `segment_notes`.
        pick_amps_f: As in `segment_notes`.
        controls_batch: Nested dictionaries of arrays, [batch, ...]; None is left out.
        frame_rate: In Hz.

    Raises:
        ShapeError: The arrays differ in their batch.
    """
    return [
        segment_notes(binarize_f, pick_f0_f, pick_amps_f, controls, frame_rate)
        for controls in unbatched(controls_batch)
    ]


def unbatched(batch: Controls) -> list[dict[str, Any]]:
    """Split nested dictionaries of arrays into one for each example.

    Args:
        batch: Of arrays, [batch, ...]; None is left out.

    Raises:
        ShapeError: The arrays differ in their batch.
    """
    parts = {
        key: unbatched(value) if isinstance(value, Mapping) else value
        for key, value in batch.items()
        if value is not None
    }
    sizes = {key: len(value) for key, value in parts.items()}
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"the batch differs from array to array: {sizes}")
    n = next(iter(sizes.values()), 0)
    return [{key: value[i] for key, value in parts.items()} for i in range(n)]


def mean_f0(controls: Controls, start: int, stop: int) -> Any:
    """Return the mean 'f0_hz' of some frames."""
    return np.mean(np.asarray(controls["f0_hz"])[start:stop])


def median_f0(controls: Controls, start: int, stop: int) -> Any:
    """Return the median 'f0_hz' of some frames."""
    return np.median(np.asarray(controls["f0_hz"])[start:stop])


def median_amps(controls: Controls, start: int, stop: int) -> Any:
    """Return the median amplitude of the harmonic synth in some frames."""
    return np.median(harmonic_amplitudes(controls)[start:stop])


def harmonic_amplitudes(controls: Controls) -> np.ndarray:
    """Return the amplitudes of the harmonic synth, [n_frames]."""
    return np.squeeze(np.asarray(controls["harmonic"]["controls"]["amplitudes"]))
