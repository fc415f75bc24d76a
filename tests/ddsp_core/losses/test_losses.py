import librosa
import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.losses import (
    EmbeddingLoss,
    HmmTranscriber,
    LossGroup,
    ParamLoss,
    PretrainedCREPE,
    PretrainedCREPEEmbeddingLoss,
    SpectralLoss,
    mean_difference,
    wasserstein_distance,
)

RNG = np.random.default_rng(0)
TARGET, AUDIO = RNG.normal(0, 0.3, (2, 2, 8000)).astype(np.float32)


def librosa_mag(audio, size):
    padded = np.pad(audio, [(0, 0), (0, size)])
    n_frames = -(-audio.shape[1] // (size // 4))
    spectrum = librosa.stft(padded, n_fft=size, hop_length=size // 4, center=False)
    return np.abs(np.swapaxes(spectrum, 1, 2))[:, :n_frames]


def test_the_loss_is_the_mean_distance_of_librosa_spectrograms():
    sizes = (1024, 256)
    expected = 0.0
    for size in sizes:
        target, value = librosa_mag(TARGET, size), librosa_mag(AUDIO, size)
        expected += np.mean(np.abs(target - value))
        expected += 0.5 * np.mean(np.abs(np.log(target) - np.log(value)))
    loss = SpectralLoss(fft_sizes=sizes, mag_weight=1.0, logmag_weight=0.5)
    assert float(loss(TARGET, AUDIO)) == pytest.approx(expected, rel=1e-4)
    assert float(loss(AUDIO, AUDIO)) == 0.0


@pytest.mark.parametrize(
    "term", ["mag", "delta_time", "delta_freq", "cumsum_freq", "logmag", "loudness"]
)
def test_each_term_is_in_proportion_to_its_weight(term):
    options = {"mag_weight": 0.0, "fft_sizes": (256,)}
    one = SpectralLoss(**(options | {f"{term}_weight": 1.0}))(TARGET, AUDIO)
    three = SpectralLoss(**(options | {f"{term}_weight": 3.0}))(TARGET, AUDIO)
    assert float(one) > 0 and float(three) == pytest.approx(3 * float(one), rel=1e-5)


def test_the_gradient_is_finite_against_and_for_digital_silence():
    silence = tf.zeros([2, 8000])
    loss = SpectralLoss(mag_weight=1.0, logmag_weight=1.0)
    for target, audio in ((TARGET, silence), (silence, tf.constant(AUDIO))):
        with tf.GradientTape() as tape:
            tape.watch(audio)
            value = loss(target, audio)
        assert np.isfinite(value) and np.isfinite(tape.gradient(value, audio)).all()


@pytest.mark.parametrize("loss_type", ["L1", "L2"])
def test_value_and_gradient_are_those_of_float64(loss_type):
    sizes = (1024, 256, 64)
    loss = SpectralLoss(sizes, loss_type, mag_weight=1.0, logmag_weight=1.0)
    audio, exact = tf.constant(AUDIO), tf.constant(AUDIO, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([audio, exact])
        value = loss(TARGET, audio)
        expected = 0.0
        for size in sizes:
            target, mag = (
                tf.abs(tf.signal.stft(x, size, size // 4, pad_end=True))
                for x in (tf.constant(TARGET, tf.float64), exact)
            )
            for change in (mag - target, tf.math.log(mag) - tf.math.log(target)):
                distance = tf.abs(change) if loss_type == "L1" else change**2
                expected += tf.reduce_mean(distance)
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    got = tape.gradient(value, audio).numpy()
    truth = tape.gradient(expected, exact).numpy()
    assert np.linalg.norm(got - truth) < 2e-3 * np.linalg.norm(truth)


def test_a_group_gives_each_loss_by_its_name():
    group = LossGroup(
        [
            (SpectralLoss(fft_sizes=(256,)), ["audio", "synth/signal"]),
            (ParamLoss(weight=2.0, name="pitch"), ["a", "b"]),
        ]
    )
    outputs = {"audio": TARGET, "synth": {"signal": AUDIO}, "a": np.float32([3.0])}
    outputs["b"] = np.float32([1.0])
    losses = group(outputs)
    assert (
        set(losses) == {"spectral_loss", "pitch"} == set(group.get_losses_dict(outputs))
    )
    assert float(losses["pitch"]) == 4.0


def test_cosine_distance_works():
    x = tf.math.l2_normalize(tf.constant(TARGET), axis=-1)
    assert float(mean_difference(x, x, "cosine")) == pytest.approx(0.0, abs=1e-5)
    assert float(mean_difference(x, -x, "COSINE")) == pytest.approx(2.0, abs=1e-5)


def test_an_unknown_distance_is_refused():
    with pytest.raises(UsageError, match="'L3'"):
        mean_difference(TARGET, AUDIO, "L3")


def test_a_floor_replaces_every_smaller_magnitude_in_the_logarithm():
    floor = 0.5
    loss = SpectralLoss((256,), mag_weight=0.0, logmag_weight=1.0, logmag_floor=floor)
    target, value = librosa_mag(TARGET, 256), librosa_mag(AUDIO, 256)
    change = np.log(np.maximum(target, floor)) - np.log(np.maximum(value, floor))
    assert float(loss(TARGET, AUDIO)) == pytest.approx(np.abs(change).mean(), rel=1e-4)
    assert float(loss(TARGET * 1e-4, AUDIO * 1e-4)) == 0.0


def test_a_floor_bounds_the_gradient_near_silence():
    rest = tf.constant(AUDIO * 1e-7)
    norms = {}
    for floor in (None, 1e-4):
        loss = SpectralLoss(mag_weight=0.0, logmag_weight=1.0, logmag_floor=floor)
        with tf.GradientTape() as tape:
            tape.watch(rest)
            value = loss(TARGET, rest)
        gradient = tape.gradient(value, rest).numpy()
        assert np.isfinite(gradient).all()
        norms[floor] = np.linalg.norm(gradient)
    # All magnitudes of the rest are below the floor: nothing is to be gained there.
    assert norms[1e-4] == 0.0 < norms[None]


def test_a_floor_that_is_not_positive_is_refused():
    with pytest.raises(UsageError, match="logmag_floor"):
        SpectralLoss(logmag_floor=0.0)(TARGET, AUDIO)


def test_hmm_refuses_other_shapes_and_lengths():
    loss = HmmTranscriber(n_timesteps=5, n_pitches=4)
    track = np.ones((1, 6, 1), np.float32)
    with pytest.raises(ShapeError, match=r"pitch has shape \(1, 6\)"):
        loss(track[..., 0], track)
    with pytest.raises(ShapeError, match="n_timesteps = 5"):
        loss.predict_midi(track, track)


def test_wasserstein_distance_refuses_weights_of_another_shape():
    values, weights = tf.ones([2, 4, 5]), tf.ones([2, 4, 6])
    with pytest.raises(ShapeError, match="u_weights"):
        wasserstein_distance(values, values, weights, None)
    with pytest.raises(ShapeError, match="equal axes but for the last"):
        wasserstein_distance(values, values[0], None, None)


def test_names_that_crepe_does_not_have_are_refused():
    for options in ({"model_capacity": "huge"}, {"activation_layer": "conv1"}):
        with pytest.raises(KeyError) as refusal:
            PretrainedCREPEEmbeddingLoss(**options)
        assert isinstance(refusal.value, UsageError)
        assert next(iter(options.values())) in str(refusal.value)
    with pytest.raises(ValueError, match=r"'conv9'.*conv1-BN"):
        PretrainedCREPE(activation_layer="conv9")(AUDIO)


def test_an_embedding_loss_without_a_model_is_refused():
    with pytest.raises(UsageError, match="pretrained_model"):
        EmbeddingLoss()(TARGET, AUDIO)


def test_the_frames_of_crepe_are_centred_unless_told_otherwise():
    crepe = PretrainedCREPE(activation_layer="classifier")
    frames = crepe.frame_audio(AUDIO, hop_length=512, center=False).numpy()
    assert frames.shape == (2, 14, 1024)
    np.testing.assert_allclose(frames.mean(-1), 0.0, atol=1e-6)
    np.testing.assert_allclose(frames.std(-1), 1.0, atol=1e-4)
    centred = crepe.frame_audio(AUDIO, hop_length=512).numpy()
    np.testing.assert_allclose(centred[:, 1:15], frames, atol=1e-5)
