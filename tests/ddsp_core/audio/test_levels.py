"""Clipping and stereo: what a scan says of signals whose truth is known."""

import json

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.levels import StereoKind
from ddsp_core.audio.scan import Scan, scan
from ddsp_core.errors import AudioError

RATE = 16_000


def scanned(tmp_path, audio, subtype="PCM_16", rate=RATE):
    path = tmp_path / "a.wav"
    soundfile.write(path, audio, rate, subtype)
    return scan(path)


def noise(n=RATE, seed=0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal(n)


def sine(hz, secs=1.0, level=0.5):
    return level * np.sin(2 * np.pi * hz * np.arange(int(secs * RATE)) / RATE)


def test_clipped_samples_are_counted_and_placed(tmp_path):
    audio = sine(100, 2.0, level=0.4)
    audio[5000:9000] *= 5
    clipped = np.clip(audio, -0.95, 0.95)
    found = scanned(tmp_path, clipped)
    truth = np.abs(audio) >= 0.95
    assert found.n_clipped == pytest.approx(truth.sum(), abs=2)
    assert found.clipped_share == pytest.approx(truth.mean(), abs=1e-4)
    covered = np.zeros(len(audio), bool)
    for start, stop in found.clipped:
        covered[start:stop] = True
    assert (covered == truth).mean() > 0.9999


@pytest.mark.parametrize("cut", [2**16 - 2, 2**16, 2**16 + 1])
def test_a_plateau_across_two_chunks_is_one(tmp_path, cut):
    audio = noise(2**17, level=0.05)
    audio[cut - 3 : cut + 4] = 1.0
    assert scanned(tmp_path, audio).clipped == ((cut - 3, cut + 4),)


def test_a_loud_peak_and_a_quiet_plateau_are_no_clipping(tmp_path):
    audio = noise()
    audio[100:102] = 0.99
    assert scanned(tmp_path, audio).n_clipped == 0
    quiet = np.clip(sine(100, level=0.5), -0.3, 0.3)
    assert scanned(tmp_path, quiet).n_clipped == 0


def test_a_plateau_below_a_later_peak_is_forgotten(tmp_path):
    audio = noise(2**17)
    audio[100:110] = 0.93
    audio[2**16 + 5] = 0.99
    assert scanned(tmp_path, audio).n_clipped == 0


def test_samples_over_full_scale_count_as_clipped(tmp_path):
    audio = sine(440, level=1.25)
    found = scanned(tmp_path, audio, "FLOAT")
    assert found.n_clipped == (np.abs(audio.astype(np.float32)) > 1).sum()


def test_one_clipped_channel_is_enough(tmp_path):
    stereo = np.stack([noise(), np.clip(sine(100, level=2.0), -1, 1)], axis=1)
    found = scanned(tmp_path, stereo)
    assert found.clipped_share == pytest.approx(2 / 3 / 2, abs=0.01)


def test_recordings_that_are_not_clipped_have_no_clipped_sample(test_data):
    files = [*(test_data / "audio").glob("solo_*/*.flac")]
    assert len(files) == 119
    assert [p.name for p in files if scan(p).n_clipped] == []
    assert scan(test_data / "audio/hard/clipped.wav").clipped_share > 0.5


@pytest.mark.parametrize(
    ("right", "kind", "loss_db"),
    [
        (1.0, StereoKind.DUAL_MONO, 0.0),
        (-1.0, StereoKind.INVERTED, 99.0),
        (-0.7, StereoKind.INVERTED, 10 * np.log10(0.745 / 0.0225)),
        (0.0, StereoKind.ONE_SIDED, 3.01),
        (0.005, StereoKind.ONE_SIDED, 2.97),
        (0.5, StereoKind.STEREO, 10 * np.log10(0.625 / 0.5625)),
    ],
)
def test_kind_and_loss_of_a_copied_channel(tmp_path, right, kind, loss_db):
    left = noise()
    found = scanned(tmp_path, np.stack([left, right * left], axis=1), "FLOAT")
    assert found.stereo is kind
    assert found.mix_loss_db == pytest.approx(loss_db, abs=0.01)


def test_unrelated_channels_lose_three_decibels(tmp_path):
    stereo = np.stack([noise(10 * RATE), noise(10 * RATE, seed=1)], axis=1)
    found = scanned(tmp_path, stereo, "FLOAT")
    assert found.stereo is StereoKind.STEREO
    assert found.mix_loss_db == pytest.approx(3.01, abs=0.05)


def test_an_offset_hides_no_inversion(tmp_path):
    left = noise()
    found = scanned(tmp_path, np.stack([left + 0.3, 0.3 - left], axis=1), "FLOAT")
    assert found.stereo is StereoKind.INVERTED
    assert found.dc == pytest.approx(0.3, abs=1e-3)


def test_mono_and_silence_and_six_channels(tmp_path):
    assert scanned(tmp_path, noise()).stereo is StereoKind.MONO
    silent = scanned(tmp_path, np.zeros((RATE, 2)))
    assert (silent.stereo, silent.mix_loss_db) == (StereoKind.DUAL_MONO, 0.0)
    six = np.stack([noise(seed=k) for k in range(6)], axis=1)
    assert scanned(tmp_path, six).stereo is StereoKind.MULTICHANNEL


def test_the_level_is_that_of_the_mix_without_offset(tmp_path):
    found = scanned(tmp_path, sine(440, level=0.5) + 0.25, "FLOAT")
    assert found.rms_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)


def test_a_scan_survives_json(tmp_path):
    stereo = np.stack([noise(), np.clip(sine(100, level=2), -1, 1)], axis=1)
    found = scanned(tmp_path, stereo)
    again = Scan.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    with pytest.raises(AudioError, match="another revision"):
        Scan.from_json(found.to_json() | {"revision": 0})
    with pytest.raises(AudioError, match="not usable"):
        Scan.from_json({"revision": 1})
