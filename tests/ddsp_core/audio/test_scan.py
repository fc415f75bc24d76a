"""`scan`: true length, key, and where the bad samples are."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.blocks import scan
from ddsp_core.audio.scan import MAX_NONFINITE_RANGES
from ddsp_core.errors import AudioError


def written(path, audio, rate=16_000, subtype="FLOAT"):
    soundfile.write(path, audio, rate, subtype)
    return path


def test_every_hard_file_is_scanned_or_refused_with_a_reason(test_data):
    folder = test_data / "audio/hard"
    refused, found = {}, {}
    for name in sorted(os.listdir(folder)):
        try:
            found[name] = scan(folder / name)
        except AudioError as error:
            refused[name] = str(error)
    assert set(refused) == {
        "corrupt_header.wav",
        "folder_named.wav",
        "text_file.wav",
        "zero_bytes.wav",
    }
    assert all(name in reason for name, reason in refused.items())
    assert {name for name, one in found.items() if one.error} == {"truncated.flac"}
    assert len(refused) + len(found) == 35
    assert found["header_only_no_samples.wav"].n_samples == 0
    assert found["truncated_data.wav"].n_samples == 19_200
    assert found["float_over_full_scale.wav"].peak > 1.5
    assert found["dc_offset.wav"].dc == pytest.approx(0.35, abs=0.02)
    assert found["nan_float.wav"].nonfinite == ((9000, 9040),)
    assert found["silence_3s.wav"].peak == 0


def test_the_key_is_of_rate_channels_and_samples_alone(tmp_path, test_data):
    hard = test_data / "audio/hard"
    samples, rate = soundfile.read(hard / "take_16k.flac", dtype="float32")
    data = f"{rate} 1\n".encode() + samples.tobytes()
    found = scan(hard / "take_16k.flac")
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.source_key == found.sha256[:32]
    # The same samples in another container, width and name are the same recording.
    assert scan(hard / "mono_16k_32bit.wav").sha256 == found.sha256
    assert scan(written(tmp_path / "a.wav", samples, 8000)).sha256 != found.sha256
    louder = written(tmp_path / "b.wav", samples * np.float32(1.0001))
    assert scan(louder).sha256 != found.sha256


def test_peak_and_dc_leave_out_what_is_not_finite(tmp_path):
    audio = np.full((1000, 2), 0.25, np.float32)
    audio[10] = [-0.75, 0.75]
    audio[20, 1] = np.nan
    audio[30:33, 0] = np.inf
    found = scan(written(tmp_path / "a.wav", audio))
    assert found.peak == 0.75
    assert found.dc == pytest.approx(0.25 * 995 / 996, rel=1e-6)
    assert (found.n_nonfinite, found.nonfinite) == (4, ((20, 21), (30, 33)))


def test_many_bad_samples_are_reported_in_bounded_memory(tmp_path):
    audio = np.zeros(200_000, np.float32)
    bad = np.sort(np.random.default_rng(0).choice(200_000, 20_000, replace=False))
    audio[bad] = np.nan
    found = scan(written(tmp_path / "a.wav", audio))
    assert found.n_nonfinite == 20_000
    ranges = np.array(found.nonfinite)
    assert 1 < len(ranges) <= MAX_NONFINITE_RANGES
    assert (ranges[:, 0] < ranges[:, 1]).all()
    assert (ranges[1:, 0] > ranges[:-1, 1]).all()
    covered = np.zeros(200_000, bool)
    for start, stop in ranges:
        covered[start:stop] = True
    assert covered[bad].all()
    assert ranges[0, 0] == bad[0] and ranges[-1, 1] == bad[-1] + 1


def test_a_range_across_two_chunks_is_one_range(tmp_path):
    audio = np.zeros(200_000, np.float32)
    audio[2**16 - 5 : 2**16 + 5] = np.nan
    found = scan(written(tmp_path / "a.wav", audio))
    assert found.nonfinite == ((2**16 - 5, 2**16 + 5),)
