import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.nn import preprocessing
from ddsp_core.nn.preprocessing import F0LoudnessPreprocessor


def test_scaling_maps_the_ends_of_the_ranges_to_0_and_1():
    assert [preprocessing.scale_db(db) for db in (-80.0, 0.0)] == [0, 1]
    # MIDI 127 is 12.54 kHz, MIDI 69 is 440 Hz.
    scaled = preprocessing.scale_f0_hz(tf.constant([12543.854, 440.0]))
    np.testing.assert_allclose(scaled, [1.0, 69 / 127], rtol=1e-6)


def test_scaling_can_be_undone():
    f0_hz, db = tf.constant([55.0, 440.0, 3000.0]), tf.constant([-60.0, 0.0, 12.0])
    scaled = preprocessing.scale_f0_hz(f0_hz), preprocessing.scale_db(db)
    back = F0LoudnessPreprocessor.invert_scaling(*scaled)
    np.testing.assert_allclose(back[0], f0_hz, rtol=1e-4)
    np.testing.assert_allclose(back[1], db, atol=1e-4)


def test_stored_features_at_the_models_rate_pass_unchanged():
    layer = F0LoudnessPreprocessor(time_steps=50, compute_loudness=False)
    f0_hz = np.linspace(100, 400, 100, dtype=np.float32).reshape(2, 50)
    loudness_db = np.linspace(-70, 5, 100, dtype=np.float32).reshape(2, 50)
    outputs = layer({"f0_hz": f0_hz, "loudness_db": loudness_db})
    np.testing.assert_array_equal(outputs["f0_hz"][..., 0], f0_hz)
    np.testing.assert_array_equal(outputs["loudness_db"][..., 0], loudness_db)
    np.testing.assert_allclose(
        outputs["f0_scaled"][..., 0], (12 * np.log2(f0_hz / 440) + 69) / 127, rtol=1e-5
    )


def test_a_given_loudness_is_kept_unless_it_is_computed():
    audio = tf.zeros([1, 3200])
    inputs = {"f0_hz": tf.ones([1, 50]), "loudness_db": tf.zeros([1, 50])}
    kept = F0LoudnessPreprocessor(50, compute_loudness=False)
    measured = F0LoudnessPreprocessor(50, compute_loudness=True)
    assert np.all(kept({**inputs, "audio": audio})["loudness_db"] == 0)
    assert np.all(measured({**inputs, "audio": audio})["loudness_db"] == -80)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 4, 1)])
def test_missing_axes_are_added_around_the_values(shape):
    x = tf.reshape(tf.range(np.prod(shape, dtype=int), dtype=tf.float32), shape)
    y = preprocessing.at_least_3d(x)
    assert y.shape.rank == 3 and y.shape[-1] == 1
    np.testing.assert_array_equal(tf.reshape(y, [-1]), tf.reshape(x, [-1]))
