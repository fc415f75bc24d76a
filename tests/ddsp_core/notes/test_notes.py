import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.notes.sequence import (
    note_sequence_to_pianoroll,
    pianoroll_to_note_sequence,
)
from ddsp_core.training import heuristics

A4, E5 = 440.0, 659.26


def controls(f0_hz, amplitudes):
    return {
        "f0_hz": tf.constant(f0_hz, tf.float32)[:, None],
        "harmonic": {"controls": {"amplitudes": tf.constant(amplitudes)[:, None]}},
    }


def melody():
    """Two notes of 100 frames and a rest of 50 between them."""
    f0_hz = np.repeat(np.float32([A4, A4, E5]), [100, 50, 100])
    amplitudes = np.repeat(np.float32([0.8, 1e-4, 0.8]), [100, 50, 100])
    ripple = 1 + 0.05 * np.sin(np.arange(250), dtype=np.float32)
    return controls(f0_hz, amplitudes * ripple)


def segment(example, binarize):
    return heuristics.segment_notes(
        binarize, heuristics.median_f0, heuristics.median_amps, example
    )


def test_notes_of_a_mask_have_its_times_and_the_pitch_of_its_frames():
    mask = np.repeat([False, True, False, True], [10, 90, 60, 90])
    notes = segment(melody(), lambda _: mask)
    assert [(n.pitch, n.start_time, n.end_time) for n in notes.notes] == [
        (69, 0.04, 0.4),
        (76, 0.64, 1.0),
    ]
    assert notes.total_time == 1.0
    assert segment(melody(), lambda _: ~mask | mask).notes[0].end_time == 1.0
    assert segment(melody(), lambda _: mask & ~mask).notes == []


def test_a_change_of_pitch_ends_a_note():
    is_on = heuristics.strided_freq_change(melody())
    assert np.flatnonzero(~is_on).tolist() == [150]
    rest = {"f0_hz": np.zeros([40, 1], np.float32)}
    assert not heuristics.strided_freq_change(rest).any()


def test_a_dip_in_amplitude_is_an_outlier():
    amplitudes = np.ones(200, np.float32)
    amplitudes[100:104] = 1e-3
    is_on = heuristics.amp_pooled_outliers(controls(np.full(200, A4), amplitudes))
    assert not is_on[100:104].any()
    assert heuristics.amp_pooled_outliers(melody()).shape == (250,)


def test_power_finds_the_silence_in_audio():
    time = np.arange(16000) / 16000
    audio = (0.5 * np.sin(2 * np.pi * A4 * time)).astype(np.float32)
    audio[6400:9600] = 0.0
    is_on = heuristics.power_pooled_outliers({"audio": audio})
    assert is_on.shape == (251,) and not is_on[105:145].any()
    example = {"audio": audio, "f0_hz": np.full([250, 1], A4, np.float32)}
    is_on = heuristics.midi_heuristic_power(example)
    assert is_on.shape == (250,) and is_on.dtype == bool and is_on[40:60].all()


def test_a_batch_is_segmented_one_by_one():
    one = melody()
    batch = tf.nest.map_structure(lambda x: tf.stack([x, x]), one) | {"none": None}
    options = (
        heuristics.midi_heuristic,
        heuristics.mean_f0,
        heuristics.median_amps,
    )
    both = heuristics.segment_notes_batch(*options, batch, frame_rate=100)
    alone = heuristics.segment_notes(*options, one, frame_rate=100)
    assert both == [alone, alone] and alone.notes
    with pytest.raises(ShapeError, match="differs from array to array"):
        heuristics.segment_notes_batch(*options, batch | {"x": tf.zeros([3])})


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 6))
def test_removed_notes_are_those_that_are_short_and_end(mask, min_samples):
    mask = np.array(mask, bool)
    before = mask.copy()
    kept = heuristics.remove_short(mask, min_samples)
    text = "".join("x" if on else "." for on in mask)
    parts = text.split(".")
    parts = ["." * len(p) if len(p) < min_samples else p for p in parts[:-1]]
    parts.append(text.split(".")[-1])
    assert "".join("x" if on else "." for on in kept) == ".".join(parts)
    assert (mask == before).all()


def test_a_short_note_can_be_glued_to_the_one_before():
    mask = np.array([1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1], bool)
    glued = heuristics.remove_short(mask, min_samples=3, glue_back=True)
    assert np.flatnonzero(~glued).tolist() == [6]


@pytest.mark.parametrize("mode, first", [("front", -3), ("center", -2), ("end", 0)])
def test_padding_gives_a_window_at_every_element(mode, first):
    vec = np.arange(10.0) + 5.5
    padded = heuristics.pad_for_frame(vec, mode, frame_width=4)
    assert len(padded) == 13
    np.testing.assert_array_equal(padded[-first : 10 - first], vec)
    assert set(padded) == {*vec} | ({5.0} if first else set()) | (
        {14.0} if first > -3 else set()
    )


def test_padding_refuses_other_modes_and_shapes():
    with pytest.raises(UsageError, match="'middle'"):
        heuristics.pad_for_frame(np.zeros(4), "middle", 2)
    with pytest.raises(ShapeError, match=r"\(4, 1\)"):
        heuristics.pad_for_frame(np.zeros((4, 1)), "front", 2)


def test_windows_can_be_cut_along_any_axis():
    x = np.arange(60.0).reshape(3, 20)
    windows = heuristics.window_array(x, sr=4, win_len=2.0, frame_step_ratio=0.5, ax=1)
    rows = [heuristics.window_array(row, 4, 2.0, 0.5) for row in x]
    np.testing.assert_array_equal(windows, np.stack(rows))
    np.testing.assert_array_equal(rows[0][1], np.arange(8.0))


@given(arrays.arrays(bool, st.tuples(st.integers(1, 30), st.just(128))))
def test_a_piano_roll_survives_as_notes(roll):
    sequence = pianoroll_to_note_sequence(roll, 31.25)
    back = note_sequence_to_pianoroll(sequence, 31.25)
    np.testing.assert_array_equal(back[: len(roll)], roll)
    assert not back[len(roll) :].any()
    ends = [note.end_time for note in sequence.notes]
    assert ends == sorted(ends)


def test_frames_are_counted_from_each_onset():
    roll = np.array([[1, 0], [1, 1], [1, 1], [0, 1]])
    indices = heuristics.get_active_frame_indices(roll)
    assert indices.tolist() == [[0, 0], [1, 1], [2, 2], [0, 3]]
