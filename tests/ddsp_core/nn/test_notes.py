import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ShapeError
from ddsp_core.training import nn

PITCH = np.array([[60, 60, 60, 0, 0, 62, 62, 62, 62, 62]], np.float32)
VALUES = np.arange(10, dtype=np.float32)[None, :, None]


def regions(mask):
    return [np.flatnonzero(mask[0, :, i]).tolist() for i in range(mask.shape[-1])]


def test_each_change_of_pitch_begins_a_region():
    every = nn.get_note_mask(PITCH, max_regions=4, note_on_only=False)
    assert regions(every) == [[0, 1, 2], [3, 4], [5, 6, 7, 8, 9], []]
    sounding = nn.get_note_mask(PITCH[..., None], max_regions=4)
    assert regions(sounding) == [[0, 1, 2], [], [5, 6, 7, 8, 9], []]
    assert regions(nn.get_note_mask(PITCH, max_regions=1)) == [[0, 1, 2]]


def test_onsets_part_repeated_notes():
    onset = np.array([[0, 0, 1, 0, 0, 1, 0, 0, 1, 0]], np.float32)
    mask = nn.get_note_mask_from_onset(PITCH, onset, max_regions=4)
    assert regions(mask) == [[0, 1], [2], [5, 6, 7], [8, 9]]


def test_moments_are_numpys():
    mask = nn.get_note_mask(PITCH, max_regions=4)
    mean, std = nn.get_note_moments(VALUES, mask)
    for i, frames in ((0, slice(0, 3)), (2, slice(5, 10))):
        np.testing.assert_allclose(mean[0, i, 0], VALUES[0, frames].mean(), rtol=1e-6)
        np.testing.assert_allclose(std[0, i, 0], VALUES[0, frames].std(), rtol=1e-6)
    assert not np.any(mean[0, 1]) and not np.any(std[0, 3])
    flat = nn.get_note_moments(VALUES[..., 0], mask, return_std=False)
    np.testing.assert_array_equal(flat, mean[..., 0])


def test_pooling_spreads_moments_over_their_notes():
    mask = nn.get_note_mask(PITCH, max_regions=4)
    mean, _ = nn.pool_over_notes(VALUES, mask)
    np.testing.assert_allclose(mean[0, :, 0], [1] * 3 + [0] * 2 + [7] * 5)
    np.testing.assert_array_equal(nn.pool_over_notes(VALUES, mask, False), mean)


def test_the_deviation_of_one_frame_and_of_none_has_a_finite_gradient():
    x = tf.Variable(VALUES)
    mask = nn.get_note_mask_from_onset(np.ones([1, 10]), np.eye(10)[4:5])
    with tf.GradientTape() as tape:
        mean, std = nn.pool_over_notes(x, mask)
        loss = tf.reduce_sum(mean + std)
    assert np.isfinite(tape.gradient(loss, x)).all()


def test_short_notes_are_marked_by_their_own_length():
    mask = nn.get_note_mask(PITCH, max_regions=4, note_on_only=False)
    pitches = nn.get_note_moments(PITCH, mask, return_std=False)
    lengths = nn.get_note_lengths(mask)
    np.testing.assert_array_equal(lengths, [[3, 2, 5, 0]])
    short = nn.get_short_note_loss_mask(mask, lengths, pitches, min_length=4)
    np.testing.assert_array_equal(short, [[1] * 3 + [0] * 7])


def test_a_pitch_of_another_rank_is_refused():
    with pytest.raises(ShapeError, match=r"q_pitch has shape \(10,\)"):
        nn.get_note_mask(tf.ones([10]))
