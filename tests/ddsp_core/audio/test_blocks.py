"""The grid of blocks: absolute positions, true context, by seek or in order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.blocks import BLOCK_SECS, CONTEXT_SECS, blocks, scan
from ddsp_core.audio.decode import probe
from ddsp_core.errors import AudioError

RATE = 1000  # Hz: long recordings in few samples


@pytest.fixture
def recording(tmp_path):
    audio = np.random.default_rng(0).uniform(-0.9, 0.9, (51_234, 2))
    soundfile.write(tmp_path / "take.wav", audio, RATE, "FLOAT")
    return tmp_path / "take.wav", audio.astype(np.float32).mean(axis=1)


def cut(path, can_seek=True, **kwargs):
    info = dataclasses.replace(probe(path), seekable=can_seek)
    return list(blocks(path, info, scan(path).n_samples, **kwargs))


@pytest.mark.parametrize("can_seek", [True, False])
def test_cores_tile_the_recording_and_context_is_its_neighbourhood(recording, can_seek):
    path, mono = recording
    rows = cut(path, can_seek)
    assert [(row.index, row.n_before, row.n_core) for row in rows] == [
        (0, 0, 20_000),
        (1, 1000, 20_000),
        (2, 1000, 11_234),
    ]
    for row in rows:
        begin = row.start - row.n_before
        end = min(row.start + row.n_core + CONTEXT_SECS * RATE, len(mono))
        np.testing.assert_allclose(row.audio, mono[begin:end], atol=1e-7)


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_any_block_alone_is_the_block_of_the_whole_pass(tmp_path, form):
    audio = np.random.default_rng(1).uniform(-0.9, 0.9, 65 * 8000)
    soundfile.write(tmp_path / "take", audio, 8000, "PCM_16", format=form)
    whole = cut(tmp_path / "take", can_seek=False)
    for index, expected in enumerate(whole):
        for can_seek in (True, False):
            (row,) = cut(tmp_path / "take", can_seek, first=index, count=1)
            np.testing.assert_array_equal(row.audio, expected.audio)
            assert (row.index, row.n_before, row.n_core) == (
                index,
                expected.n_before,
                expected.n_core,
            )


def test_bad_samples_become_silence(test_data):
    path = test_data / "audio/hard/nan_float.wav"
    (block,) = cut(path)
    raw = soundfile.read(path, dtype="float32")[0]
    assert (block.audio[9000:9040] == 0).all()
    good = np.isfinite(raw)
    np.testing.assert_array_equal(block.audio[good], raw[good])


def test_the_usable_part_of_a_damaged_file_is_cut_in_order(test_data):
    path = test_data / "audio/hard/truncated.flac"
    info, n_samples = probe(path), scan(path).n_samples
    (block,) = blocks(path, info, n_samples)
    whole = soundfile.read(test_data / "audio/hard/take_16k.flac", dtype="float32")[0]
    np.testing.assert_array_equal(block.audio, whole[:n_samples])


def test_an_empty_recording_has_no_blocks(test_data):
    assert cut(test_data / "audio/hard/header_only_no_samples.wav") == []


def test_a_file_that_shrank_since_the_scan_is_an_error(recording):
    path, _ = recording
    with pytest.raises(AudioError, match="was changed while it was read"):
        list(blocks(path, probe(path), 60_000))


def test_positions_are_whole_at_every_rate():
    for rate in (8000, 11_025, 22_050, 44_100, 48_000, 96_000):
        for seconds in (BLOCK_SECS, CONTEXT_SECS):
            assert seconds * rate * 16_000 % rate == 0
