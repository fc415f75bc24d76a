import itertools

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import spectral_ops
from ddsp_core.errors import ShapeError
from ddsp_core.metrics.midi import compute_note_metrics
from ddsp_core.metrics.pitch import f0_dist_conf_thresh, raw_accuracies
from ddsp_core.notes.sequence import Note, NoteSequence
from ddsp_core.training.metrics import (
    EvalCounts,
    F0CrepeMetrics,
    F0Metrics,
    LoudnessMetrics,
    MidiMetrics,
    compute_audio_features,
    compute_frame_metrics,
    l1_distance,
)

RNG = np.random.default_rng(5)
A4 = np.full([2, 100], 440.0, np.float32)
SURE = np.ones([2, 100], np.float32)


def tone(f0_hz, n_samples=8000):
    return 0.5 * np.sin(2 * np.pi * f0_hz / 16000 * np.arange(n_samples))


def test_f1_is_the_harmonic_mean():
    for tp, fp, fn in itertools.product([0, 1, 7], [0, 2, 9], [0, 3, 11]):
        counts = EvalCounts(tp, fp, fn)
        if tp:
            mean = 2 / (1 / counts.precision + 1 / counts.recall)
            assert counts.f1 == pytest.approx(mean)
        else:
            assert counts.f1 == 0.0


def test_distances_reach_as_far_as_both_tracks():
    assert l1_distance(np.array([[1.0, 2.0, 3.0]]), np.array([0.0, 0.0])).tolist() == [
        1.0,
        2.0,
    ]
    shorter = A4[:, :60] * 2 ** (3 / 12)
    distance = f0_dist_conf_thresh(A4[0], shorter[0], SURE[0])
    assert distance == pytest.approx(3.0, abs=1e-4)


def test_pitch_counts_only_where_it_is_sure():
    wrong = A4.copy()
    wrong[:, 50:] *= 2
    confidence = SURE.copy()
    confidence[:, 50:] = 0.5
    assert f0_dist_conf_thresh(A4, wrong, confidence) == 0.0
    assert f0_dist_conf_thresh(A4, wrong, SURE) == pytest.approx(6.0)
    assert f0_dist_conf_thresh(A4[..., None], wrong[..., None], SURE) > 5.9
    assert f0_dist_conf_thresh(A4, wrong, 0.5 * SURE) is None
    assert f0_dist_conf_thresh(A4, 0 * A4, SURE) == pytest.approx(69.0)


@pytest.mark.parametrize(
    "cents, pitch, chroma",
    [(0, 1, 1), (49, 1, 1), (51, 0, 0), (1200, 0, 1), (-2440, 0, 1), (600, 0, 0)],
)
def test_accuracy_is_a_tolerance_in_cents(cents, pitch, chroma):
    assert raw_accuracies(A4[0], A4[0] * 2 ** (cents / 1200)) == (pitch, chroma)


def test_only_pitched_frames_count_for_accuracy():
    wanted, got = A4[0].copy(), A4[0].copy()
    wanted[:50], got[75:] = 0.0, 0.0
    assert raw_accuracies(wanted, got) == (0.5, 0.5)
    assert raw_accuracies(0 * wanted, got) == (0.0, 0.0)


def test_loudness_metrics_are_a_mean_in_db():
    audio = np.float32([tone(440.0), tone(880.0)])
    metrics = LoudnessMetrics(16000, 250)
    metrics.update_state({"audio": audio}, audio)
    assert float(metrics.metrics["loudness_db"].result()) == 0.0
    metrics.flush(step=1)
    loudness = spectral_ops.compute_loudness(audio)
    metrics.update_state({"loudness_db": loudness}, audio / 2)
    expected = 20 * np.log10(2)
    assert float(metrics.metrics["loudness_db"].result()) == pytest.approx(
        expected, abs=0.1
    )


def test_f0_metrics_resample_what_is_given_and_leave_it_as_it_is():
    batch = {"f0_hz": A4, "f0_confidence": SURE}
    metrics = F0Metrics(16000, 250)
    metrics.update_state(batch, A4[:, :80] * 2)
    results = {k: float(m.result()) for k, m in metrics.metrics.items()}
    assert results["f0_dist"] == pytest.approx(12.0, abs=1e-4)
    assert results["raw_pitch_accuracy"] == 0.0
    assert results["raw_chroma_accuracy"] == 1.0
    assert batch["f0_hz"] is A4
    metrics.update_state({"f0_hz": A4, "f0_confidence": 0.1 * SURE}, A4)
    assert float(metrics.metrics["raw_pitch_accuracy"].result()) == 0.0


def zero_crossings(audio, frame_rate, viterbi=True):
    """A pitch tracker for plain tones, in place of CREPE."""
    n_frames = len(audio) * frame_rate // 16000 + 1
    rising = np.sum(np.diff(np.signbit(audio).astype(int)) == -1)
    f0_hz = np.full(n_frames, rising * 16000 / len(audio), np.float32)
    return f0_hz, np.ones(n_frames, np.float32)


