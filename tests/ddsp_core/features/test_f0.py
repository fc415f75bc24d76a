"""f0 and confidence against Magenta's numbers and the pitch that was put in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ddsp_core.errors import FeatureError
from ddsp_core.features.crepe import Crepe
from ddsp_core.features.f0 import average_hz, f0_and_confidence
from tests.conformance.kit import COMMITTED


@pytest.fixture(scope="module")
def golden():
    return np.load(COMMITTED / "crepe.npz")


def case(name):
    index = json.loads((COMMITTED / "index.json").read_text())
    return next(c for c in index["cases"] if c["name"] == f"crepe/{name}")


def bump(cents, width=20.0):
    """Activations of a pure pitch: a bell around its place."""
    bins = 1997.3794084376191 + 20 * np.arange(360)
    bell = np.exp(-((bins - np.atleast_1d(cents)[:, None]) ** 2) / (2 * width**2))
    return bell.astype(np.float32)


def test_the_average_finds_a_pitch_between_the_bins():
    cents = np.linspace(2200, 8900, 300)
    got = average_hz(bump(cents), bump(cents).argmax(axis=1))
    assert np.abs(1200 * np.log2(got / 10) - cents).max() < 0.5


def test_440_hz_is_440_hz():
    cents = 1200 * np.log2(440 / 10)
    assert average_hz(bump(cents), bump(cents).argmax(axis=1))[0] == pytest.approx(
        440, rel=1e-4
    )


def test_at_the_ends_only_bins_that_exist_count():
    activations = np.ones((2, 360), np.float32)
    got = 1200 * np.log2(average_hz(activations, np.array([0, 359])) / 10)
    lowest, highest = 1997.3794084376191, 1997.3794084376191 + 20 * 359
    np.testing.assert_allclose(got, [lowest + 40, highest - 40], atol=0.01)


def test_frames_without_any_activation_keep_their_bin():
    got = average_hz(np.zeros((1, 360), np.float32), np.array([100]))
    assert 1200 * np.log2(got[0] / 10) == pytest.approx(1997.379 + 2000, abs=0.01)


def test_f0_without_viterbi_is_that_of_the_reference(golden):
    # PretrainedCREPE averages one bin more on the right; on a tone that is < 1 cent.
    audio = golden["pretrained_crepe_tiny_viterbi0/in/audio"]
    for row, signal in enumerate(audio):
        activations = Crepe("tiny").activations(signal, 160, 101)
        expected = golden["pretrained_crepe_tiny_viterbi0/out/f0_hz"][row]
        got = average_hz(activations, activations.argmax(axis=1))
        np.testing.assert_allclose(got, expected, rtol=2e-3)


@pytest.mark.parametrize("row", [0, 1])
def test_viterbi_f0_and_confidence_are_the_reference_s(golden, row):
    name = "pretrained_crepe_tiny_viterbi1"
    signal = golden[f"{name}/in/audio"][row]
    f0_hz, confidence = f0_and_confidence(Crepe("tiny").activations(signal, 160, 101))
    np.testing.assert_allclose(
        confidence, golden[f"{name}/out/f0_confidence"][row], rtol=2e-3, atol=1e-2
    )
    sure = confidence > 0.5
    assert sure.sum() > 50
    np.testing.assert_allclose(
        f0_hz[sure], golden[f"{name}/out/f0_hz"][row][sure], rtol=2e-3
    )


def test_confidence_is_the_strongest_activation(golden):
    activations = golden["activations_to_f0/in/activations"]
    np.testing.assert_array_equal(
        f0_and_confidence(activations)[1][:, None],
        golden["activations_to_f0/out/confidence"],
    )


def test_full_size_f0_is_the_reference_s(golden):
    try:
        network = Crepe("full")
    except FeatureError as error:
        pytest.skip(str(error))
    name = "compute_f0_viterbi1_center_250"
    tolerance = case(name)["tolerance"]
    expected = golden[f"{name}/out/f0_hz"]
    activations = network.activations(golden[f"{name}/in/audio"], 64, len(expected))
    f0_hz, confidence = f0_and_confidence(activations)
    np.testing.assert_allclose(
        confidence, golden[f"{name}/out/f0_confidence"], **tolerance
    )
    sure = confidence > 0.5
    np.testing.assert_allclose(f0_hz[sure], expected[sure], **tolerance)


def test_a_vibrato_is_followed_within_a_few_cents(golden):
    audio = golden["compute_f0_viterbi1_center_250/in/audio"]
    truth = golden["compute_f0_viterbi1_center_250/in/true_f0_hz"]
    f0_hz, confidence = f0_and_confidence(Crepe("tiny").activations(audio, 64, 500))
    cents = 1200 * np.log2(f0_hz / truth[::64][:500])
    inside = slice(16, -16)  # where the whole frame is sound
    assert (confidence[inside] > 0.5).all()
    assert np.median(np.abs(cents[inside])) < 5
    assert np.abs(cents[inside]).max() < 50


def test_no_frames_give_no_features():
    f0_hz, confidence = f0_and_confidence(np.zeros((0, 360), np.float32))
    assert len(f0_hz) == len(confidence) == 0
