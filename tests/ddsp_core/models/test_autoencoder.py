import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import ConfigError
from ddsp_core.losses import SpectralLoss
from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.models.model import Model
from ddsp_core.nn.decoders import RnnFcDecoder
from ddsp_core.nn.preprocessing import F0LoudnessPreprocessor
from ddsp_core.processors import ProcessorGroup
from ddsp_core.spec import ExampleSpec
from ddsp_core.synths import Harmonic
from tests import signal_truth as truth

SPEC = ExampleSpec(n_frames=10)


def autoencoder(amps="amps", **kwargs):
    dag = [(Harmonic(SPEC.n_samples), [amps, "harmonic_distribution", "f0_hz"])]
    return Autoencoder(
        preprocessor=F0LoudnessPreprocessor(SPEC.n_frames, compute_loudness=False),
        decoder=RnnFcDecoder(
            8,
            ch=8,
            layers_per_stack=1,
            input_keys=("ld_scaled", "f0_scaled"),
            output_splits=(("amps", 1), ("harmonic_distribution", 6)),
        ),
        processor_group=ProcessorGroup(dag),
        losses=[SpectralLoss(fft_sizes=(128, 64))],
        **kwargs,
    )


def features():
    rng = np.random.default_rng(0)
    return {
        "f0_hz": np.full([2, 10], 440.0, np.float32),
        "loudness_db": np.full([2, 10], -20.0, np.float32),
        "audio": rng.standard_normal([2, SPEC.n_samples]).astype(np.float32),
    }


@pytest.fixture(scope="module")
def model():
    built = autoencoder()
    built.build_from_spec(SPEC)
    return built


def test_the_audio_is_what_the_decoder_asks_for(model):
    inputs = features()
    outputs = model(inputs, training=False)
    asked = model.get_controls(inputs)
    amplitudes = truth.exp_sigmoid(tf.cast(asked["amps"], tf.float64))
    shares = truth.exp_sigmoid(tf.cast(asked["harmonic_distribution"], tf.float64))
    f0_hz = tf.cast(inputs["f0_hz"][..., np.newaxis], tf.float64)
    shares = truth.normalized(shares, f0_hz, 16000)
    audio = truth.harmonic(f0_hz, amplitudes * shares, 64, 16000)
    np.testing.assert_allclose(outputs["audio_synth"], audio, atol=1e-5)
    assert model.get_audio_from_outputs(outputs) is outputs["audio_synth"]


def test_decoding_gives_the_audio_of_a_call(model):
    inputs = features()
    audio = model.decode(model.encode(inputs))
    outputs = model(inputs, training=False)
    np.testing.assert_allclose(audio, outputs["audio_synth"], atol=1e-6)


def test_losses_are_those_of_target_and_audio(model):
    inputs = features()
    outputs, losses = model(inputs, return_losses=True, training=True)
    expected = model.loss_objs[0](inputs["audio"], outputs["audio_synth"])
    np.testing.assert_allclose(losses["spectral_loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(losses["total_loss"], expected, rtol=1e-6)
    assert model.losses_dict == losses


def test_held_out_losses_do_not_need_training_mode(model):
    inputs = features()
    _, trained = model(inputs, return_losses=True, training=True)
    _, held_out = model(inputs, return_losses=True, training=False)
    np.testing.assert_allclose(held_out["total_loss"], trained["total_loss"], rtol=1e-6)


def test_the_features_are_left_as_they_were(model):
    inputs = features()
    before = {name: value.copy() for name, value in inputs.items()}
    model(inputs, training=True)
    model.encode(inputs)
    assert list(inputs) == list(before)
    assert all(np.array_equal(inputs[name], before[name]) for name in before)


def test_variables_are_made_without_data_and_do_not_depend_on_length(model):
    longer = autoencoder()
    shapes = [v.shape for v in model.trainable_variables]
    longer.build_from_spec(SPEC)
    assert [v.shape for v in longer.trainable_variables] == shapes
    assert len(shapes) == 2 * 4 + 3 + 4 + 2


def test_variables_are_mirrored_under_a_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        built = autoencoder()
        built.build_from_spec(SPEC)
    assert all(len(v.values) == 2 for v in built.trainable_variables)


def test_parts_that_do_not_fit_are_named():
    with pytest.raises(ConfigError, match="'amplitudes'"):
        autoencoder(amps="amplitudes").build_from_spec(SPEC)


def test_losses_of_code_written_for_magenta_are_summed():
    class Own(Model):
        """Fills the losses from `call`, as Magenta's models do."""

        def call(self, features, training=True):
            self._update_losses_dict(SpectralLoss((64,)), features, 2 * features)
            self._losses_dict["one"] = tf.ones([])
            return {"audio": features}

    _, losses = Own()(tf.ones([1, 640]), return_losses=True)
    total = losses["spectral_loss"] + 1
    np.testing.assert_allclose(losses["total_loss"], total, rtol=1e-6)