def test_f0_crepe_metrics_hear_the_generated_audio(tmp_path, monkeypatch):
    monkeypatch.setattr(spectral_ops, "compute_f0", zero_crossings)
    features = compute_audio_features(tone(440.0))
    assert len(features["f0_hz"]) == len(features["loudness_db"]) == 126
    batch = {k: np.asarray(features[k])[None] for k in ("f0_hz", "f0_confidence")}
    metrics = F0CrepeMetrics(16000, 250)
    metrics.update_state(batch, tone(440.0)[None])
    assert float(metrics.metrics["f0_dist"].result()) < 0.1
    assert float(metrics.metrics["outlier_ratio"].result()) == 0.0
    metrics.update_state({"audio": tone(440.0)[None]}, tone(1760.0)[None])
    assert float(metrics.metrics["outlier_ratio"].result()) == 0.5
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        metrics.flush(step=1)
    assert list(tmp_path.iterdir())
    assert float(metrics.metrics["outlier_ratio"].result()) == 0.0


def best_matching(hits):
    """The most pairs, by trying all orders."""
    n, m = hits.shape
    if n > m:
        return best_matching(hits.T)
    orders = itertools.permutations(range(m), n)
    return max((sum(hits[i, j] for i, j in enumerate(o)) for o in orders), default=0)


def test_notes_are_matched_one_to_one_as_many_as_can_be():
    for _ in range(30):
        wanted, got = (
            NoteSequence(
                [
                    Note(
                        int(RNG.integers(60, 62)), start, start + RNG.uniform(0.1, 0.5)
                    )
                    for start in RNG.uniform(0, 0.3, RNG.integers(0, 6))
                ]
            )
            for _ in range(2)
        )
        onset, whole = compute_note_metrics(wanted, got)
        hits, ends = (
            np.array(
                [
                    [
                        a.pitch == b.pitch
                        and round(abs(getattr(a, time) - getattr(b, time)), 4)
                        <= (0.05 if time == "start_time" else tolerance(a))
                        for b in got.notes
                    ]
                    for a in wanted.notes
                ],
                bool,
            ).reshape(len(wanted.notes), len(got.notes))
            for time in ("start_time", "end_time")
        )
        for counts, matrix in ((onset, hits), (whole, hits & ends)):
            assert counts.tp == best_matching(matrix)
            assert counts.tp + counts.fp == len(got.notes)
            assert counts.tp + counts.fn == len(wanted.notes)


def tolerance(note):
    return max(0.05, 0.2 * (note.end_time - note.start_time))


def roll_of(notes, n_frames=100):
    roll = np.zeros([1, n_frames, 128], np.float32)
    for pitch, start, stop in notes:
        roll[0, start:stop, pitch] = 100.0
    return roll


def test_midi_metrics_count_notes_and_frames():
    metrics = MidiMetrics(50, "test", align_midi_with_f0=False)
    wanted = roll_of([(60, 10, 40), (62, 50, 80)])
    predicted = roll_of([(60, 11, 40), (62, 50, 60), (70, 90, 95)])
    metrics.update_state({"note_active_velocities": wanted}, predicted)
    assert metrics.note_counts == EvalCounts(2, 1, 0)
    assert metrics.note_offset_counts == EvalCounts(1, 2, 1)
    assert metrics.frame_counts == EvalCounts(39, 5, 21)
    metrics.flush(step=1)
    assert metrics.note_offset_counts == metrics.frame_counts == EvalCounts(0, 0, 0)


def test_midi_metrics_take_sequences_channels_and_other_keys():
    metrics = MidiMetrics(50, "test", align_midi_with_f0=False)
    roll = roll_of([(60, 10, 40)])
    metrics.update_state(
        {"rolls": np.stack([0 * roll, roll], -1)},
        np.stack([0 * roll, roll], -1),
        gt_key="rolls",
        ch=1,
    )
    sequence = NoteSequence([Note(60, 0.2, 0.8)], total_time=0.9)
    metrics.update_state({"note_active_velocities": roll}, [sequence])
    assert metrics.note_offset_counts == EvalCounts(2, 0, 0)
    assert metrics.frame_counts == EvalCounts(60, 0, 0)


def test_notes_are_aligned_with_the_pitch_that_is_heard():
    f0_hz = np.zeros([100, 1], np.float32)
    f0_hz[15:45] = 261.63  # MIDI pitch 60
    f0_hz[45:70] = 293.66  # 62
    given = NoteSequence([Note(60, 0.2, 0.8), Note(62, 1.0, 1.2)], 2.0)
    aligned = MidiMetrics(50, "test").align_midi_with_f0(given, f0_hz)
    times = [(n.start_time, n.end_time) for n in aligned.notes]
    np.testing.assert_allclose(times, [(0.3, 0.88), (0.9, 1.38)])
    assert given.notes[0].start_time == 0.2


def test_rolls_of_different_length_are_refused():
    with pytest.raises(ShapeError, match="needed equally many"):
        compute_frame_metrics(np.ones([5, 128]), np.ones([6, 128]))
