import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.effects import Reverb, reverberate
from ddsp_core.errors import ShapeError

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
