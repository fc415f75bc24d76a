"""Magenta's ways to CREPE: on tensors, in graphs, with gradients."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import FeatureError, ShapeError
from ddsp_core.features import pretrained
from ddsp_core.features.crepe import Crepe
from ddsp_core.features.f0 import f0_and_confidence
from ddsp_core.features.weights import find_weights
from ddsp_core.spectral_ops import PretrainedCREPE, compute_f0, reset_crepe

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def crepe():
    return PretrainedCREPE("tiny", hop_size=160)


@pytest.fixture
def tiny_for_full(monkeypatch):
    """`compute_f0` with weights that are installed everywhere."""
    monkeypatch.setattr(pretrained, "SIZE", "tiny")


def glide(n_samples=8000):
    hz = np.linspace(300, 600, n_samples)
    return np.sin(2 * np.pi * np.cumsum(hz) / 16000).astype(np.float32), hz


def test_it_hears_the_pitch_in_batches_and_in_graphs(crepe):
    audio, hz = glide()
    batch = np.stack([audio, audio[::-1]])
    predict = tf.function(crepe.predict_f0_and_confidence)
    f0_hz, confidence = predict(tf.constant(batch), viterbi=True)
    assert f0_hz.shape == confidence.shape == (2, 51)
    cents = 1200 * np.log2(
        f0_hz.numpy()[:, 5:-5] / np.stack([hz, hz[::-1]])[:, 800:-799:160]
    )
    assert np.abs(cents).max() < 30


def test_the_network_is_that_of_the_fast_one(crepe):
    frames = crepe.normalize_frames(RNG.normal(size=[5, 1024]))
    expected = Crepe("tiny").activate(frames.numpy())
    np.testing.assert_allclose(crepe.core_model(frames), expected, atol=1e-4)


def test_weights_may_come_from_a_file(crepe):
    frames = crepe.normalize_frames(RNG.normal(size=[2, 1024]))
    again = PretrainedCREPE(str(find_weights("tiny")))
    np.testing.assert_array_equal(again.core_model(frames), crepe.core_model(frames))
    with pytest.raises(FeatureError, match="neither a size"):
        PretrainedCREPE("huge")


def test_the_gradient_of_audio_is_that_of_a_step(crepe):
    audio = tf.constant(np.random.default_rng(1).normal(size=[1, 1024]), tf.float32)

    def loudest(x):
        return tf.reduce_sum(crepe.core_model(crepe.normalize_frames(x)))

    with tf.GradientTape() as tape:
        tape.watch(audio)
        total = loudest(audio)
    gradient = tape.gradient(total, audio)
    slope = tf.norm(gradient)
    step = 1e-3 * gradient / slope
    difference = (loudest(audio + step) - loudest(audio - step)) / 2e-3
    assert float(slope) == pytest.approx(float(difference), rel=0.02)


def test_silence_has_a_finite_gradient(crepe):
    audio = tf.zeros([1, 1024])
    with tf.GradientTape() as tape:
        tape.watch(audio)
        total = tf.reduce_sum(crepe.normalize_frames(audio))
    assert np.isfinite(tape.gradient(total, audio)).all()


def test_the_path_is_the_likeliest_of_all(crepe):
    """Against all paths of three frames through few bins, one by one."""
    acts = np.zeros([1, 3, 360], np.float32)
    acts[0, :, 100:140] = RNG.uniform(size=[3, 40])
    bins = np.arange(360)
    moves = np.maximum(12.0 - np.abs(bins[:, None] - bins), 1e-5)
    moves = np.log(moves / moves.sum(axis=1, keepdims=True))
    seen = acts[0] * np.log((0.1 + 0.9 / 360) / (0.9 / 360))
    scores = (
        seen[0][:, None, None]
        + moves[:, :, None]
        + seen[1][None, :, None]
        + moves[None]
        + seen[2]
    )
    expected = np.unravel_index(scores.argmax(), scores.shape)
    np.testing.assert_array_equal(crepe.viterbi_decode(acts)[0], expected)
    one = crepe.viterbi_decode(acts[:, :1])
    np.testing.assert_array_equal(one, [[acts[0, 0].argmax()]])


def test_a_bin_at_the_end_counts_again(crepe):
    activations = np.zeros([1, 360], np.float32)
    activations[0, 359] = 1.0
    f0_hz, confidence = crepe.activations_to_f0_and_confidence(activations)
    cents = 1997.3794084376191 + 20 * 359
    assert float(f0_hz[0]) == pytest.approx(10 * 2 ** (cents / 1200), rel=1e-5)
    assert confidence.shape == (1, 1)
    with pytest.raises(ShapeError, match="activations"):
        crepe.activations_to_f0_and_confidence(activations[0])


@pytest.mark.parametrize("padding", ["center", "same", "valid"])
def test_compute_f0_follows_a_glide(tiny_for_full, padding):
    audio, hz = glide()
    f0_hz, confidence = compute_f0(audio, 250, padding=padding)
    n_frames = {"center": 126, "same": 125, "valid": (8000 - 1024) // 64 + 1}[padding]
    assert f0_hz.shape == confidence.shape == (n_frames,)
    start = 0 if padding == "center" else 512
    middle = slice(20, n_frames - 20)
    heard = f0_hz[middle]
    asked = hz[np.minimum(start + 64 * np.arange(n_frames), 7999)][middle]
    assert np.abs(1200 * np.log2(heard / asked)).max() < 30
    if padding == "center":
        again = f0_and_confidence(Crepe("tiny").activations(audio, 64, 126))
        np.testing.assert_allclose(f0_hz, again[0], rtol=1e-5)


def test_each_frame_may_stand_on_its_own(tiny_for_full):
    audio = glide()[0]
    with_path, alone = (compute_f0(audio, 100, viterbi=v) for v in (True, False))
    np.testing.assert_array_equal(with_path[1], alone[1])
    reset_crepe()
    np.testing.assert_array_equal(compute_f0(audio, 100, viterbi=False)[0], alone[0])


def test_a_sound_shorter_than_a_frame_has_none_without_padding(tiny_for_full):
    f0_hz, confidence = compute_f0(np.ones(500, np.float32), 250, padding="valid")
    assert len(f0_hz) == len(confidence) == 0
