"""InverseSynthesis, MidiAutoencoder, ZMidiAutoencoder, and restoring any model."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import CheckpointError, UsageError
from ddsp_core.losses import (
    FilteredNoiseConsistencyLoss,
    HarmonicConsistencyLoss,
    KDEConsistencyLoss,
    LossGroup,
    ParamLoss,
    SpectralLoss,
)
from ddsp_core.training import decoders, encoders, models, nn, preprocessing
from tests.ddsp_core.nn.zoo import MIDI_SPLITS, OfTwo, noise, sandwich

N_SAMPLES = 2560
N_FRAMES = 40


def tone(batch_size=1):
    times = np.arange(N_SAMPLES) / 16000
    audio = sum(np.sin(2 * np.pi * 200 * k * times) / k for k in range(1, 6))
    return tf.constant(np.tile(0.1 * audio, [batch_size, 1]), tf.float32)


def inverse_synthesis(**kwargs):
    splits = (("frequencies", 5 * 64), ("amplitudes", 5), ("noise_magnitudes", 9))
    return models.InverseSynthesis(
        sinusoidal_encoder=encoders.ResnetSinusoidalEncoder(splits, size="small"),
        harmonic_encoder=encoders.SinusoidalToHarmonicEncoder(sandwich(), 6),
        losses=[SpectralLoss(fft_sizes=(256,))],
        sinusoidal_consistency_losses=KDEConsistencyLoss(),
        harmonic_consistency_losses=HarmonicConsistencyLoss(),
        filtered_noise_consistency_loss=FilteredNoiseConsistencyLoss(weight=1.0),
        n_samples=N_SAMPLES,
        **kwargs,
    )


def midi_autoencoder(cls=models.MidiAutoencoder, keys=("ld_scaled", "f0_scaled"), **k):
    parts = {
        "midi_encoder": encoders.HarmonicToMidiEncoder(net=sandwich()),
        "midi_decoder": decoders.MidiToHarmonicDecoder(
            net=sandwich(), output_splits=(("f0_midi", 1), *MIDI_SPLITS)
        ),
    }
    reconstruction = [
        (SpectralLoss((256,), name="synth"), ["audio", "synth_audio"]),
        (SpectralLoss((256,), name="midi"), ["audio", "midi_audio"]),
        (ParamLoss(name="f0"), ["f0_midi", "f0_midi_pred", "f0_loss_weights"]),
    ]
    return cls(
        synthcoder=decoders.RnnFcDecoder(
            8, "gru", 8, 1, input_keys=keys, output_splits=MIDI_SPLITS
        ),
        preprocessor=preprocessing.F0LoudnessPreprocessor(
            time_steps=N_FRAMES, compute_loudness=False
        ),
        **{"reconstruction_losses": LossGroup(reconstruction), **parts, **k},
        pitch_qpitch_loss=ParamLoss(name="pq"),
        n_samples=N_SAMPLES,
    )


def z_midi_autoencoder(**kwargs):
    options = {
        "midi_decoder": decoders.MidiToHarmonicDecoder(
            net=OfTwo(), output_splits=(("f0_midi", 1), *MIDI_SPLITS)
        ),
        "z_synth_encoders": [encoders.MfccTimeDistributedRnnEncoder(8, "gru", 4, 125)],
        "z_global_encoders": [encoders.AggregateFeaturesEncoder(3)],
        "z_note_encoder": encoders.ExpressionEncoder(nn.FcStack(4, 1), 2),
        "z_preconditioning_stack": nn.FcStack(4, 1),
    }
    keys = ("ld_scaled", "f0_scaled", "z")
    return midi_autoencoder(models.ZMidiAutoencoder, keys, **{**options, **kwargs})


def melody(batch_size=1):
    f0_hz = np.repeat([[220.0, 247.0]], N_FRAMES // 2, axis=1)
    roll = np.zeros([batch_size, N_FRAMES, 128], np.float32)
    roll[:, : N_FRAMES // 2, 57] = roll[:, N_FRAMES // 2 :, 59] = 1
    return {
        "audio": tone(batch_size),
        "f0_hz": tf.constant(np.tile(f0_hz, [batch_size, 1]), tf.float32),
        "loudness_db": noise(batch_size, N_FRAMES) - 40,
        "note_active_velocities": tf.constant(roll),
    }


@pytest.mark.parametrize(
    "make, features",
    [
        (inverse_synthesis, lambda: {"audio": tone(2)}),
        (midi_autoencoder, lambda: melody(2)),
        (z_midi_autoencoder, lambda: melody(2)),
    ],
)
def test_a_gradient_reaches_every_weight(make, features):
    model = make()
    with tf.GradientTape() as tape:
        _, losses = model(features(), return_losses=True)
    gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert gradient is not None, variable.name
        values = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(values).all() and np.any(values != 0), variable.name
    np.testing.assert_allclose(
        losses["total_loss"],
        sum(v for k, v in losses.items() if k != "total_loss"),
        rtol=1e-5,
    )


@pytest.mark.parametrize("make", [midi_autoencoder, z_midi_autoencoder])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_notes_are_whole_numbers_and_outputs_have_a_batch(make, batch_size):
    features = melody(batch_size)
    outputs = make()(features, training=False)
    np.testing.assert_array_equal(outputs["q_pitch"], np.round(outputs["q_pitch"]))
    assert outputs["pianoroll"].shape == (batch_size, N_FRAMES, 128)
    for name in ("synth_audio", "midi_audio"):
        assert outputs[name].shape == (batch_size, N_SAMPLES)
    assert set(features) == set(melody())  # the caller's dictionary is unchanged


def test_latents_of_notes_are_constant_over_each():
    model = z_midi_autoencoder()
    pitch = tf.constant([[57.0] * 20 + [59.0] * 20])[..., tf.newaxis]
    z = model.z_note_encode(model.preprocess(melody()), pitch).numpy()
    assert z.shape == (1, N_FRAMES, 2)
    for note in (z[:, :20], z[:, 20:]):
        np.testing.assert_allclose(note, note[:, :1].repeat(20, axis=1), rtol=1e-5)


def test_notes_can_be_read_instead_of_encoded():
    model = midi_autoencoder(midi_encoder=None)
    outputs = model(melody(2), training=True)
    np.testing.assert_array_equal(outputs["q_pitch"][0, :, 0], [57] * 20 + [59] * 20)
    assert "z_pitch" not in outputs
    np.testing.assert_array_equal(outputs["f0_loss_weights"], 1.0)


def test_without_a_midi_decoder_the_synthcoder_plays():
    model = midi_autoencoder(midi_decoder=None, reconstruction_losses=None)
    outputs = model(melody(2))
    assert model.get_audio_from_outputs(outputs).shape == (2, N_SAMPLES)
    assert "midi_audio" not in outputs


def test_short_notes_are_slow_in_a_batch_of_any_size():
    model = midi_autoencoder()
    pitch = tf.constant([[57.0] * 30 + [59.0] * 50, [60.0] * 80])[..., tf.newaxis]
    model.slowness_loss = Counting()
    model.add_slowness_loss(model.slowness_loss, pitch, pitch, tag="_x")
    assert float(model.losses_dict["counting_x"]) == 30


class Counting(tf.Module):
    """A loss that counts the frames it is given."""

    def __init__(self):
        super().__init__(name="counting")

    def __call__(self, pitch, mask):
        return tf.reduce_sum(mask)


def test_a_pair_of_batches_may_come_in_any_order():
    model = inverse_synthesis(reverb=False)
    recorded, controls = {"audio": tone()}, {"sin_amps": noise(1)}
    for pair in ([recorded, controls], [controls, recorded]):
        assert model.parse_zipped_features(pair) == (recorded, controls)
    with pytest.raises(UsageError, match="3 sets"):
        model.parse_zipped_features([recorded] * 3)


def test_the_room_of_inverse_synthesis_has_magentas_key():
    model = inverse_synthesis()
    model({"audio": tone()})
    edges = model._trackable_children()
    assert {"reverb", "processor_group", "sinusoidal_encoder"} <= edges.keys()


def test_a_model_is_restored_before_or_after_it_is_built(tmp_path):
    made, after, before = (midi_autoencoder() for _ in range(3))
    made(melody()), after(melody())
    path = tf.train.Checkpoint(model=made).save(tmp_path / "ckpt")
    after.restore(tmp_path)
    before.restore(path)
    before(melody())
    for model in (after, before):
        for ours, theirs in zip(model.variables, made.variables, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    part = midi_autoencoder()
    part(melody())
    part.restore(path, restore_keys=["synthcoder"])
    got, wanted = (m.synthcoder.variables[0] for m in (part, made))
    np.testing.assert_array_equal(got, wanted)
    assert np.any(part.midi_encoder.variables[0] != made.midi_encoder.variables[0])


def test_a_checkpoint_that_is_not_there_or_does_not_fit_is_refused(tmp_path):
    model = midi_autoencoder(reverb=False)
    model(melody())
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        model.restore(tmp_path)
    tf.train.Checkpoint(model=model).save(tmp_path / "ckpt")
    larger = midi_autoencoder(reverb=True)
    larger(melody())
    with pytest.raises(CheckpointError, match="does not fit"):
        larger.restore(tmp_path)
    larger.restore(tmp_path, verbose=False)


def test_get_model_returns_the_model():
    assert models.get_model("model") == "model"
