"""Notes of a monophonic melody: where they are, and values pooled over each."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.maths import diff, safe_divide
from ddsp_core.errors import ShapeError


def get_note_mask(
    q_pitch: tf.Tensor, max_regions: int = 100, note_on_only: bool = True
) -> tf.Tensor:
    """Tell the regions of constant pitch apart.

    Every change begins a region, except one at the very last frame, which belongs to
    the region before it.

    Args:
        q_pitch: Pitch in whole numbers, 0 for silence; [batch, n_frames] or
            [batch, n_frames, 1].
        max_regions: Regions that there is room for; later ones have no mask.
        note_on_only: Leave out the regions whose pitch is not above 0.

    Returns:
        1 where a frame belongs to a region, else 0, [batch, n_frames, max_regions].
    """
    q_pitch = _without_channel(q_pitch, "q_pitch")
    changes = diff(q_pitch, axis=1)[:, :-1] != 0
    last = tf.zeros_like(q_pitch[:, :1], tf.bool)
    note_mask = _regions(tf.concat([changes, last], axis=1), max_regions)
    if note_on_only:
        pitches = get_note_moments(q_pitch, note_mask, return_std=False)
        note_mask *= tf.cast(pitches > 0.0, tf.float32)[:, tf.newaxis, :]
    return note_mask


def get_note_mask_from_onset(
    q_pitch: tf.Tensor,
    onset: tf.Tensor,
    max_regions: int = 100,
    note_on_only: bool = True,
) -> tf.Tensor:
    """Tell the regions between onsets apart.

    Args:
        q_pitch: As in `get_note_mask`.
        onset: 1 where a region begins, else 0, of the shape of `q_pitch`. The first
            frame always begins one.
        max_regions: As in `get_note_mask`.
        note_on_only: Leave out the frames whose pitch is not above 0.

    Returns:
        1 where a frame belongs to a region, else 0, [batch, n_frames, max_regions].
    """
    q_pitch = _without_channel(q_pitch, "q_pitch")
    onset = _without_channel(onset, "onset")
    note_mask = _regions(onset[:, 1:], max_regions)
    if note_on_only:
        note_mask *= tf.cast(q_pitch > 0.0, tf.float32)[:, :, tf.newaxis]
    return note_mask


def get_note_lengths(note_mask: tf.Tensor) -> tf.Tensor:
    """Count the frames of each note: [batch, n_frames, notes] -> [batch, notes]."""
    return tf.reduce_sum(note_mask, axis=1)


def get_note_moments(
    x: tf.Tensor, note_mask: tf.Tensor, return_std: bool = True
) -> Any:
    """Return mean and standard deviation of a value over each note.

    Differs from Magenta's: the gradient of a deviation of 0 (a note of one frame, a
    region without frames) is 0, not NaN.

    Args:
        x: Values, [batch, n_frames] or [batch, n_frames, dims].
        note_mask: [batch, n_frames, notes].
        return_std: Return (mean, standard deviation), else the mean alone.

    Returns:
        [batch, notes] or [batch, notes, dims] each; 0 for a note without frames.
    """
    if len(x.shape) == 2:
        moments = get_note_moments(x[..., tf.newaxis], note_mask, return_std)
        return tf.nest.map_structure(lambda moment: moment[..., 0], moments)
    lengths = get_note_lengths(note_mask)[..., tf.newaxis]
    mean = safe_divide(tf.matmul(note_mask, x, transpose_a=True), lengths)
    if not return_std:
        return mean
    # [batch, n_frames, notes, dims]
    deviations = x[:, :, tf.newaxis, :] - mean[:, tf.newaxis, :, :]
    squares = tf.reduce_sum((deviations * note_mask[..., tf.newaxis]) ** 2, axis=1)
    return mean, _safe_sqrt(safe_divide(squares, lengths))


def pool_over_notes(x: tf.Tensor, note_mask: tf.Tensor, return_std: bool = True) -> Any:
    """Replace each value by the mean, and the deviation, of its note.

    Args:
        x: Values, [batch, n_frames, dims].
        note_mask: [batch, n_frames, notes].
        return_std: Return (mean, standard deviation), else the mean alone.

    Returns:
        [batch, n_frames, dims] each; 0 in frames that belong to no note.
    """
    moments = get_note_moments(x, note_mask, return_std)
    return tf.nest.map_structure(lambda moment: tf.matmul(note_mask, moment), moments)


def get_short_note_loss_mask(
    note_mask: tf.Tensor,
    note_lengths: tf.Tensor,
    note_pitches: tf.Tensor,
    min_length: int = 40,
) -> tf.Tensor:
    """Mark the frames of notes that are too short; silence is no note.

    Args:
        note_mask: [batch, n_frames, notes].
        note_lengths: In frames, [batch, notes].
        note_pitches: [batch, notes].
        min_length: In frames.

    Returns:
        1 in frames of short notes, else 0, [batch, n_frames].
    """
    is_short = (note_lengths < min_length) & (note_pitches > 0.0)
    return tf.linalg.matvec(note_mask, tf.cast(is_short, tf.float32))


def _without_channel(x: tf.Tensor, name: str) -> tf.Tensor:
    """Return [batch, n_frames] of that or of [batch, n_frames, 1]."""
    if len(x.shape) not in (2, 3):
        raise ShapeError(
            f"{name} has shape {x.shape}; needed [batch, n_frames] or"
            " [batch, n_frames, 1]"
        )
    return x[:, :, 0] if len(x.shape) == 3 else x


def _regions(begins: tf.Tensor, max_regions: int) -> tf.Tensor:
    """Number the regions from the frames after the first that begin one."""
    begins = tf.cast(begins, tf.int32)  # [batch, n_frames - 1]
    index = tf.pad(tf.cumsum(begins, axis=1), [[0, 0], [1, 0]])
    return tf.one_hot(index, max_regions)


def _safe_sqrt(x: tf.Tensor) -> tf.Tensor:
    """Return the square root, whose gradient at 0 is 0."""
    is_positive = x > 0.0
    return tf.where(is_positive, tf.sqrt(tf.where(is_positive, x, 1.0)), 0.0)
