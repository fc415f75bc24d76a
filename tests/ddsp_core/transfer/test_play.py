"""Files in, files out: lengths, levels, and what can't be played."""

import dataclasses
import types

import numpy as np
import pytest
import soundfile

from ddsp_core.errors import AudioError, FeatureError
from ddsp_core.spec import ExampleSpec, LoudnessVersion
from ddsp_core.statistics import Statistics
from ddsp_core.transfer.options import TransferOptions
from ddsp_core.transfer.play import CEILING, Transfer, write_below_ceiling
from tests.ddsp_core.transfer.small_instrument import make_model

SPEC = ExampleSpec(n_frames=250)


def make_transfer(gain_db=0.0):
    n = 100
    statistics = Statistics.of(
        np.geomspace(200, 900, n), np.linspace(-50, -10, n), np.ones(n, bool)
    )
    built = types.SimpleNamespace(model=make_model(SPEC))
    return Transfer(
        types.SimpleNamespace(
            spec=SPEC,
            statistics=statistics,
            gain_db=gain_db,
            build=lambda: built,
        )
    )


@pytest.fixture(scope="module")
def transfer():
    return make_transfer()


def tone(secs, rate, rest=(9.0, 9.0)):
    """A 440 Hz tone with a rest between two times."""
    t = np.arange(round(secs * rate)) / rate
    audio = 0.3 * np.sin(2 * np.pi * 440 * t)
    return np.where((t >= rest[0]) & (t < rest[1]), 0.0, audio)


@pytest.mark.parametrize(
    ("secs", "rate", "n_channels"),
    [(0.01, 16_000, 1), (0.3, 44_100, 2), (2.5, 48_000, 1)],
)
def test_the_output_is_as_long_as_the_input(transfer, tmp_path, secs, rate, n_channels):
    audio = np.repeat(tone(secs, rate)[:, np.newaxis], n_channels, axis=1)
    soundfile.write(tmp_path / "in.wav", audio, rate)
    done = transfer.play(tmp_path / "in.wav", tmp_path / "out.wav", TransferOptions())
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_24")
    assert abs(info.frames / 16_000 - len(audio) / rate) < 1e-3
    assert done.secs == info.frames / 16_000


def played(transfer, tmp_path, options):
    """Audio as the model gave it: before it was turned down so as not to clip."""
    soundfile.write(tmp_path / "in.wav", tone(1.5, 16_000), 16_000)
    done = transfer.play(tmp_path / "in.wav", tmp_path / "out.wav", options)
    audio, _ = soundfile.read(tmp_path / "out.wav")
    return audio / 10 ** (done.gain_db / 20)


def test_the_gain_of_the_dataset_is_taken_back(transfer, tmp_path):
    options = TransferOptions()
    as_it_was = played(transfer, tmp_path, options)
    louder = played(make_transfer(gain_db=6.0), tmp_path, options)
    np.testing.assert_allclose(louder * 10**0.3, as_it_was, atol=1e-5)


def test_without_adjustment_a_model_is_played_at_the_level_that_it_knows(
    transfer, tmp_path
):
    plain = TransferOptions(adjust=False)
    gained = played(make_transfer(gain_db=6.0), tmp_path, plain)
    shifted = dataclasses.replace(plain, loudness_shift_db=6.0)
    expected = played(transfer, tmp_path, shifted)
    np.testing.assert_allclose(gained * 10**0.3, expected, atol=1e-5)


def test_a_rest_of_the_input_is_a_rest_of_the_output(transfer, tmp_path):
    soundfile.write(tmp_path / "in.wav", tone(3.0, 16_000, (1.0, 2.2)), 16_000)
    transfer.play(tmp_path / "in.wav", tmp_path / "out.wav", TransferOptions())
    audio, _ = soundfile.read(tmp_path / "out.wav")
    # The reverb of the test's model rings for 9000 samples.
    silent = audio[16_000 + 1_000 + 9_000 : int(2.2 * 16_000) - 600]
    assert len(silent) > 4000
    assert np.abs(silent).max() <= 2**-23
    assert np.abs(audio[: 16_000 - 1000]).max() > 1e-3


def test_silence_stays_silent(transfer, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(8000), 16_000)
    done = transfer.play(tmp_path / "in.wav", tmp_path / "out.wav", TransferOptions())
    audio, _ = soundfile.read(tmp_path / "out.wav")
    assert len(audio) == 8000 and not audio.any()
    assert (done.gain_db, done.fit.notes_share) == (0.0, 0.0)


def test_a_file_without_samples_is_refused(transfer, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="no samples"):
        transfer.play(tmp_path / "in.wav", tmp_path / "out.wav", TransferOptions())
    assert not (tmp_path / "out.wav").exists()


def test_what_would_clip_is_turned_down_as_a_whole(tmp_path):
    audio = np.sin(np.arange(300_000) / 9).astype(np.float32)
    chunks = (factor * audio for factor in (0.5, 3.0, 1.0))
    gain = write_below_ceiling(tmp_path / "a.wav", chunks, 16_000)
    written, _ = soundfile.read(tmp_path / "a.wav")
    assert gain == pytest.approx(CEILING / 3, rel=1e-4)
    expected = gain * np.concatenate([0.5 * audio, 3 * audio, audio])
    np.testing.assert_allclose(written, expected, atol=2**-22)


def test_what_does_not_clip_is_left_alone(tmp_path):
    audio = np.linspace(-0.9, 0.9, 1000, dtype=np.float32)
    assert write_below_ceiling(tmp_path / "a.wav", iter([audio]), 16_000) == 1.0
    np.testing.assert_allclose(
        soundfile.read(tmp_path / "a.wav")[0], audio, atol=2**-22
    )


def test_a_model_that_came_apart_writes_nothing(tmp_path):
    broken = np.array([0.1, np.nan], np.float32)
    with pytest.raises(AudioError, match="NaN or infinity"):
        write_below_ceiling(tmp_path / "a.wav", iter([broken]), 16_000)
    assert not list(tmp_path.iterdir())


def test_features_that_are_not_computed_here_are_refused(transfer):
    for change in ({"f0": "spice/1"}, {"loudness": LoudnessVersion.LEGACY_2020}):
        spec = dataclasses.replace(SPEC, **change)
        directory = types.SimpleNamespace(spec=spec, statistics=None, build=None)
        with pytest.raises(FeatureError, match="computes"):
            Transfer(directory)
