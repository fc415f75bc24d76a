"""The packaged configs build, and learn."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import config
from ddsp_core.config import derived
from ddsp_core.errors import SpecError
from ddsp_core.nn.keras import LegacyAdam, keras
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from tests.ddsp_core.config.presets import NAMES, spec_for, tone

# 60 million weights, of which these tests need none in particular.
LARGE = ("papers/icml2020/pretrain_model", "papers/icml2020/finetune_model")
SMALL_NETWORK = [
    "RnnFcDecoder.rnn_channels=8",
    "RnnFcDecoder.ch=8",
    "RnnFcDecoder.layers_per_stack=1",
]


def train(built, batch, n_steps):
    """Take steps on one batch; return the losses before each, and all gradients."""
    model, losses = built.build_model(), []
    optimizer = LegacyAdam(1e-2)

    @tf.function(autograph=False)
    def step(batch):
        with tf.GradientTape() as tape:
            _, losses = model(batch, return_losses=True, training=True)
        gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        return losses["total_loss"], gradients

    for _ in range(n_steps):
        loss, gradients = step(batch)
        losses.append(float(loss))
    return losses, gradients


def statistics_of(f0_hz):
    f0_hz = np.asarray(f0_hz, np.float64)
    return Statistics.of(f0_hz, np.zeros_like(f0_hz), np.ones_like(f0_hz))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in NAMES],
)
def test_every_config_takes_a_training_step(name):
    spec = spec_for(name)
    small = [] if name in LARGE else SMALL_NETWORK
    built = config.build(config.load(name, small), spec)
    batch = {k: tf.constant(v) for k, v in tone(spec).items()}
    losses, gradients = train(built, batch, 1)
    assert np.isfinite(losses).all()
    reached = [g for g in gradients if g is not None]
    assert reached and all(
        np.isfinite(g).all() for g in map(tf.convert_to_tensor, reached)
    )


@pytest.mark.parametrize("name", ["solo_instrument_44100", "solo_instrument_48000"])
def test_the_harmonic_part_trains_at_high_rates(name):
    keras.utils.set_random_seed(0)
    spec = spec_for(name)
    built = config.build(
        config.load(name, SMALL_NETWORK), spec, statistics=statistics_of([220.0])
    )
    batch = {k: tf.constant(v) for k, v in tone(spec).items()}
    losses, gradients = train(built, batch, 20)
    assert losses[-1] < 0.9 * losses[0]
    decoder = built.model.decoder
    index = [
        v is decoder.dense_out.kernel for v in built.model.trainable_variables
    ].index(True)
    kernel = np.abs(tf.convert_to_tensor(gradients[index]))
    n_harmonics = dict(decoder.output_splits)["harmonic_distribution"]
    assert n_harmonics == np.ceil(spec.sample_rate / 2 / 220)
    reached = kernel[:, : 1 + n_harmonics].max(axis=0) > 0  # amplitude and partials
    assert reached[:-1].all()  # The last partial may lie beyond Nyquist.


def test_sizes_follow_the_rate():
    made = {
        r: derived.macros(ExampleSpec(r, r // 50, 20)) for r in (16000, 44100, 48000)
    }
    assert made[16000] == {
        "fft_sizes": (2048, 1024, 512, 256, 128, 64),
        "n_harmonics": 200,
        "n_noise_bands": 65,
        "reverb_length": 48000,
    }
    assert made[44100]["fft_sizes"] == (4096, 2048, 1024, 512, 256, 128)
    assert made[48000]["fft_sizes"] == (8192, 4096, 2048, 1024, 512, 256)
    assert [made[r]["n_noise_bands"] for r in (44100, 48000)] == [177, 193]


@pytest.mark.parametrize(
    "f0_hz, n_harmonics",
    [
        ([262.0] * 100, 92),  # a flute, 24000 / 262 = 91.6
        ([60.0, *[262.0] * 99], 92),  # one mistake of the tracker in a hundred
        ([30.0] * 100, 200),  # a tuba: as many as are allowed
        ([], 200),  # silence
    ],
)
def test_harmonics_reach_nyquist_from_the_lowest_notes(f0_hz, n_harmonics):
    assert derived.n_harmonics(48000, statistics_of(f0_hz)) == n_harmonics


def test_a_config_may_say_what_would_be_derived():
    spec = spec_for("solo_instrument_48000")
    text = config.load("solo_instrument_48000", ["n_harmonics=7", "reverb_length=99"])
    built = config.build(text, spec)
    assert dict(built.model.decoder.output_splits)["harmonic_distribution"] == 7
    assert "Reverb.reverb_length = 99" in built.operative


def test_a_dataset_of_another_rate_is_refused():
    with pytest.raises(SpecError, match=r"is 100.* makes it 250"):
        config.build(
            config.load("solo_instrument_44100"), spec_for("solo_instrument_48000")
        )
    with pytest.raises(SpecError, match=r"'center'.*'same'"):
        config.build(config.load("vst"), ExampleSpec(16000, 320, 20))


def test_magentas_configs_have_no_floor_and_ours_have():
    for name in NAMES:
        built = config.build(config.load(name), spec_for(name))
        has_floor = "logmag_floor = 0.001" in built.operative
        assert has_floor == name.startswith("solo_instrument_")


def test_self_supervised_pretraining_takes_a_step():
    splits = "(('frequencies', 320), ('amplitudes', 5), ('noise_magnitudes', 9))"
    lines = [
        "RnnSandwich.rnn_ch=8",
        f"ResnetSinusoidalEncoder.output_splits={splits}",
        "SinusoidalToHarmonicEncoder.n_harmonics=6",
    ]
    spec = ExampleSpec(n_frames=40)  # 5 frames of the spectrogram
    built = config.build(config.load("papers/icml2020/finetune_model", lines), spec)
    rng = np.random.default_rng(0)

    def controls(n):
        return tf.constant(rng.uniform(0.1, 0.9, [2, 5, n]), tf.float32)

    notes = {
        "sin_amps": controls(5),
        "sin_freqs": 1000 * controls(5),
        "noise_magnitudes": 0.01 * controls(9),
        "harm_amp": controls(1),
        "harm_dist": controls(6),
        "f0_hz": 400 * controls(1),
    }
    recorded = {"audio": tf.constant(tone(spec, 2)["audio"])}
    model = built.build_model()
    for features in (notes, [recorded, notes], [notes, recorded]):
        outputs, losses = model(features, return_losses=True)
        assert {"ss_harm_amp_loss", "sin_spectral_loss"} <= losses.keys(), losses.keys()
        assert np.isfinite(losses["total_loss"])
        assert outputs["harm_audio"].shape == (2, spec.n_samples)
