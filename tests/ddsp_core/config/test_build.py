import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import config
from ddsp_core.config.files import packaged_names
from ddsp_core.errors import ConfigError, SpecError
from ddsp_core.spec import ExampleSpec, LoudnessVersion, Padding
from tests.ddsp_core.config.presets import spec_for

SPEC = ExampleSpec(n_frames=20)
# Written by Magenta 3.7; what means nothing to a model may be left unused.
OPERATIVE = (
    "conformance/checkpoints/tiny_instrument.operative_config-0.gin",
    "conformance/checkpoints/solo_instrument.operative_config-0.gin",
    "conformance/checkpoints/ae.operative_config-0.gin",
    "conformance/checkpoints/vst.operative_config-0.gin",
    "interop/simulated/main__solo_instrument/operative_config.gin",
    "interop/simulated/main__tiny/operative_config.gin",
)
MEANINGLESS = (
    "core.oscillator_bank.",
    "dags.run_dag.",
    "data.TFRecordProvider.",
    "train_util.train.data_provider",
    "trainers.Trainer.restore_keys",
)
MAGENTAS = """
import ddsp
include 'optimization/base.gin'
include 'models/solo_instrument.gin'
include 'datasets/tfrecord.gin'
include 'eval/basic_f0_ld.gin'

# What Magenta's own files of these names bind, too.
Autoencoder.encoder = @encoders.MfccTimeDistributedRnnEncoder()
MfccTimeDistributedRnnEncoder:
    rnn_channels = 512
    rnn_type = 'gru'
    z_dims = 16
    z_time_steps = 125
Autoencoder.encoder = None
evaluators = [@BasicEvaluator, @F0LdEvaluator]
evaluate.evaluator_classes = %evaluators
evaluate.batch_size = 32
sample.evaluator_classes = %evaluators
sample.ckpt_delay_secs = 300
train.data_provider = @data.TFRecordProvider()
TFRecordProvider.file_pattern = '/path/to/dataset*.tfrecord'
get_trainer_class.trainer_class = @Trainer
run_dag.verbose = False
oscillator_bank.sum_sinusoids = True

RnnFcDecoder.layers_per_stack = 0
RnnFcDecoder.rnn_channels = 256
"""


@pytest.mark.parametrize("name", packaged_names())
def test_every_parameter_that_a_packaged_config_binds_is_used(name):
    assert config.build(config.load(name), spec_for(name)).unused == ()


def test_lengths_and_rates_come_from_the_spec():
    spec = ExampleSpec(sample_rate=48000, hop_size=192, n_frames=30)
    built = config.build(config.load("tiny_instrument"), spec)
    group, preprocessor = built.model.processor_group, built.model.preprocessor
    assert group.harmonic.n_samples == group.filtered_noise.n_samples == 30 * 192
    assert group.harmonic.sample_rate == preprocessor.sample_rate == 48000
    assert (preprocessor.time_steps, preprocessor.frame_rate) == (30, 250)


def test_a_built_model_plays_examples_of_its_spec():
    built = config.build(config.load("tiny_instrument"), SPEC)
    model = built.build_model()
    features = {f.name: tf.ones([2, f.length]) for f in SPEC.fields()}
    outputs, losses = model(features, return_losses=True, training=False)
    assert outputs["audio_synth"].shape == (2, SPEC.n_samples)
    assert np.isfinite(losses["total_loss"])
    n_weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert n_weights == 232_314 + 48_000  # the network, and the room's response


def test_equal_numbers_are_accepted_and_others_refused_naming_both():
    text = config.load("tiny_instrument", ["Harmonic.n_samples=1280"])
    assert config.build(text, SPEC).spec == SPEC
    for line, numbers in (
        ("Harmonic.n_samples=64000", "64000.*1280"),
        ("Harmonic.sample_rate=44100", "44100.*16000"),
        ("F0LoudnessPreprocessor.time_steps=1000", "1000.*20"),
        ("FilteredNoise.n_samples = %n\nn = 7", "7.*1280"),
        ("TFRecordProvider.frame_rate=50", "50.*250"),
        ("scope/Harmonic.n_samples=64000", "64000.*1280"),
    ):
        with pytest.raises(SpecError, match=f"{line.split()[0]}.*{numbers}"):
            config.build(config.load("tiny_instrument", [line]), SPEC)


def test_a_trained_models_config_can_be_built_for_another_length():
    text = config.build(config.load("tiny_instrument"), SPEC).operative
    longer = dataclasses.replace(SPEC, n_frames=33)
    built = config.build(text, longer, text_spec=SPEC)
    assert built.model.processor_group.harmonic.n_samples == 33 * 64
    with pytest.raises(SpecError):
        config.build(text, longer)


def test_models_of_different_configs_can_be_built_interleaved():
    small = config.load("tiny_instrument", ["RnnFcDecoder.rnn_channels=8"])
    large = config.load(
        "tiny_instrument",
        ["RnnFcDecoder.rnn_channels=16", "exp_sigmoid.max_value=3.0"],
    )
    first, second, third = (config.build(t, SPEC) for t in (small, large, small))
    units = [b.build_model().decoder.rnn.rnn.units for b in (second, first, third)]
    assert units == [16, 8, 8]
    assert first.operative == third.operative != second.operative


