"""Features of a recording: the same whole, by blocks, or from a file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.blocks import blocks, scan
from ddsp_core.audio.resample import resample
from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.errors import AudioError, FeatureError, SpecError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.extract import (
    FeatureExtractor,
    Features,
    recording_features,
    sounding,
)
from ddsp_core.features.options import PitchOptions
from ddsp_core.spec import ExampleSpec, LoudnessVersion, Padding

NAMES = ("f0_hz", "f0_confidence", "loudness_db")


@pytest.fixture(scope="module")
def extractor():
    return FeatureExtractor(32)  # few frames: these tests are about positions


def glide(secs, rate=16_000):
    """A tone that slowly glides and swells, never twice the same."""
    t = np.arange(round(secs * rate)) / rate
    phase = 2 * np.pi * np.cumsum(300 + 100 * np.sin(2 * np.pi * 0.3 * t)) / rate
    level = 0.3 + 0.2 * np.sin(2 * np.pi * 0.17 * t)
    return (np.sin(phase) * level).astype(np.float32)


def assert_same(a, b):
    for name in NAMES:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_a_recording_is_the_same_from_its_file_and_from_memory(tmp_path, extractor):
    audio = glide(21.217)
    soundfile.write(tmp_path / "take.wav", audio, 16_000, "FLOAT")
    features, info = recording_features(tmp_path / "take.wav", extractor)
    assert_same(features, extractor.extract(audio))
    assert info.n_samples == len(audio)
    assert len(features.f0_hz) == len(audio) // 500


def test_blocks_in_any_order_are_the_blocks_of_the_whole(tmp_path, extractor):
    audio = glide(40.5)
    soundfile.write(tmp_path / "take.wav", audio, 16_000, "FLOAT")
    found, whole = scan(tmp_path / "take.wav"), extractor.extract(audio)
    for index in (2, 0, 1):
        (block,) = blocks(found.info.path, found.info, found.n_samples, index, 1)
        (part,) = extractor.extract_blocks([BlockAudio.of(block)])
        for name in NAMES:
            np.testing.assert_array_equal(
                getattr(part, name),
                getattr(whole, name)[640 * index : 640 * (index + 1)],
            )


def test_blocks_give_the_same_bits_however_they_are_grouped(test_data):
    extractor = FeatureExtractor(250)
    rows = []
    for name in ("solo_sax_phrases/sax_phrases_5_fast2", "transfer/singing_female"):
        path = test_data / "audio" / f"{name}.flac"
        found = scan(path)
        rows += list(map(BlockAudio.of, blocks(path, found.info, found.n_samples)))
    rows = [rows[0], rows[-1], rows[1]]
    together = extractor.extract_blocks(rows)
    for row, features in zip(rows, together, strict=True):
        assert_same(extractor.extract_blocks([row])[0], features)
    for features, expected in zip(
        extractor.extract_blocks(rows[::-1]), together[::-1], strict=True
    ):
        assert_same(features, expected)
    assert extractor.seconds["f0"] > extractor.seconds["loudness"] > 0


def test_loudness_by_blocks_is_that_of_the_whole_signal(extractor):
    audio = glide(21.3)
    whole = np.asarray(compute_loudness(audio, 16_000, 32))
    by_block = extractor.extract(audio, Padding.CENTER).loudness_db
    assert len(by_block) == len(whole) == len(audio) // 500 + 1
    np.testing.assert_allclose(by_block, whole, atol=1e-3)


def test_loudness_of_a_short_sound_is_that_of_a_long_one_to_the_bit(extractor):
    audio = glide(22)
    for n_samples in (500, 29_000, 64_000, 64_001):
        (whole,) = extractor.extract_blocks([BlockAudio(audio, 0, n_samples)])
        short = extractor.extract(audio[:n_samples])
        n = len(short.loudness_db) - 1  # the last frames hear what comes after
        np.testing.assert_array_equal(short.loudness_db[:n], whole.loudness_db[:n])


def test_f0_across_a_block_s_edge_is_that_of_another_grid(extractor):
    audio = glide(24.0)
    # The same sound cut elsewhere: the edge at 20 s is then deep inside a block.
    shifted = extractor.extract(audio[10 * 16_000 :])
    whole = extractor.extract(audio)
    near, moved = slice(19 * 32, 21 * 32), slice(9 * 32, 11 * 32)
    cents = 1200 * np.log2(whole.f0_hz[near] / shifted.f0_hz[moved])
    assert np.abs(cents).max() < 0.01
    np.testing.assert_allclose(
        whole.f0_confidence[near], shifted.f0_confidence[moved], atol=1e-5
    )


def test_any_rate_gives_the_features_of_the_16_khz_copy(tmp_path, extractor):
    audio = glide(20.5, 44_100)
    soundfile.write(tmp_path / "take.wav", audio, 44_100, "FLOAT")
    features, _ = recording_features(tmp_path / "take.wav", extractor)
    whole = extractor.extract(resample(audio, 44_100, 16_000))
    cents = 1200 * np.log2(features.f0_hz / whole.f0_hz)
    assert np.abs(cents).max() < 0.1
    np.testing.assert_allclose(features.loudness_db, whole.loudness_db, atol=0.01)


def test_padding_center_only_adds_the_frame_at_the_end(extractor):
    audio = glide(3.0)
    same, center = extractor.extract(audio), extractor.extract(audio, Padding.CENTER)
    assert len(center.f0_hz) == len(same.f0_hz) + 1 == 97
    assert_same(Features(*(getattr(center, name)[:-1] for name in NAMES)), same)


@pytest.mark.parametrize("n_samples", [0, 1, 499, 500, 2 * 16_000])
def test_the_number_of_frames_is_that_of_whole_hops(extractor, n_samples):
    audio = np.zeros(n_samples, np.float32)
    assert len(extractor.extract(audio).f0_hz) == n_samples // 500
    assert len(extractor.extract(audio, Padding.CENTER).loudness_db) == (
        n_samples // 500 + 1
    )


def test_the_pitch_lies_at_the_time_it_sounds(extractor):
    t = np.arange(32_000) / 16_000
    audio = np.where(t < 1.0, np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 233 * t))
    f0_hz = extractor.extract(audio.astype(np.float32)).f0_hz
    assert abs(np.argmax(f0_hz > 226.5) - 32) <= 1  # frames of 31 ms


def test_only_what_is_pitched_and_above_the_noise_sounds(test_data, extractor):
    share = {}
    for name in ("take_16k.flac", "silence_3s.wav", "near_silence_dither.wav"):
        features, _ = recording_features(test_data / "audio/hard" / name, extractor)
        share[name] = sounding(features).mean()
    assert share["take_16k.flac"] > 0.8
    assert share["silence_3s.wav"] == share["near_silence_dither.wav"] == 0


def test_sounding_needs_both_confidence_and_level():
    features = Features(
        np.full(4, 440.0),
        np.array([0.5, 0.5, 0.49, 0.49], np.float32),
        np.array([-70.0, -70.1, -70.0, -70.1], np.float32),
    )
    assert sounding(features).tolist() == [True, False, False, False]


def test_a_damaged_file_gives_the_features_of_its_usable_part(test_data, extractor):
    path = test_data / "audio/hard/truncated.flac"
    features, info = recording_features(path, extractor)
    assert info.n_samples == 16_384
    assert len(features.f0_hz) == 16_384 // 500


def test_a_file_without_samples_is_an_error(test_data, extractor):
    path = test_data / "audio/hard/header_only_no_samples.wav"
    with pytest.raises(AudioError, match="holds no samples"):
        recording_features(path, extractor)


def test_the_versions_are_those_of_the_default_spec():
    assert FeatureExtractor().versions == {
        "f0": ExampleSpec().f0,
        "loudness": LoudnessVersion.POWER_2022,
    }


def test_weights_from_a_path_have_a_version_of_their_own(tmp_path):
    from ddsp_core.features.weights import find_weights

    (tmp_path / "mine.h5").write_bytes(find_weights("tiny").read_bytes())
    pitch = PitchOptions(weights=str(tmp_path / "mine.h5"))
    version = FeatureExtractor(32, pitch).f0_version
    assert version.startswith("crepe-tiny-viterbi/2@")


def test_a_frame_rate_that_is_not_whole_lists_those_that_are():
    with pytest.raises(SpecError, match=r"251 frames/s .* 250, 320"):
        FeatureExtractor(251)


def test_a_hop_wider_than_the_loudness_frame_is_refused():
    with pytest.raises(SpecError, match=r"25 frames/s .* work: 32, 40, 50"):
        FeatureExtractor(25)


def test_a_block_that_is_not_of_the_grid_is_refused(extractor):
    for n_samples, n_before, n_core in (
        (22 * 16_000 + 1, 0, 16_000),
        (16_000, 8000, 16_000),
        (16_000, 100, 1000),
    ):
        with pytest.raises(FeatureError, match="does not fit"):
            extractor.extract_block(np.zeros(n_samples, np.float32), n_before, n_core)
