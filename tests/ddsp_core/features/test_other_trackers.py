"""pYIN and SwiftF0: on our frames, counted from the recording's start."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ddsp_core.errors import FeatureError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.extract import FeatureExtractor
from ddsp_core.features.options import PitchOptions


def gliding(secs):
    t = np.arange(round(secs * 16_000)) / 16_000
    f0_hz = 300 * 2 ** (0.5 * np.sin(2 * np.pi * 0.3 * t))
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    audio = sum(np.sin(k * phase) / k for k in range(1, 6)) * 0.2
    return audio.astype(np.float32), f0_hz[::64]


@pytest.mark.parametrize("name", ["pyin", "swiftf0"])
def test_the_pitch_lies_at_the_time_it_sounds(name):
    pytest.importorskip({"pyin": "librosa", "swiftf0": "swift_f0"}[name])
    audio, truth = gliding(3.0)
    extractor = FeatureExtractor(250, PitchOptions(name))
    features = extractor.extract(audio)
    assert len(features.f0_hz) == 750
    inside = slice(25, -25)
    cents = 1200 * np.log2(features.f0_hz / truth)[inside]
    assert np.median(np.abs(cents)) < 12  # pYIN answers in steps of 10 cents
    assert (features.f0_confidence[inside] >= 0.5).mean() > 0.98
    assert extractor.f0_version == PitchOptions.of_version(f"{name}/1").version(250)


def test_swift_f0_hears_the_same_from_another_start():
    pytest.importorskip("swift_f0")
    audio, _ = gliding(6.0)
    extractor = FeatureExtractor(250, PitchOptions("swiftf0"))
    whole = extractor.extract(audio)
    part = BlockAudio(audio[16_000:], 16_000, 64_000, start=32_000)
    (features,) = extractor.extract_blocks([part])
    cents = 1200 * np.log2(features.f0_hz / whole.f0_hz[500:])
    assert np.abs(cents[:-100]).max() < 0.1


@pytest.mark.parametrize("name", ["pyin", "swiftf0"])
def test_silence_and_no_sound_at_all_have_no_pitch(name):
    pytest.importorskip({"pyin": "librosa", "swiftf0": "swift_f0"}[name])
    extractor = FeatureExtractor(250, PitchOptions(name))
    for n_samples in (0, 100, 16_000):
        features = extractor.extract(np.zeros(n_samples, np.float32))
        assert len(features.f0_hz) == n_samples // 64
        assert (features.f0_confidence < 0.5).all() and (features.f0_hz > 0).all()


@pytest.mark.parametrize(
    ("name", "module"), [("pyin", "librosa"), ("swiftf0", "swift_f0")]
)
def test_a_package_that_is_not_installed_is_named(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FeatureError, match=r"luthier\[pitch\]"):
        FeatureExtractor(250, PitchOptions(name))
