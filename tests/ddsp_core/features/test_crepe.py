"""The network against Magenta's numbers, and the independence of its rows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import FeatureError
from ddsp_core.features.crepe import BATCH_FRAMES, Crepe, normalize_frames
from ddsp_core.features.weights import find_weights, read_weights
from tests.conformance.kit import COMMITTED


@pytest.fixture(scope="module")
def crepe():
    return Crepe("tiny")


@pytest.fixture(scope="module")
def golden():
    return np.load(COMMITTED / "crepe.npz")


def noisy_frames(n_frames):
    rng = np.random.default_rng(0)
    tones = np.sin(np.arange(1024) * rng.uniform(0.02, 0.5, (n_frames, 1)))
    frames = tones + rng.normal(0, 0.3, (n_frames, 1024))
    return normalize_frames(frames.astype(np.float32))


@pytest.mark.parametrize("size", ["tiny", "full"])
def test_activations_are_those_of_the_reference(golden, size):
    try:
        network = Crepe(size)
    except FeatureError as error:
        pytest.skip(str(error))
    got = network.activate(golden[f"crepe_activation_{size}/in/frames_normalized"])
    expected = golden[f"crepe_activation_{size}/out/activation"]
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_a_row_does_not_depend_on_the_other_rows(crepe):
    frames = noisy_frames(2 * BATCH_FRAMES + 37)
    whole = crepe.activate(frames)
    order = np.random.default_rng(1).permutation(len(frames))
    np.testing.assert_array_equal(crepe.activate(frames[order]), whole[order])
    for first in range(0, len(frames), 51):
        part = crepe.activate(frames[first : first + 51])
        np.testing.assert_array_equal(part, whole[first : first + 51])


def test_a_frame_is_centred_on_its_sample_and_zeros_stand_outside(crepe):
    audio = np.random.default_rng(2).normal(size=16_000).astype(np.float32)
    hop, n_frames = 160, 101
    padded = np.pad(audio, 512)
    frames = np.stack([padded[k * hop : k * hop + 1024] for k in range(n_frames)])
    expected = crepe.activate(normalize_frames(frames))
    got = crepe.activations(audio, hop, n_frames)
    np.testing.assert_array_equal(got, expected)


def test_frames_far_beyond_the_audio_are_silence(crepe):
    got = crepe.activations(np.ones(10, np.float32), 64, 40)
    silence = crepe.activate(np.zeros((1, 1024), np.float32))
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got[30:], np.repeat(silence, 10, axis=0))
    assert silence.max() < 0.5  # no pitch is heard in silence


def test_each_frame_is_normalised_as_numpy_would():
    frames = np.random.default_rng(3).normal(3.0, 0.01, (5, 1024)).astype(np.float32)
    exact = frames.astype(np.float64)
    expected = (exact - exact.mean(1, keepdims=True)) / exact.std(1, keepdims=True)
    np.testing.assert_allclose(normalize_frames(frames), expected, atol=2e-3)


def test_a_falling_normalisation_is_not_pooled_first(monkeypatch):
    arrays = read_weights(find_weights("tiny"), "tiny")
    arrays["scale3"][::2] *= -1
    monkeypatch.setattr("ddsp_core.features.crepe.read_weights", lambda *_: arrays)
    frames = noisy_frames(4)
    x = frames[..., None]
    for i in range(1, 7):
        x = tf.nn.conv1d(x, arrays[f"kernel{i}"], 4 if i == 1 else 1, "SAME")
        x = tf.nn.relu(x + arrays[f"bias{i}"])
        x = x * arrays[f"scale{i}"] + arrays[f"offset{i}"]
        x = tf.nn.max_pool1d(x, 2, 2, "VALID")
    logits = tf.reshape(x, [4, -1]) @ arrays["kernel"] + arrays["bias"]
    got = Crepe("tiny").activate(frames)
    np.testing.assert_allclose(got, tf.sigmoid(logits), atol=1e-5)


def test_frames_of_another_length_are_refused(crepe):
    with pytest.raises(FeatureError, match=r"shape \(3, 512\)"):
        crepe.activate(np.zeros((3, 512), np.float32))
