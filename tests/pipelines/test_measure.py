"""The first pass on real files, with features that tell where they come from."""

import os
from pathlib import Path

import numpy as np
import pytest

from ddsp_core.audio.resample import resample
from ddsp_core.errors import AudioError
from ddsp_core.spec import Padding
from pipelines.measure import (
    BLOCKS_PER_SEGMENT,
    measure_segments,
    scan_recording,
    segments,
)
from pipelines.store import FeatureStore
from tests.pipelines.recordings import FakeExtractor, melody, recording, write


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", FakeExtractor.versions, 250)


def measured(one, store, extractor=None, padding=Padding.SAME):
    extractor = extractor or FakeExtractor()
    found = [
        block
        for segment in segments(one)
        for block in measure_segments([segment], extractor, store, padding)
    ]
    return sorted(found, key=lambda block: block.index)


def test_the_same_samples_have_the_same_key_in_another_file(tmp_path):
    audio = np.round(melody(2, 16_000) * 32768) / 32768
    a = scan_recording(str(write(tmp_path / "a.wav", audio, 16_000, subtype="PCM_16")))
    b = scan_recording(str(write(tmp_path / "b.flac", audio, 16_000)))
    assert a.key == b.key and a.file_sha256 != b.file_sha256
    assert (a.n_samples, a.sample_rate, a.secs) == (32_000, 16_000, 2.0)


def test_a_file_without_samples_is_refused(tmp_path):
    path = write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(AudioError, match="holds no samples"):
        scan_recording(str(path))


def test_segments_cut_at_blocks_unless_the_file_must_be_decoded_in_order():
    n_samples = 16_000 * 20 * 7 + 1
    parts = list(segments(recording("a", n_samples)))
    assert [(s.first, s.n_blocks) for s in parts] == [(0, 3), (3, 3), (6, 2)]
    assert BLOCKS_PER_SEGMENT == 3
    whole = list(segments(recording("a", n_samples, seekable=False)))
    assert [(s.first, s.n_blocks) for s in whole] == [(0, 8)]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_features_are_those_of_the_whole_recording_resampled(tmp_path, store, rate):
    audio = melody(47.3, rate)
    path = write(tmp_path / "a.wav", audio, rate, subtype="FLOAT")
    one = scan_recording(str(path))
    blocks = measured(one, store)
    stored = [store.get(one.key, block.index) for block in blocks]
    whole = resample(audio, rate, 16_000)
    n_frames = len(whole) // 64
    rms = np.sqrt(np.mean(whole[: n_frames * 64].reshape(-1, 64) ** 2, axis=1))
    loudness_db = np.concatenate([features.loudness_db for features in stored])
    np.testing.assert_allclose(
        loudness_db[:n_frames], 20 * np.log10(np.maximum(rms, 1e-4)), atol=1e-2
    )
    assert sum(block.loud.n_frames for block in blocks) == n_frames


def test_centred_frames_have_one_on_the_end(tmp_path, store):
    path = write(tmp_path / "a.wav", melody(20, 16_000), 16_000)
    one = scan_recording(str(path))
    (same,) = measured(one, store)
    (center,) = measured(one, store, padding=Padding.CENTER)
    assert (same.loud.n_frames, center.loud.n_frames) == (5000, 5001)
    np.testing.assert_array_equal(same.loud.values(), center.loud.values()[:-1])


def test_what_the_store_has_is_not_computed_again(tmp_path, store):
    path = write(tmp_path / "a.wav", melody(65, 16_000), 16_000)
    one = scan_recording(str(path))
    extractor = FakeExtractor()
    first = measured(one, store, extractor)
    assert extractor.n_calls == 4
    assert measured(one, store, extractor) == first
    assert extractor.n_calls == 4
    os.remove(store.path(one.key, 2))
    assert measured(one, store, extractor) == first
    assert extractor.n_calls == 5


def test_what_is_stored_needs_no_file(tmp_path, store):
    path = write(tmp_path / "a.wav", melody(5, 16_000), 16_000)
    one = scan_recording(str(path))
    first = measured(one, store)
    path.unlink()
    assert measured(one, store) == first


def test_silence_and_tone_are_told_apart(tmp_path, store):
    audio = melody(12, 16_000)
    audio[4 * 16_000 : 8 * 16_000] = 0
    one = scan_recording(str(write(tmp_path / "a.wav", audio, 16_000)))
    (block,) = measured(one, store)
    expected = np.ones(3000, bool)
    expected[1000:2000] = False
    assert np.mean(block.sounding.values() == expected) > 0.99
    np.testing.assert_array_equal(block.loud.values(), block.sounding.values())


def test_a_file_that_vanished_or_changed_since_the_scan_is_refused(tmp_path, store):
    path = write(tmp_path / "a.wav", melody(5, 16_000), 16_000)
    one = scan_recording(str(path))
    os.utime(path, ns=(1, 1))
    with pytest.raises(AudioError, match="changed while it was read"):
        measured(one, store)
    path.unlink()
    with pytest.raises(AudioError, match="does not exist"):
        measured(one, store)


def test_measures_of_sound_do_not_depend_on_who_hears_the_pitch(tmp_path, store):
    audio = melody(30, 16_000) + melody(30, 16_000, seed=5)
    one = scan_recording(str(write(tmp_path / "a.wav", audio, 16_000)))
    first = measured(one, store)
    assert np.mean(first[0].polyphonic.values()) > 0.5
    assert sum(block.quality.n_frames for block in first) == 7500
    assert first[0].quality.n_polyphonic == first[0].polyphonic.values().sum()
    other = FeatureStore(tmp_path / "store", {"f0": "pyin/1", "loudness": "x"}, 250)
    assert other.get(one.key, 0) is None
    assert other.get_measures(one.key, 0) is not None
    # A lost or damaged entry is measured again; pitch is not.
    extractor = FakeExtractor()
    os.remove(store.measures_path(one.key, 0))
    Path(store.measures_path(one.key, 1)).write_bytes(b"damaged" * 10)
    assert measured(one, store, extractor) == first
    assert extractor.n_calls == 0
