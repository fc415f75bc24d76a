import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import UsageError
from ddsp_core.nn import preprocessing
from ddsp_core.nn.preprocessing import (
    F0LoudnessPreprocessor,
    F0PowerPreprocessor,
    OnlineF0PowerPreprocessor,
)


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


def test_power_is_measured_unless_it_is_given():
    seconds = np.arange(16000) / 16000
    audio = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)[None]
    layer = F0PowerPreprocessor(time_steps=50, frame_rate=50, frame_size=1600)
    f0_hz = tf.fill([1, 50], 440.0)
    measured = layer({"f0_hz": f0_hz, "audio": audio})
    level = 20 * np.log10(0.5 / np.sqrt(2))
    np.testing.assert_allclose(measured["pw_db"][0, 5:-5, 0], level, atol=0.01)
    given = layer({"f0_hz": f0_hz, "audio": audio, "power_db": tf.zeros([1, 50])})
    assert np.all(given["pw_db"] == 0) and np.all(given["pw_scaled"] == 1)
    back = layer.invert_scaling(measured["f0_scaled"], measured["pw_scaled"])
    np.testing.assert_allclose(back[0], measured["f0_hz"], rtol=1e-4)
    np.testing.assert_allclose(back[1], measured["pw_db"], atol=1e-4)
    with pytest.raises(ValueError, match="neither 'power_db' nor 'audio'"):
        layer({"f0_hz": f0_hz})


@pytest.mark.parametrize("viterbi", [True, False])
def test_pitch_is_heard_in_the_audio_itself_without_a_gradient(viterbi):
    seconds = np.arange(16000) / 16000
    audio = tf.constant(np.sin(2 * np.pi * 440 * seconds)[None] * 0.5, tf.float32)
    layer = OnlineF0PowerPreprocessor(
        frame_rate=50, crepe_saved_model_path="tiny", viterbi=viterbi
    )
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(audio)
        outputs = layer({"audio": 0.0 * audio, "audio_16k": audio})
    assert outputs["f0_hz"].shape == outputs["pw_db"].shape == (1, 51, 1)
    np.testing.assert_allclose(outputs["f0_hz"][0, 2:-2, 0], 440.0, rtol=0.01)
    assert np.min(outputs["f0_confidence"][0, 2:-2]) > 0.8
    assert tape.gradient(outputs["f0_hz"], audio) is None
    assert np.isfinite(tape.gradient(outputs["pw_db"], audio)).all()


def test_pitch_that_is_not_heard_must_be_given_for_every_frame():
    options = {"compute_f0": False, "frame_rate": 50, "padding": "same"}
    layer = OnlineF0PowerPreprocessor(**options)
    audio, frames = tf.zeros([2, 3200]), tf.ones([2, 10])
    outputs = layer({"audio": audio, "f0_hz": frames, "f0_confidence": frames})
    assert outputs["pw_scaled"].shape == (2, 10, 1)
    with pytest.raises(ValueError, match="needed both"):
        layer({"audio": audio})
    with pytest.raises(ValueError, match="needed 10 frames"):
        layer({"audio": audio, "f0_hz": frames[:, 1:], "f0_confidence": frames})


def test_what_an_online_preprocessor_cannot_do_is_refused():
    with pytest.raises(UsageError, match="compute_power is False"):
        OnlineF0PowerPreprocessor(compute_power=False, compute_f0=False)
    with pytest.raises(UsageError, match="crepe_saved_model_path"):
        OnlineF0PowerPreprocessor(crepe_saved_model_path=None)
