import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.effects import (
    ExpDecayReverb,
    FilteredNoiseReverb,
    FIRFilter,
    ModDelay,
    Reverb,
    reverberate,
)
from ddsp_core.errors import ShapeError
from tests.signal_truth import exp_sigmoid

RNG = np.random.default_rng(0)
AUDIO = RNG.normal(size=(2, 1000)).astype(np.float32)


@pytest.mark.parametrize("add_dry", [True, False])
def test_reverb_is_a_convolution_with_or_without_the_dry_path(add_dry):
    ir = RNG.normal(size=(2, 300)).astype(np.float32)
    full = ir.copy()
    full[:, 0] = float(add_dry)
    expected = [np.convolve(a, r)[:1000] for a, r in zip(AUDIO, full, strict=True)]
    np.testing.assert_allclose(reverberate(AUDIO, ir, add_dry), expected, atol=1e-4)
    with_channel = Reverb(add_dry=add_dry)(AUDIO, ir[..., np.newaxis])
    np.testing.assert_allclose(with_channel, expected, atol=1e-4)


def test_a_learned_response_is_one_for_all_and_in_the_controls_of_each():
    reverb = Reverb(trainable=True, reverb_length=300)
    reverb(AUDIO)
    ir = RNG.normal(size=300).astype(np.float32)
    reverb._ir.assign(ir)
    outputs = reverb(AUDIO, return_outputs_dict=True)
    np.testing.assert_array_equal(outputs["controls"]["ir"], np.stack([ir, ir]))
    expected = reverberate(AUDIO, ir, add_dry=True)
    np.testing.assert_allclose(outputs["signal"], expected, atol=1e-5)
    assert [v.shape for v in reverb.trainable_variables] == [[300]]


def test_the_gradient_of_a_learned_response_is_the_correlation_with_the_audio():
    reverb = Reverb(trainable=True, reverb_length=50)
    reverb(AUDIO)
    upstream = RNG.normal(size=(2, 1000))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(reverb(AUDIO) * upstream.astype(np.float32))
    expected = [np.sum(upstream[:, k:] * AUDIO[:, : 1000 - k]) for k in range(50)]
    expected[0] = 0.0  # the dry path is not learned
    got = tape.gradient(loss, reverb._ir)
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_a_learned_response_starts_nearly_silent():
    reverb = Reverb(trainable=True)
    reverb(AUDIO)
    ir = reverb._ir.numpy()
    assert ir.shape == (48000,) and abs(ir.mean()) < 1e-7
    assert ir.std() == pytest.approx(1e-6, rel=0.05)


def test_reverb_without_a_response_is_refused():
    with pytest.raises(ShapeError, match="no impulse response"):
        Reverb()(AUDIO)


def test_the_decaying_noise_is_what_was_asked_for():
    noise = RNG.uniform(-1, 1, [1, 400]).astype(np.float32)
    gain, decay = np.float32([[0.5], [-1.0]]), np.float32([[1.0], [2.0]])
    with randomness.replace_uniform(lambda *_: tf.constant(noise)):
        reverb = ExpDecayReverb(reverb_length=400)
        ir = reverb.get_controls(AUDIO, gain, decay)["ir"]
    time = np.linspace(0, 1, 400)
    expected = exp_sigmoid(gain) * np.exp(-(2 + np.exp(decay)) * time) * noise
    np.testing.assert_allclose(ir, expected, atol=1e-6)


@pytest.mark.parametrize("effect", [ExpDecayReverb, FilteredNoiseReverb])
def test_learned_noise_is_one_for_all_and_new_each_step(effect):
    reverb = effect(trainable=True, reverb_length=2000)

    def response(step, rows):
        with randomness.keyed(0, step, rows):
            return reverb.get_controls(tf.zeros([len(rows), 1000]))["ir"].numpy()

    reverb.build(None)
    two = response(0, [0, 1])
    np.testing.assert_array_equal(two[0], two[1])
    np.testing.assert_array_equal(two[:1], response(0, [7]))  # another replica
    assert np.abs(two[:1] - response(1, [0])).max() > 1e-3


@pytest.mark.parametrize(
    ("effect", "names"),
    [(ExpDecayReverb, ["_gain", "_decay"]), (FilteredNoiseReverb, ["_magnitudes"])],
)
def test_learned_values_have_magentas_names_in_a_checkpoint(effect, names):
    reverb = effect(trainable=True, reverb_length=2000)
    reverb(AUDIO)
    assert all(name in reverb._trackable_children() for name in names)
    assert len(reverb.trainable_variables) == len(names)


def test_a_filter_changes_from_frame_to_frame():
    magnitudes = np.zeros([2, 10, 65], np.float32)
    magnitudes[:, 5:] = 1.0
    got = FIRFilter(scale_fn=None)(AUDIO, magnitudes).numpy()
    assert np.abs(got[:, :500]).max() < 1e-5
    # The compensation of the filter's delay leaves two samples, as in the reference.
    np.testing.assert_allclose(got[:, 602:], AUDIO[:, 600:-2], atol=1e-4)


@pytest.mark.parametrize("add_dry", [True, False])
def test_a_still_modulated_delay_is_an_echo(add_dry):
    delay = ModDelay(5.0, 5.0, gain_scale_fn=None, phase_scale_fn=None, add_dry=add_dry)
    gain, phase = np.full([2, 1000, 1], 0.5), np.full([2, 1000, 1], 0.4)
    got = delay(AUDIO, gain.astype(np.float32), phase.astype(np.float32))
    echo = 0.5 * np.pad(AUDIO, [[0, 0], [112, 0]])[:, :1000]  # 7 ms at 16 kHz
    np.testing.assert_allclose(got, echo + add_dry * AUDIO, atol=1e-4)


def test_numbers_of_a_reverb_may_be_lists():
    reverb = ExpDecayReverb(reverb_length=100)
    audio = np.zeros([1, 200], np.float32)
    assert reverb(audio, [[-2.0]], [[2.0]]).shape == (1, 200)
    with pytest.raises(ShapeError, match=r"gain has shape \[1\]"):
        reverb.get_controls(audio, [-2.0], [[2.0]])
