"""Writing WAV: what is read back, and nothing half-written."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.write import write_wav
from ddsp_core.errors import AudioError, StorageError


def test_audio_comes_back_within_half_a_step_and_clipped_at_full_scale(tmp_path):
    audio = np.linspace(-1.5, 1.5, 3001).astype(np.float32)
    write_wav(tmp_path / "a.wav", audio, 16_000)
    back, rate = soundfile.read(tmp_path / "a.wav", dtype="float64")
    assert rate == 16_000
    np.testing.assert_allclose(back, audio.clip(-1, 1), atol=2**-23)


def test_bad_samples_are_refused_and_the_old_file_stays(tmp_path):
    write_wav(tmp_path / "a.wav", np.zeros(100), 16_000)
    old = (tmp_path / "a.wav").read_bytes()
    audio = np.zeros(100)
    audio[16] = np.nan
    with pytest.raises(AudioError, match=r"1 samples are NaN .* 0\.001 s"):
        write_wav(tmp_path / "a.wav", audio, 16_000)
    assert (tmp_path / "a.wav").read_bytes() == old


def test_a_failing_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(StorageError, match="make room"):
        write_wav(tmp_path / "a.wav", np.zeros(100), 16_000)
    assert list(tmp_path.iterdir()) == []
