"""What Magenta's five tutorials call runs with only the import changed.

The calls and their values are the tutorials', under the names and the order of
arguments that version 3.7 gives them (`Harmonic` for `Additive`, 'out' for the output
of a group, `reverb(audio, ir)`); that the sound is right is ours to check. A tone of
five harmonics stands for recordings, and a loop of six lines for Magenta's trainer,
which is no part of this library. The core functions are in `test_core_tutorial.py`.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import ddsp_core as ddsp
from ddsp_core import config
from ddsp_core.nn.keras import LegacyAdam
from ddsp_core.spec import ExampleSpec
from ddsp_core.training import decoders, models, preprocessing

SAMPLE_RATE = 16000
RNG = np.random.default_rng(0)


def spectrum(audio, sample_rate=SAMPLE_RATE):
    """Frequencies in Hz and magnitudes of one signal."""
    audio = np.asarray(audio, np.float64).reshape(-1)
    windowed = audio * np.hanning(len(audio))
    return np.fft.rfftfreq(len(audio), 1 / sample_rate), np.abs(np.fft.rfft(windowed))


def peak_hz(audio, sample_rate=SAMPLE_RATE):
    hz, magnitude = spectrum(audio, sample_rate)
    return hz[magnitude.argmax()]


def energy(audio, low_hz=0.0, high_hz=np.inf, sample_rate=SAMPLE_RATE):
    hz, magnitude = spectrum(audio, sample_rate)
    return np.sum(magnitude[(hz >= low_hz) & (hz < high_hz)] ** 2)


def decays(audio, n_parts=4):
    parts = np.array_split(np.asarray(audio).reshape(-1), n_parts)
    power = [np.mean(part**2) for part in parts]
    return all(a > b for a, b in itertools.pairwise(power))


def voice(n_secs=1.0, f0_hz=220.0):
    """Five harmonics, [1, n_samples]."""
    time = np.arange(int(n_secs * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [np.sin(2 * np.pi * f0_hz * k * time) / k for k in range(1, 6)]
    return 0.3 * np.sum(tones, axis=0, dtype=np.float32)[np.newaxis]


def tables_of(*shapes):
    """Wavetables of 2048 samples, [1, len(shapes), 2048]."""
    sine = np.sin(np.linspace(0.0, 2.0 * np.pi, 2048, dtype=np.float32))
    waves = {"sine": sine, "square": np.where(sine > 0, 1.0, -1.0)}
    return np.stack([waves[shape] for shape in shapes])[np.newaxis].astype(np.float32)


def along(start, stop, n):
    """A line as control of one channel, [1, n, 1]."""
    return np.linspace(start, stop, n)[np.newaxis, :, np.newaxis]


# 0: a processor.

N_FRAMES, HOP_SIZE = 1000, 64
N_SAMPLES = N_FRAMES * HOP_SIZE


def test_a_processor_makes_controls_valid_and_then_sound():
    synth = ddsp.synths.Harmonic(n_samples=N_SAMPLES, sample_rate=SAMPLE_RATE)
    shares = along(-2.0, 2.0, N_FRAMES) + np.linspace(3.0, -3.0, 30)
    amps = along(1.0, -3.0, N_FRAMES)
    f0_hz = 440.0 * np.ones([1, N_FRAMES, 1], dtype=np.float32)
    controls = synth.get_controls(amps, shares, f0_hz)
    assert set(controls) == {"amplitudes", "harmonic_distribution", "f0_hz"}
    assert (controls["amplitudes"].numpy() > 0).all()
    distribution = controls["harmonic_distribution"].numpy()
    np.testing.assert_allclose(distribution.sum(-1), 1, rtol=1e-5)
    assert (distribution[..., 440.0 * np.arange(1, 31) >= SAMPLE_RATE / 2] == 0).all()
    audio = synth.get_signal(**controls)
    assert audio.shape == (1, N_SAMPLES) and decays(audio)
    np.testing.assert_array_equal(audio, synth(amps, shares, f0_hz))
    assert peak_hz(audio) == pytest.approx(440.0, abs=0.5)


def test_the_scale_function_is_positive_and_bounded():
    y = ddsp.core.exp_sigmoid(tf.linspace(-10.0, 10.0, 1000)).numpy()
    assert (np.diff(y) >= 0).all() and y.min() >= 1e-7 and y.max() <= 2.0 + 1e-6


def test_weird_envelopes_are_played():
    n = np.arange(N_FRAMES)
    amps = -5.0 + np.interp(n, [0, 49, 200, 900], [0.0, 7.0, 7.0, 0.0])
    amps *= np.abs(np.cos(np.linspace(0, 2 * np.pi * 10.0, N_FRAMES)))
    shares = np.full([N_FRAMES, 20], -3.0)
    for i in range(0, 20, 2):
        wave = np.abs(np.cos(np.linspace(0, 2 * np.pi * 0.1 * i, N_FRAMES)))
        shares[:, i] = (1.0 - np.linspace(i * 0.09, 2.0, N_FRAMES)) * 5.0 * wave
    f0_hz = np.full(N_FRAMES, 200.0)
    f0_hz[:100] *= np.linspace(2, 1, 100) ** 2
    synth = ddsp.synths.Harmonic(n_samples=N_SAMPLES, sample_rate=SAMPLE_RATE)
    inputs = amps[None, :, None], shares[None], f0_hz[None, :, None]
    audio = synth.get_signal(**synth.get_controls(*inputs)).numpy()[0]
    assert np.isfinite(audio).all() and np.abs(audio).max() > 0.1
    assert peak_hz(audio[16000:32000]) % 200 == pytest.approx(0, abs=2)


# 1: synths and effects.


def test_filtered_noise_has_the_bands_it_is_given():
    frames = [np.sin(np.linspace(0.0, w, 1000)) for w in np.linspace(8.0, 80.0, 250)]
    magnitudes = 0.5 * np.stack(frames)[np.newaxis] ** 4.0
    synth = ddsp.synths.FilteredNoise(n_samples=64000, scale_fn=None)
    audio = synth(magnitudes.astype(np.float32)).numpy()[0]
    assert audio.shape == (64000,)
    # The bands of the first frames: fullest near 1570 Hz, none near 3140 Hz.
    start = audio[:512]
    assert energy(start, 1300, 1800) > 20 * energy(start, 2900, 3300)


def test_wavetables_go_from_square_to_sine():
    n_frames = 100
    f0_hz = 110 * along(1.5, 1, n_frames).astype(np.float32)
    synth = ddsp.synths.Wavetable(
        n_samples=64000, sample_rate=SAMPLE_RATE, scale_fn=None
    )
    tables = ddsp.core.resample(tables_of("square", "sine"), n_frames)
    audio = synth(along(0.5, 1e-3, n_frames), tables, f0_hz).numpy()[0]
    assert audio.shape == (64000,) and decays(audio)
    overtones = [
        energy(part, 260, 8000) / energy(part, 0, 260)
        for part in (audio[:8000], audio[-16000:-8000])
    ]
    assert overtones[0] > 5 * overtones[1]


def test_a_decaying_reverb_adds_a_tail():
    reverb = ddsp.effects.ExpDecayReverb(reverb_length=48000)
    audio = np.pad(voice(0.5), [[0, 0], [0, 8000]])
    wet = reverb(audio, [[-2.0]], [[2.0]]).numpy()
    assert wet.shape == audio.shape
    tail = wet[0, 8000:]
    assert np.abs(tail).max() > 0 and decays(tail)


def test_a_noise_reverb_takes_magnitudes():
    reverb = ddsp.effects.FilteredNoiseReverb(reverb_length=48000, scale_fn=None)
    hz = np.linspace(0, SAMPLE_RATE / 2.0, 100)
    centres = 4000.0 * np.linspace(0, 1.0, 1000)
    bands = np.exp(-(((hz - centres[:, np.newaxis]) / 500.0) ** 2.0))[np.newaxis]
    bands /= bands.sum(axis=-1, keepdims=True) * 5
    audio = np.pad(voice(0.25), [[0, 0], [0, 28000]])
    wet = reverb(audio, bands.astype(np.float32)).numpy()
    assert wet.shape == audio.shape and np.abs(wet[0, 8000:]).max() > 0


def test_a_filter_may_move():
    fir_filter = ddsp.effects.FIRFilter(scale_fn=None)
    audio = RNG.normal(size=[1, 32000]).astype(np.float32)
    hz = np.linspace(0, SAMPLE_RATE / 2.0, 1000)
    centres = 1000 + 500 * np.sin(np.linspace(0, 2.0 * np.pi, 200))
    bands = np.exp(-(((hz - centres[:, np.newaxis]) / 500.0) ** 2.0))[np.newaxis]
    filtered = fir_filter(audio, bands.astype(np.float32)).numpy()
    assert filtered.shape == audio.shape
    assert energy(filtered, 4000) < 1e-3 * energy(filtered, 0, 4000)


@pytest.mark.parametrize(
    "center_ms, depth_ms, mod_rate",
    [(0.75, 0.75, 0.25), (25.0, 1.0, 2.0), (25.0, 12.5, 5.0)],
    ids=["flanger", "chorus", "vibrato"],
)
def test_modulated_delays_keep_the_loudness(center_ms, depth_ms, mod_rate):
    audio = voice()
    effect = ddsp.effects.ModDelay(
        center_ms=center_ms,
        depth_ms=depth_ms,
        gain_scale_fn=None,
        phase_scale_fn=None,
    )
    time = np.linspace(0.0, mod_rate * 2.0 * np.pi, audio.size)
    phase = np.sin(time).astype(np.float32)[np.newaxis, :, np.newaxis]
    wet = 0.5 * effect(audio, np.ones_like(audio)[..., np.newaxis], phase).numpy()
    assert wet.shape == audio.shape
    assert 0.05 < np.mean(wet**2) / np.mean(audio**2) <= 1.05
    assert np.abs(wet - audio).max() > 0.01


# 2: a group of processors.

GIN = """
import ddsp
import ddsp.training
get_model.model = @models.Autoencoder()
models.Autoencoder.preprocessor = @preprocessing.F0LoudnessPreprocessor()
preprocessing.F0LoudnessPreprocessor.time_steps = 1000
models.Autoencoder.encoder = None
models.Autoencoder.decoder = @decoders.RnnFcDecoder()
decoders.RnnFcDecoder.rnn_channels = 16
decoders.RnnFcDecoder.ch = 16
models.Autoencoder.processor_group = @processors.ProcessorGroup()
models.Autoencoder.losses = [@losses.SpectralLoss()]
processors.ProcessorGroup.dag = [
  (@Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
  (@FilteredNoise(), ['magnitudes']),
  (@Add(), ['noise/signal', 'additive/signal']),
  (@Reverb(), ['add/signal', 'ir'])
]
Harmonic.name = 'additive'
FilteredNoise.name = 'noise'
Add.name = 'add'
Harmonic.n_samples = 64000
FilteredNoise.n_samples = 64000
FilteredNoise.initial_bias = 0.0
"""


@pytest.fixture(scope="module")
def inputs():
    amps = along(0.5, -5.0, N_FRAMES)
    shares = np.full([1, N_FRAMES, 20], -3.0)
    for i in range(0, 20, 2):
        shares[0, :, i] = 1.0 - np.linspace(i * 0.09, 2.0, N_FRAMES)
    ir = 0.01 * RNG.normal(size=[1, 2 * SAMPLE_RATE])
    ir[:, :160] *= np.linspace(0.0, 1.0, 160)
    ir[:, 160:] *= np.exp(np.linspace(0.0, -5.0, 2 * SAMPLE_RATE - 160))
    made = {
        "amps": amps,
        "harmonic_distribution": shares,
        "f0_hz": along(300.0, 200.0, N_FRAMES),
        "magnitudes": np.linspace(-1.0, -4.0, 20) + amps,
        "ir": ir,
    }
    return {name: value.astype(np.float32) for name, value in made.items()}


def processors(n_samples=N_SAMPLES):
    return (
        ddsp.synths.Harmonic(n_samples=n_samples, name="additive"),
        ddsp.synths.FilteredNoise(n_samples=n_samples, name="noise", initial_bias=0.0),
        ddsp.effects.Reverb(name="reverb"),
        ddsp.processors.Add(name="add"),
    )


def test_a_group_is_its_processors_one_after_the_other(inputs):
    additive, noise, reverb, add = processors()
    group = ddsp.processors.ProcessorGroup(
        dag=[
            (additive, ["amps", "harmonic_distribution", "f0_hz"]),
            (noise, ["magnitudes"]),
            (add, ["additive/signal", "noise/signal"]),
            (reverb, ["add/signal", "ir"]),
        ]
    )
    assert group(inputs).shape == (1, N_SAMPLES)
    outputs = group.get_controls(inputs)
    harmonic = additive(
        inputs["amps"], inputs["harmonic_distribution"], inputs["f0_hz"]
    )
    np.testing.assert_array_equal(outputs["additive"]["signal"], harmonic)
    dry = harmonic + outputs["noise"]["signal"]
    np.testing.assert_array_equal(outputs["add"]["signal"], dry)
    wet = outputs["out"]["signal"]
    np.testing.assert_array_equal(wet, reverb(dry, inputs["ir"]))
    distribution = outputs["additive"]["controls"]["harmonic_distribution"]
    np.testing.assert_allclose(tf.reduce_sum(distribution, -1), 1, rtol=1e-5)


def test_a_group_from_gin_is_that_from_a_list(inputs):
    group = config.build(GIN, ExampleSpec(n_frames=N_FRAMES)).model.processor_group
    outputs = group.get_controls(inputs)
    additive, noise, reverb, _ = processors()
    assert outputs["noise"]["signal"].shape == noise(inputs["magnitudes"]).shape
    harmonic = additive(
        inputs["amps"], inputs["harmonic_distribution"], inputs["f0_hz"]
    )
    np.testing.assert_array_equal(outputs["additive"]["signal"], harmonic)
    dry = outputs["add"]["signal"]
    np.testing.assert_array_equal(outputs["out"]["signal"], reverb(dry, inputs["ir"]))


# 3: training.


def test_a_model_overfits_one_sound():
    n_frames, n_samples = 125, 8000
    audio = voice(n_samples / SAMPLE_RATE)
    batch = {
        "audio": tf.constant(audio),
        "f0_hz": tf.fill([1, n_frames], 220.0),
        "loudness_db": ddsp.spectral_ops.compute_loudness(audio)[:, :n_frames],
    }
    decoder = decoders.RnnFcDecoder(
        rnn_channels=32,
        rnn_type="gru",
        ch=32,
        layers_per_stack=1,
        input_keys=("ld_scaled", "f0_scaled"),
        output_splits=(
            ("amps", 1),
            ("harmonic_distribution", 45),
            ("noise_magnitudes", 45),
        ),
    )
    additive = ddsp.synths.Harmonic(
        n_samples=n_samples, sample_rate=SAMPLE_RATE, name="additive"
    )
    noise = ddsp.synths.FilteredNoise(
        n_samples=n_samples, window_size=0, initial_bias=-10.0, name="noise"
    )
    dag = [
        (additive, ["amps", "harmonic_distribution", "f0_hz"]),
        (noise, ["noise_magnitudes"]),
        (ddsp.processors.Add(name="add"), ["noise/signal", "additive/signal"]),
    ]
    model = models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(time_steps=n_frames),
        encoder=None,
        decoder=decoder,
        processor_group=ddsp.processors.ProcessorGroup(dag=dag, name="processor_group"),
        losses=[
            ddsp.losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)
        ],
    )
    optimizer = LegacyAdam(3e-3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            _, losses = model(batch, return_losses=True, training=True)
        gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
        pairs = zip(gradients, model.trainable_variables, strict=True)
        optimizer.apply_gradients(pairs)
        return losses["total_loss"]

    model(batch, training=True)
    losses = [float(step()) for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]
    outputs = model(batch, training=False)
    audio_gen = model.get_audio_from_outputs(outputs)
    np.testing.assert_array_equal(audio_gen, outputs["out"]["signal"])
    assert audio_gen.shape == audio.shape
    assert peak_hz(audio_gen) % 220 == pytest.approx(0, abs=2)

    def get(key):
        return ddsp.core.nested_lookup(key, outputs)[0]

    assert get("additive/controls/amplitudes").shape == (n_frames, 1)
    assert get("additive/controls/harmonic_distribution").shape == (n_frames, 45)
    assert get("noise/controls/magnitudes").shape == (n_frames, 45)
    assert get("f0_hz").shape[0] == get("loudness_db").shape[0] == n_frames
    assert get("noise/signal").shape == (n_samples,)
