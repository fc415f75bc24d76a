"""Layers against closed forms and numpy; refusals."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import randomness
from ddsp_core.errors import ConfigError, ShapeError, UsageError
from ddsp_core.nn.keras import layers
from ddsp_core.training import decoders, encoders, nn
from tests.ddsp_core.nn.zoo import noise, sandwich


@pytest.mark.parametrize("norm_type, n_groups", [("layer", 1), ("instance", 64)])
def test_normalised_groups_have_mean_0_and_variance_1(norm_type, n_groups):
    x = 3 + 5 * noise(2, 5, 4, 64).numpy().astype(np.float64)
    grouped = np.reshape(nn.normalize_op(x, norm_type), [2, 5, 4, n_groups, -1])
    np.testing.assert_allclose(grouped.mean((1, 2, 4)), 0, atol=1e-6)
    np.testing.assert_allclose(grouped.std((1, 2, 4)), 1, atol=1e-5)


def test_32_groups_need_a_multiple_of_32_channels():
    assert nn.normalize_op(noise(1, 2, 3, 64), "group").shape == [1, 2, 3, 64]
    with pytest.raises(ShapeError, match="32 divides"):
        nn.normalize_op(noise(1, 2, 3, 33), "group")
    with pytest.raises(ShapeError, match=r"needed \[batch, height, width"):
        nn.normalize_op(noise(1, 2, 32), "group")


@given(st.integers(1, 7), st.integers(1, 12), st.booleans())
def test_resampling_down_and_up_again_loses_nothing(stride, n_frames, is_4d):
    x = noise(2, n_frames, 3)
    x = x[:, :, tf.newaxis] if is_4d else x
    down = nn.polyphase_resample(x, stride, "down")
    up = nn.polyphase_resample(down, stride, "up")
    np.testing.assert_array_equal(up[:, :n_frames], x)
    assert not np.any(up[:, n_frames:])


def test_dilation_reaches_as_far_as_it_says():
    stack = nn.DilatedConvStack(2, layers_per_stack=3, stacks=1)
    impulse = np.zeros([1, 41, 1], np.float32)
    stack(impulse)
    for weight in stack.variables:  # positive, so that no rectifier stops anything
        weight.assign(tf.ones_like(weight))
    silence = stack(impulse)
    impulse[0, 20] = 1.0
    reached = np.flatnonzero(np.any(np.asarray(stack(impulse) != silence), axis=(0, 2)))
    reach = 1 + 1 + 2 + 4  # of the first convolution, and of the dilations 1, 2, 4
    assert (reached[0], reached[-1]) == (20 - reach, 20 + reach)


def test_the_spectral_norm_becomes_one():
    layer = nn.SpectralNormalization(layers.Dense(7), power_iterations=50)
    layer(noise(2, 5), training=True)
    largest = np.linalg.svd(layer.layer.kernel, compute_uv=False)[0]
    np.testing.assert_allclose(largest, 1, rtol=1e-4)
    before = layer.layer.kernel.numpy()
    layer(noise(2, 5))
    np.testing.assert_array_equal(layer.layer.kernel, before)


def test_spectral_norm_needs_a_kernel():
    with pytest.raises(AttributeError, match="neither a kernel"):
        nn.SpectralNormalization(layers.ReLU())(noise(2, 5))
    with pytest.raises(UsageError, match="power_iterations is 0"):
        nn.SpectralNormalization(layers.Dense(3), 0)


def test_spectral_norm_trains_on_two_replicas_as_on_one():
    def normalised(strategy):
        with strategy.scope():
            layer = nn.SpectralNormalization(layers.Dense(3, kernel_initializer="ones"))
            layer(noise(2, 5))
            layer.u.assign([[1.0, 2.0, 3.0]])
        tf.function(lambda: strategy.run(layer, (noise(2, 5),), {"training": True}))()
        return layer.layer.kernel.numpy()

    one, two = (
        tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(n)]) for n in (1, 2)
    )
    np.testing.assert_allclose(normalised(one), normalised(two), rtol=1e-6)


def test_draws_have_the_softmaxs_probabilities():
    logits = tf.tile([[1.0, -20.0, 0.0, 2.0]], [20_000, 1])
    drawn, probs = nn.straight_through_softmax(logits)
    np.testing.assert_array_equal(np.sort(drawn, axis=-1)[:, :3], 0)
    np.testing.assert_allclose(np.mean(drawn, axis=0), probs[0], atol=0.015)
    values = tf.constant([5.0, 6.0, 7.0, 8.0])
    assert set(nn.straight_through_choice(logits, values).numpy().ravel()) == {5, 7, 8}


def test_a_drawn_classs_gradient_is_that_of_its_probability():
    logits = noise(6, 4)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        drawn, probs = nn.straight_through_softmax(logits)
        chosen = tf.reduce_sum(tf.stop_gradient(drawn) * probs * [1.0, 2.0, 3.0, 4.0])
        loss = tf.reduce_sum(drawn * [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(
        tape.gradient(loss, logits), tape.gradient(chosen, logits), atol=1e-6
    )


def test_a_keyed_draw_belongs_to_its_example():
    logits = noise(4, 9, 5)
    with randomness.keyed(1, 2, tf.range(4)):
        together, _ = nn.straight_through_softmax(logits)
    with randomness.keyed(1, 2, tf.constant([2])):
        alone, _ = nn.straight_through_softmax(logits[2:3])
    np.testing.assert_array_equal(together[2:3], alone)


def clusters():
    """80 vectors around four centres, far apart."""
    centres = 10 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    return np.tile(centres, [20, 1])[None] + 0.1 * noise(1, 80, 2).numpy()


def test_centroids_move_to_where_the_vectors_are():
    layer, x = nn.VectorQuantization(4, gamma=0.5, restart_threshold=0.1), clusters()
    for _ in range(40):
        layer(x, training=True)
    z, c = layer(x)
    assert np.abs(z - x).max() < 0.5
    assert c.shape == (1, 80, 1) and len(np.unique(c)) == 4
    np.testing.assert_array_equal(layer.unquantize(c), z)
    expected = layer.commitment_loss_weight * np.mean((x - z) ** 2)
    (loss,) = layer.get_losses_dict(x, z).values()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_restarted_centroids_are_vectors_of_the_batch():
    layer, x = nn.VectorQuantization(8, gamma=0.9), clusters()
    z, _ = layer(x, training=True)
    with_keys = nn.VectorQuantization(8)
    with randomness.keyed(0, 0, tf.range(1)):
        with_keys(x, training=True)
    rows = {tuple(row) for row in np.round(x[0], 4)}
    assert {tuple(row) for row in np.round(z[0], 4)} <= rows


def test_heads_divide_the_channels():
    with pytest.raises(ShapeError, match="7 channels; needed a multiple of the 2"):
        nn.VectorQuantization(3, num_heads=2)(noise(1, 2, 7))


def test_what_the_reference_cannot_do_works():
    audio = {"audio": noise(1, 4096), "f0_scaled": noise(1, 64, 1)}
    assert encoders.MfccEncoder()(audio)["z"].shape == (1, 64, 30)
    assert nn.RnnFc(4, 3, n_rnn=2)(noise(2, 5, 6)).shape == (2, 3)
    named = decoders.DilatedConvDecoder(4, conditioning_keys="z_notes")
    assert named.input_keys == ["ld_scaled", "f0_scaled", "z_notes"]
    net = decoders.MidiDecoder(net=sandwich())
    assert net({"z_pitch": noise(1, 4, 1)})["f0_midi"].shape == (1, 4, 1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Normalize("batch"), "norm_type is 'batch'"),
        (lambda: nn.ResNet("tiny"), "size is 'tiny'"),
        (encoders.ResnetSinusoidalEncoder, "size is 'tiny'"),
        (lambda: nn.polyphase_resample(noise(1, 4, 2), 2, "x"), "resample_type is 'x'"),
        (lambda: nn.polyphase_resample(noise(4, 2)), r"x has shape \(4, 2\)"),
        (
            lambda: nn.DilatedConvStack(resample_type="x"),
            "must be 'upsample' or 'downsample'",
        ),
        (
            lambda: nn.DilatedConvStack(
                2,
                1,
                3,
                resample_type="upsample",
                stacks_per_resample=2,
                resample_after_convolve=False,
            ),
            "cannot be shared out",
        ),
        (lambda: encoders.MfccTimeDistributedRnnEncoder(z_time_steps=9), "is 9; it"),
        (
            lambda: decoders.DilatedConvDecoder(
                conditioning_keys=None, precondition_stack=nn.Identity()
            ),
            "no conditioning_keys",
        ),
        (lambda: nn.Fc(3, "leeky"), "'leeky'"),
        (lambda: nn.Rnn(3, "gro"), "'gro'"),
    ],
)
def test_what_cannot_work_is_refused_by_name(make, message):
    with pytest.raises((UsageError, ShapeError, ConfigError), match=message):
        make()


def test_names_are_refused_as_the_reference_does():
    with pytest.raises(KeyError):
        nn.ResNet("tiny")
    with pytest.raises(KeyError):
        nn.normalize_op(noise(1, 2, 3, 4), "batch")


def test_an_activation_may_be_a_function_or_none():
    assert nn.get_nonlinearity(tf.nn.elu) is tf.nn.elu
    np.testing.assert_array_equal(nn.get_nonlinearity(None)(noise(3)), noise(3))
