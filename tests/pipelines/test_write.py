"""The second pass: what stands in a shard is what stood in the recordings."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import codec
from ddsp_core.audio.resample import resample
from ddsp_core.errors import StorageError
from ddsp_core.spec import ExampleSpec, example_id
from ddsp_core.statistics import Statistics
from pipelines.elements import Judged, Planned, ShardPlan
from pipelines.measure import measure_segments, scan_recording, segments
from pipelines.store import FeatureStore
from pipelines.write import train_statistics, write_shard
from tests.pipelines.recordings import FakeExtractor, melody, write

FRAME_RATE = 50


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", FakeExtractor.versions, FRAME_RATE)


def prepared(path, audio, rate, store, **options):
    """Write a file, scan and measure it."""
    one = scan_recording(str(write(path, audio, rate, **options)))
    extractor = FakeExtractor(FRAME_RATE)
    for segment in segments(one):
        list(measure_segments([segment], extractor, store))
    return one


def shard_of(windows, recordings):
    return ShardPlan("train.tfrecord-00000-of-00001", "train", windows, recordings)


def records(path, spec):
    raw = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    parsed = codec.parse(spec, tf.constant(raw))
    return {name: value.numpy() for name, value in parsed.items()}


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("padding", ["same", "center"])
def test_examples_hold_the_audio_and_features_of_their_moment(
    tmp_path, store, rate, padding
):
    """Across block borders, at the very start and the very end, in any order."""
    spec = ExampleSpec.from_seconds(4.0, rate, FRAME_RATE, 1.0, padding=padding)
    audio = melody(44, rate)
    one = prepared(tmp_path / "a.wav", audio, rate, store, subtype="FLOAT")
    starts = [18 * 50, 0, 40 * 50, 19 * 50 + 7, 36 * 50]
    plan = shard_of(tuple((0, start) for start in starts), (one,))
    write_shard(plan, spec, store, tmp_path)
    found = records(tmp_path / plan.name, spec)
    audio_16k = resample(audio, rate, 16_000)
    n_frames = len(audio_16k) // 320
    mean = audio_16k.reshape(n_frames, 320).mean(axis=1)
    f0_hz = 440 + np.append(mean, mean[-1:])
    for row, start in enumerate(starts):
        key = example_id(one.key, start * spec.hop_size)
        assert found["example_id"][row].decode() == key
        for name, whole, hop, n in (
            ("audio", audio, spec.hop_size, spec.n_samples),
            ("audio_16k", audio_16k, spec.hop_size_16k, spec.n_samples_16k),
            ("f0_hz", f0_hz, 1, spec.n_frames),
        ):
            expected = whole[start * hop : start * hop + n]
            np.testing.assert_allclose(found[name][row], expected, atol=2e-4)


def test_no_tone_above_the_new_nyquist_reaches_an_example(tmp_path, store):
    spec = ExampleSpec.from_seconds(4.0, 16_000, FRAME_RATE, 1.0)
    tone = 0.5 * np.sin(2 * np.pi * 12_000 * np.arange(44_100 * 8) / 44_100)
    one = prepared(tmp_path / "a.wav", tone, 44_100, store, subtype="FLOAT")
    plan = shard_of(((0, 100),), (one,))
    write_shard(plan, spec, store, tmp_path)
    audio = records(tmp_path / plan.name, spec)["audio"][0]
    assert 20 * np.log10(np.sqrt(np.mean(audio**2)) / 0.354) < -80


def test_a_file_decoded_in_order_gives_what_seeking_gives(tmp_path, store):
    """An Opus file cannot be sought in; its decoded samples as WAV can."""
    spec = ExampleSpec.from_seconds(4.0, 48_000, FRAME_RATE, 1.0)
    path = write(
        tmp_path / "a.opus", melody(50, 48_000), 48_000, format="OGG", subtype="OPUS"
    )
    from ddsp_core.audio.decode import stream

    decoded = np.concatenate(list(stream(path)))[:, 0]
    ordered = prepared_from(path, store)
    sought = prepared(tmp_path / "b.wav", decoded, 48_000, store, subtype="FLOAT")
    assert (ordered.seekable, sought.seekable) == (False, True)
    assert ordered.key == sought.key
    windows = tuple((0, start) for start in (2000, 0, 950))
    made = []
    for one in (ordered, sought):
        plan = shard_of(windows, (one,))
        made.append(write_shard(plan, spec, store, tmp_path).sha256)
    assert made[0] == made[1]


def prepared_from(path, store):
    one = scan_recording(str(path))
    for segment in segments(one):
        list(measure_segments([segment], FakeExtractor(FRAME_RATE), store))
    return one


def test_recordings_are_mixed_in_the_planned_order(tmp_path, store):
    spec = ExampleSpec.from_seconds(1.0, 16_000, FRAME_RATE, 1.0)
    two = tuple(
        prepared(tmp_path / f"{k}.wav", melody(5, 16_000, seed=k), 16_000, store)
        for k in range(2)
    )
    windows = ((1, 0), (0, 50), (1, 100), (0, 0))
    made = write_shard(shard_of(windows, two), spec, store, tmp_path)
    found = records(tmp_path / made.name, spec)["example_id"]
    expected = [example_id(two[k].key, start * 320).encode() for k, start in windows]
    assert found.tolist() == expected
    assert made.n_records == 4


def test_a_recording_that_changed_ends_the_job_and_leaves_no_shard(tmp_path, store):
    spec = ExampleSpec.from_seconds(1.0, 16_000, FRAME_RATE, 1.0)
    one = prepared(tmp_path / "a.wav", melody(5, 16_000), 16_000, store)
    os.utime(one.source, ns=(1, 1))
    with pytest.raises(
        StorageError, match=r"a\.wav' vanished or changed.*run the same"
    ):
        write_shard(shard_of(((0, 0),), (one,)), spec, store, tmp_path)
    Path(one.source).unlink()
    with pytest.raises(StorageError, match=r"a\.wav' vanished or changed"):
        write_shard(shard_of(((0, 0),), (one,)), spec, store, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_features_that_are_gone_are_named(tmp_path, store):
    spec = ExampleSpec.from_seconds(1.0, 16_000, FRAME_RATE, 1.0)
    one = prepared(tmp_path / "a.wav", melody(5, 16_000), 16_000, store)
    os.remove(store.path(one.key, 0))
    with pytest.raises(StorageError, match="gone from the feature store"):
        write_shard(shard_of(((0, 0),), (one,)), spec, store, tmp_path)


def test_a_full_disk_leaves_no_shard(tmp_path, store, monkeypatch):
    spec = ExampleSpec.from_seconds(1.0, 16_000, FRAME_RATE, 1.0)
    one = prepared(tmp_path / "a.wav", melody(5, 16_000), 16_000, store)

    def full(data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(codec, "frame_record", full)
    with pytest.raises(StorageError, match=r"No space left on device.*make room"):
        write_shard(shard_of(((0, 0),), (one,)), spec, store, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "store"]


def test_training_frames_are_counted_once_though_windows_overlap(tmp_path, store):
    spec = ExampleSpec.from_seconds(4.0, 16_000, FRAME_RATE, 1.0)
    one = prepared(tmp_path / "a.wav", melody(44, 16_000), 16_000, store)
    starts = (0, 50, 100, 900, 950, 1800)
    judged = Judged(one, 2200, starts)
    planned = Planned(judged, train=starts, eval=(), guard=())
    statistics = train_statistics(planned, spec, store)
    held = np.zeros(2200, bool)
    for start in starts:
        held[start : start + 200] = True
    loudness_db = np.concatenate([store.get(one.key, k).loudness_db for k in range(3)])
    f0_hz = np.concatenate([store.get(one.key, k).f0_hz for k in range(3)])
    loudness_db, f0_hz = loudness_db[:2200][held], f0_hz[:2200][held]
    expected = Statistics.of(f0_hz, loudness_db, loudness_db >= -70)
    assert statistics.to_json() == expected.to_json()


def test_f0_is_held_through_a_rest_and_confidence_stays_raw(tmp_path, store):
    spec = ExampleSpec.from_seconds(8.0, 16_000, FRAME_RATE, 1.0)
    audio = melody(9, 16_000)
    audio[3 * 16_000 : 5 * 16_000] = 0
    one = prepared(tmp_path / "a.wav", audio, 16_000, store)
    write_shard(shard_of(((0, 0),), (one,)), spec, store, tmp_path)
    values = records(tmp_path / "train.tfrecord-00000-of-00001", spec)
    f0_hz, confidence = values["f0_hz"][0], values["f0_confidence"][0]
    rest = slice(3 * FRAME_RATE, 5 * FRAME_RATE)
    raw = store.get(one.key, 0).f0_hz
    assert (f0_hz[rest] == raw[3 * FRAME_RATE - 1]).all()
    assert not confidence[rest].any()
    np.testing.assert_array_equal(f0_hz[: rest.start], raw[: rest.start])
    np.testing.assert_array_equal(f0_hz[rest.stop :], raw[rest.stop : len(f0_hz)])
