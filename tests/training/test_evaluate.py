"""Evaluation hears the output: it must notice what is wrong with it, and how much."""

import math

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import DatasetError, FeatureError
from ddsp_core.features.extract import FeatureExtractor, Features
from ddsp_core.spec import ExampleSpec
from tests.training.tones import write_dataset
from training.data import Examples
from training.evaluate import measure
from training.metrics import extractor_for, frame_errors, multi_scale_loss, summary

SPEC = ExampleSpec.from_seconds(1.0)
F0_HZ = (262.0, 330.0)


def tone(f0_hz, gain=0.2, n_samples=SPEC.n_samples):
    """A steady tone of eight harmonics."""
    phase = 2 * np.pi * f0_hz * np.arange(n_samples) / SPEC.sample_rate
    return gain * sum(np.sin(k * phase) / k for k in range(1, 9))


class Player:
    """A 'model' whose output is wrong by as much as it is told."""

    def __init__(self, cents=0.0, gain_db=0.0):
        self.ratio, self.gain = 2 ** (cents / 1200), 10 ** (gain_db / 20)

    def __call__(self, features, return_losses, training):
        f0_hz = tf.cast(features["f0_hz"][:, :1, tf.newaxis], tf.float64) * self.ratio
        time = np.arange(SPEC.n_samples)[:, np.newaxis] / SPEC.sample_rate
        harmonic = np.arange(1, 9)
        audio = 0.2 * tf.sin(2 * np.pi * f0_hz * (time * harmonic)) / harmonic
        audio = tf.cast(tf.reduce_sum(audio, -1), tf.float32) * self.gain
        error = tf.reduce_mean(tf.abs(audio - features["audio"]))
        return {"audio_synth": audio}, {"total_loss": error}

    def get_audio_from_outputs(self, outputs):
        return outputs["audio_synth"]


@pytest.fixture(scope="module")
def extractor():
    return FeatureExtractor(SPEC.frame_rate)


@pytest.fixture(scope="module")
def examples(tmp_path_factory, extractor):
    """Two tones with the features that this program extracts of them."""

    def example(index, spec):
        # Longer than the example, as a recording is: features know what lies around.
        whole = tone(F0_HZ[index], n_samples=2 * spec.n_samples).astype(np.float32)
        found = extractor.extract(whole)
        half = slice(spec.n_frames // 2, spec.n_frames // 2 + spec.n_frames)
        start = spec.n_samples // 2
        audio = whole[start : start + spec.n_samples]
        return {
            "audio": audio,
            "audio_16k": audio,
            "f0_hz": np.full(spec.n_frames, F0_HZ[index]),
            "f0_confidence": found.f0_confidence[half],
            "loudness_db": found.loudness_db[half],
        }

    folder = tmp_path_factory.mktemp("tones")
    return Examples.open(
        write_dataset(folder, {"train": [], "eval": [2]}, SPEC, example), ("eval",)
    )


def test_a_true_copy_has_no_error_of_pitch_or_loudness(examples, extractor):
    found = measure(Player(), examples, extractor)
    assert found["f0_median_abs_cents"] < 5
    assert found["f0_share_beyond_50_cents"] == 0
    assert found["f0_share_untracked"] == 0
    assert found["loudness_l1_db"] < 0.1


@pytest.mark.parametrize(("cents", "share"), [(-30, 0), (120, 1)])
def test_detuning_moves_the_median_by_as_much(examples, extractor, cents, share):
    found = measure(Player(cents=cents), examples, extractor)
    assert found["f0_median_cents"] == pytest.approx(cents, abs=5)
    assert found["f0_median_abs_cents"] == pytest.approx(abs(cents), abs=5)
    assert found["f0_share_beyond_50_cents"] == pytest.approx(share, abs=0.01)


def test_gain_moves_the_loudness_bias_by_as_much(examples, extractor):
    found = measure(Player(gain_db=-6), examples, extractor)
    assert found["loudness_bias_db"] == pytest.approx(-6, abs=0.3)
    assert found["loudness_l1_db"] == pytest.approx(6, abs=0.3)
    assert found["f0_median_abs_cents"] < 5


def test_silence_is_reported_as_untracked(examples, extractor):
    found = measure(Player(gain_db=-400), examples, extractor)
    assert found["f0_median_abs_cents"] is None
    assert found["f0_share_beyond_50_cents"] == 1
    assert found["f0_share_untracked"] == 1
    assert found["loudness_bias_db"] < -40
    assert all(v is None or math.isfinite(v) for v in found.values())


def test_a_silent_target_bears_no_pitch_metric():
    silent = Features(
        np.zeros(250, np.float32), np.zeros(250, np.float32), np.full(250, -80.0)
    )
    found = summary(frame_errors(silent, silent, 250))
    assert found["f0_share_beyond_50_cents"] is None
    assert found["loudness_l1_db"] is None
    assert found["loudness_l1_all_frames_db"] == 0


def test_the_ends_of_an_example_do_not_count():
    steady = np.full(250, 220.0), np.ones(250), np.full(250, -20.0)
    wrong_ends = np.concatenate([np.full(8, 440.0), np.full(234, 220.0), [440.0] * 8])
    errors = frame_errors(Features(*steady), Features(wrong_ends, *steady[1:]), 250)
    assert len(errors.cents) == 234
    assert np.all(errors.cents == 0)


def test_the_spectral_loss_is_zero_only_for_a_copy():
    target = tone(330.0).astype(np.float32)[np.newaxis]
    other = tone(350.0).astype(np.float32)[np.newaxis]
    assert multi_scale_loss(target, target) == 0
    assert multi_scale_loss(target, other) > 1


def test_features_of_another_version_are_refused():
    other = ExampleSpec.from_seconds(1.0, f0="crepe-tiny-viterbi/0")
    with pytest.raises(FeatureError, match="prepare the dataset again"):
        extractor_for(other)


def test_an_empty_split_is_refused(tmp_path):
    from training.evaluate import evaluate

    folder = write_dataset(tmp_path / "d", {"train": [1], "eval": []})
    with pytest.raises(DatasetError, match="no example in split 'eval'"):
        evaluate(tmp_path, folder)