def test_a_function_keeps_what_its_config_binds():
    line = "exp_sigmoid.max_value=3.0"
    built = config.build(config.load("tiny_instrument", [line]), SPEC)
    plain = config.build(config.load("tiny_instrument"), SPEC)
    loud, usual = (
        b.model.processor_group.harmonic.scale_fn(20.0) for b in (built, plain)
    )
    np.testing.assert_allclose([loud, usual], [3.0, 2.0], rtol=1e-5)


def test_scopes_make_two_of_a_kind():
    dag = """ProcessorGroup.dag = [
        (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
        (@room/effects.Reverb(), ['harmonic/signal']),
        (@hall/effects.Reverb(), ['room/signal'])]"""
    room = ["room/Reverb.name = 'room'", "room/Reverb.reverb_length = 100"]
    text = config.load("tiny_instrument", [dag, *room, "hall/Reverb.name = 'hall'"])
    built = config.build(text, SPEC)
    group = built.build_model().processor_group
    lengths = [r.trainable_variables[0].shape[0] for r in (group.room, group.hall)]
    assert lengths == [100, 48000]
    again = config.build(built.operative, SPEC)
    assert again.operative == built.operative and again.unused == ()


@pytest.mark.parametrize("file", OPERATIVE)
def test_magentas_operative_configs_run_as_they_are(test_data, file):
    text = (test_data / file).read_text()
    spec = config.spec_from_text(text)
    frame_rate = 50 if "vst" in file else 250
    assert spec.n_samples == 64000 and spec.frame_rate == frame_rate
    assert spec.loudness is LoudnessVersion.POWER_2022
    built = config.build(text, spec)
    assert all(name.startswith(MEANINGLESS) for name in built.unused), built.unused


def test_magentas_papers_config_runs_as_it_is():
    built = config.build(MAGENTAS, SPEC)
    assert built.model.decoder.rnn.rnn.units == 256
    assert built.model.encoder is None
    assert "evaluators.BasicEvaluator" not in built.operative


def test_an_old_config_means_the_old_loudness():
    text = config.build(config.load("tiny_instrument"), SPEC).operative
    old = "".join(
        line for line in text.splitlines(True) if "compute_loudness" not in line
    )
    assert config.spec_from_text(old).loudness is LoudnessVersion.LEGACY_2020
    assert config.spec_from_text(text) == dataclasses.replace(
        SPEC, f0="crepe-full-viterbi/1"
    )


def test_options_are_those_of_the_config():
    built = config.build(
        config.load("tiny_instrument", ["batch_size=3", "Trainer.lr_decay_rate=0.5"]),
        SPEC,
    )
    assert (built.train.batch_size, built.trainer.lr_decay_rate) == (3, 0.5)
    assert (built.trainer.learning_rate, built.trainer.grad_clip_norm) == (3e-4, 3.0)
    assert built.trainer.lr_decay_steps == 10_000


def test_options_without_a_base_are_the_same():
    lone = config.build("get_model.model = @models.Autoencoder()\n", SPEC)
    based = config.build(config.load("tiny_instrument"), SPEC)
    assert (lone.train, lone.trainer) == (based.train, based.trainer)


@pytest.mark.parametrize(
    "lines, message",
    [
        (["train.batch_size=0"], "positive whole number, got 0"),
        (["train.batch_size=2.5"], "positive whole number, got 2.5"),
        (["Trainer.learning_rate='x'"], "positive number, got 'x'"),
        (["get_model.model=None"], "needed a reference"),
        (["Autoencoder.encoder=@data.NSynthTfds()"], "does not implement"),
        (["RnnFcDecoder.rnn_type='gro'"], "must be 'gru' or 'lstm'"),
        (["RnnFcDecoder.output_splits=3"], "decoders.RnnFcDecoder"),
        (["Autoencoder.trainable='x', 3"], "line"),
    ],
)
def test_values_that_do_not_work_are_refused(lines, message):
    with pytest.raises(ConfigError, match=message):
        config.build(config.load("tiny_instrument", lines), SPEC)


def test_a_config_without_a_model_is_refused():
    with pytest.raises(ConfigError, match="binds no model"):
        config.build("train.batch_size = 3\n", SPEC)


@pytest.mark.parametrize(
    "line, message",
    [
        ("ProcessorGroup.dag = [(@effects.Reverb(), ['harmonik/signal'])]", "harmonik"),
        ("RnnFcDecoder.input_keys = ('ld_scaled', 'z')", "needed .*'z'"),
        ("Reverb.trainable = False", "no impulse response"),
        ("Harmonic.amp_resample_method = 'best'", "'best'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(line, message):
    built = config.build(config.load("tiny_instrument", [line]), SPEC)
    with pytest.raises(ConfigError, match=message) as caught:
        built.build_model()
    assert "\n" not in str(caught.value) and "Call arg" not in str(caught.value)


def test_a_centred_dataset_needs_a_crop():
    spec = dataclasses.replace(SPEC, n_frames=21, padding=Padding.CENTER)
    with pytest.raises(SpecError, match=r"1344 samples.*1280 .*'center'.*Crop"):
        config.build(config.load("tiny_instrument"), spec).build_model()
