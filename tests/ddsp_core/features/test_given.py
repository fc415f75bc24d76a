"""f0 from files: read strictly, on our grid, in a preparation."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from ddsp_core import io
from ddsp_core.audio.blocks import blocks
from ddsp_core.errors import AudioError, FeatureError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.extract import FeatureExtractor, recording_features
from ddsp_core.features.given import on_grid, read_f0
from ddsp_core.features.options import PitchOptions


def test_a_line_leads_between_points_and_no_glide_over_rests_or_leaps():
    times = np.array([0.0, 0.02, 0.04, 0.06, 0.2])
    f0_hz = np.array([400.0, 404.0, 0.0, 800.0, 800.0])
    grid = np.array([0.01, 0.025, 0.035, 0.055, 0.1, 0.13, 0.16, 0.3])
    got, confidence = on_grid(times, f0_hz, (f0_hz > 0).astype(float), grid)
    assert got[0] == pytest.approx(np.sqrt(400 * 404))
    np.testing.assert_array_equal(got[[1, 3, 4]], [404, 800, 800])
    np.testing.assert_array_equal(confidence, [1, 1, 0, 1, 1, 0, 1, 0])
    leap, _ = on_grid(times[:2], np.array([400.0, 800.0]), np.ones(2), grid[:1] + 1e-4)
    assert leap[0] == 800


def test_a_file_of_other_times_gives_the_pitch_at_each_frame(tmp_path):
    times = np.arange(0, 2, 0.0058)
    f0_hz = 300 + 40 * np.sin(2 * np.pi * 3 * times)
    rows = "".join(f"{t:.6f},{f:.4f}\n" for t, f in zip(times, f0_hz, strict=True))
    (tmp_path / "a_f0.csv").write_text("time_s,f0_hz\n" + rows)
    extractor = FeatureExtractor(250, PitchOptions("file"))
    block = BlockAudio(
        np.zeros(28_000, np.float32), 0, 28_000, source=str(tmp_path / "a.wav")
    )
    (features,) = extractor.extract_blocks([block])
    seconds = np.arange(len(features.f0_hz)) / 250
    truth = 300 + 40 * np.sin(2 * np.pi * 3 * seconds)
    assert np.abs(1200 * np.log2(features.f0_hz / truth)).max() < 1
    assert features.f0_confidence.min() == 1
    assert extractor.versions["f0"] == "file/1"


def test_the_files_that_crepe_writes_are_read(tmp_path):
    path = tmp_path / "a.f0.csv"
    path.write_text("time,frequency,confidence\n0.00,440.000,0.9\n0.01,441.5,0.8\n")
    times, f0_hz, confidence = read_f0(path)
    assert (times.tolist(), f0_hz.tolist()) == ([0, 0.01], [440, 441.5])
    assert confidence.tolist() == [0.9, 0.8]


def test_blocks_of_a_recording_take_their_own_part(test_data):
    path = test_data / "audio" / "transfer" / "singing_male_quiet.flac"
    extractor = FeatureExtractor(250, PitchOptions("file"))
    whole, info = recording_features(path, extractor)
    times, f0_hz, _ = read_f0(path.with_name("singing_male_quiet_f0.csv"))
    sounds = whole.f0_confidence > 0
    points = np.interp(np.arange(len(sounds)) / 250, times, f0_hz > 0) > 0.5
    assert np.mean(sounds == points) > 0.99
    assert (whole.f0_hz > 0).all()
    for block in blocks(path, info, info.n_samples):
        one = dataclasses.replace(BlockAudio.of(block), source=str(path))
        (part,) = extractor.extract_blocks([one])
        start = one.start // 64
        stretch = slice(start, start + len(part.f0_hz))
        np.testing.assert_array_equal(part.f0_hz, whole.f0_hz[stretch])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "begins with ''"),
        ("t,f\n0,1\n", "begins with 't,f'"),
        ("time_s,f0_hz\n", "has no rows"),
        ("time_s,f0_hz\n0,440\n0,440\n", "line 3: '0,440'"),
        ("time_s,f0_hz\n0,-1\n", "line 2"),
        ("time_s,f0_hz\n0,nan\n", "line 2"),
        ("time_s,f0_hz\n0,9000\n", "to 8000 Hz"),
        ("time_s,f0_hz\n0,a4\n", "line 2"),
        ("time_s,f0_hz\n0\n", "line 2"),
        ("time_s,f0_hz,confidence\n0,440,1.5\n", "confidence from 0 to 1"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path, text, match):
    (tmp_path / "bad_f0.csv").write_text(text)
    with pytest.raises(AudioError, match=match) as error:
        read_f0(tmp_path / "bad_f0.csv")
    assert "bad_f0.csv" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    extractor = FeatureExtractor(250, PitchOptions("file:{name}.txt"))
    block = BlockAudio(
        np.zeros(640, np.float32), 0, 640, source=str(tmp_path / "b.wav")
    )
    with pytest.raises(AudioError, match=r"b\.wav\.txt"):
        extractor.extract_blocks([block])
    with pytest.raises(AudioError, match="this sound is none"):
        extractor.extract(np.zeros(640, np.float32))


def test_what_must_hear_for_itself_takes_the_default_tracker():
    assert PitchOptions.hearing("file/1") == PitchOptions()
    with pytest.raises(FeatureError, match="cannot be computed"):
        PitchOptions.of_version("file/1")


def test_a_dataset_of_given_f0_is_made_again_when_the_file_changes(test_data, tmp_path):
    from pipelines.prepare import prepare
    from tests.pipelines.preparations import options

    folder = tmp_path / "in"
    folder.mkdir()
    source = test_data / "audio" / "transfer" / "singing_male_quiet.flac"
    given = source.with_name("singing_male_quiet_f0.csv")
    shutil.copy(source, folder / "a.flac")
    text = given.read_text()
    (folder / "a_f0.csv").write_text(text)
    asked = options(folder, tmp_path / "out", pitch="file", force=True)
    first = prepare(asked)
    assert first.manifest.spec.f0 == "file/1"
    assert not prepare(asked).is_new
    (folder / "a_f0.csv").write_text(text.rstrip() + "\n99,440\n")
    again = prepare(asked)
    assert again.is_new and again.manifest.fingerprint != first.manifest.fingerprint
    (folder / "a_f0.csv").unlink()
    shutil.copy(source.with_name("singing_female.flac"), folder / "b.flac")
    (folder / "b_f0.csv").write_text(text)
    prepare(asked)
    rejected = io.read_jsonl(tmp_path / "out" / "rejected.jsonl")
    assert any("a_f0.csv" in row["reason"] for row in rejected)
