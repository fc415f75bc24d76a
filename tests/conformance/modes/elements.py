"""One small instance of every element of the public library, with inputs for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp_core import dags, effects, losses, processors, synths
from ddsp_core.nn.keras import layers
from ddsp_core.training import decoders, models, preprocessing
from tests.ddsp_core.models import test_other_models as other_models
from tests.ddsp_core.nn.zoo import CODERS, LAYERS, noise

N_FRAMES, N_SAMPLES = 20, 1280  # of synthesizers and effects
N_AUDIO = 2048  # of losses and preprocessors


class Element(NamedTuple):
    """What is called, and how.

    Args:
        make: Makes it.
        inputs: Of a batch size; tensors or structures of them, the batch first.
        call: Calls it with those inputs.
        tolerance: Of values, as a share of the largest; gradients have ten times it.
    """

    make: Callable[[], Any]
    inputs: Callable[[int], list[Any]]
    call: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)
    tolerance: float = 1e-4


def positive(*shape: int, low: float = 0.1, high: float = 1.0) -> tf.Tensor:
    """Uniform numbers that depend on the shape and the bounds alone."""
    rng = np.random.default_rng([*shape, int(high)])
    return tf.constant(rng.uniform(low, high, shape), tf.float32)


def pitch(n: int, *shape: int) -> tf.Tensor:
    return positive(n, *(shape or (N_FRAMES, 1)), low=150.0, high=900.0)


def audio(n: int, n_samples: int = N_SAMPLES) -> tf.Tensor:
    return 0.3 * noise(n, n_samples)


def two_audios(n: int) -> list[tf.Tensor]:
    return [audio(n, N_AUDIO), audio(n, N_AUDIO)[:, ::-1]]


def two_sets(n: int) -> list[tf.Tensor]:
    """Amplitudes and frequencies of five sinusoids, and of six."""
    return [
        *(positive(n, 4, 5), pitch(n, 4, 5)),
        *(positive(n, 4, 6), pitch(n, 4, 6)),
    ]


def harmonic_controls(n: int) -> list[tf.Tensor]:
    return [noise(n, N_FRAMES, 1), noise(n, N_FRAMES, 12), pitch(n)]


def processor(make: Callable[[], Any], inputs: Callable[[int], list[Any]]) -> Element:
    """An element whose controls are compared too."""
    return Element(make, inputs, lambda p, *x: p(*x, return_outputs_dict=True))


def trained_reverb(make: Callable[..., Any], **options: Any) -> Element:
    return processor(
        lambda: make(trainable=True, reverb_length=200, **options),
        lambda n: [audio(n)],
    )


def instrument() -> Any:
    """Harmonics and noise in a learned room."""
    return processors.ProcessorGroup(
        dag=[
            (
                synths.Harmonic(N_SAMPLES),
                ["amps", "harmonic_distribution", "f0_hz"],
            ),
            (synths.FilteredNoise(N_SAMPLES, window_size=0), ["noise_magnitudes"]),
            (processors.Add(), ["filtered_noise/signal", "harmonic/signal"]),
            (effects.Reverb(trainable=True, reverb_length=200), ["add/signal"]),
        ]
    )


def instrument_inputs(n: int) -> list[dict[str, tf.Tensor]]:
    names = ("amps", "harmonic_distribution", "f0_hz")
    controls = dict(zip(names, harmonic_controls(n), strict=True))
    return [{**controls, "noise_magnitudes": noise(n, N_FRAMES, 9)}]


def autoencoder() -> Any:
    splits = (("amps", 1), ("harmonic_distribution", 12), ("noise_magnitudes", 9))
    return models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(
            N_FRAMES, compute_loudness=False
        ),
        decoder=decoders.RnnFcDecoder(
            8,
            ch=8,
            layers_per_stack=1,
            input_keys=("ld_scaled", "f0_scaled"),
            output_splits=splits,
        ),
        processor_group=instrument(),
        # Without a floor, rounding of silent bins decides a tenth of the gradient.
        losses=[losses.SpectralLoss((256, 64), logmag_weight=1.0, logmag_floor=1e-2)],
    )


def stored(n: int) -> list[dict[str, tf.Tensor]]:
    """Features as a dataset holds them."""
    return [
        {
            "audio": audio(n),
            "f0_hz": pitch(n, N_FRAMES),
            "loudness_db": noise(n, N_FRAMES) - 40.0,
        }
    ]


def tones(n: int) -> list[dict[str, tf.Tensor]]:
    times = np.arange(N_AUDIO) / 16000
    waves = [0.5 * np.sin(2 * np.pi * 220 * (i + 1) * times) for i in range(n)]
    return [{"audio": tf.constant(np.stack(waves), tf.float32)}]


def model(make: Callable[[], Any], inputs: Callable[[int], list[Any]]) -> Element:
    """An element whose losses are compared too; they enlarge rounding."""
    return Element(make, inputs, lambda m, x: m(dict(x), return_losses=True), 1e-3)


SYNTHS = {
    "TensorToAudio": processor(synths.TensorToAudio, lambda n: [noise(n, 50, 1)]),
    "Harmonic": processor(lambda: synths.Harmonic(N_SAMPLES), harmonic_controls),
    "FilteredNoise": processor(
        lambda: synths.FilteredNoise(N_SAMPLES, window_size=33),
        lambda n: [noise(n, N_FRAMES, 9)],
    ),
    "Wavetable": processor(
        lambda: synths.Wavetable(N_SAMPLES),
        lambda n: [noise(n, N_FRAMES, 1), noise(n, N_FRAMES, 16), pitch(n)],
    ),
    "Sinusoidal": processor(
        lambda: synths.Sinusoidal(N_SAMPLES),
        lambda n: [noise(n, N_FRAMES, 5), noise(n, N_FRAMES, 5)],
    ),
}

EFFECTS = {
    "Reverb": processor(effects.Reverb, lambda n: [audio(n), noise(n, 200)]),
    "Reverb learned": trained_reverb(effects.Reverb),
    "ExpDecayReverb": processor(
        lambda: effects.ExpDecayReverb(reverb_length=200),
        lambda n: [audio(n), noise(n, 1), noise(n, 1)[::-1]],
    ),
    "ExpDecayReverb learned": trained_reverb(effects.ExpDecayReverb),
    "FilteredNoiseReverb": processor(
        lambda: effects.FilteredNoiseReverb(reverb_length=200, window_size=33),
        lambda n: [audio(n), noise(n, 10, 9)],
    ),
    "FilteredNoiseReverb learned": trained_reverb(
        effects.FilteredNoiseReverb, window_size=33, n_frames=10, n_filter_banks=9
    ),
    "FIRFilter": processor(
        lambda: effects.FIRFilter(window_size=33),
        lambda n: [audio(n), noise(n, N_FRAMES, 9)],
    ),
    "ModDelay": processor(
        lambda: effects.ModDelay(center_ms=2.0, depth_ms=1.5),
        lambda n: [audio(n), noise(n, N_SAMPLES, 1), noise(n, N_SAMPLES, 1)[:, ::-1]],
    ),
}

PROCESSORS = {
    "Add": processor(processors.Add, lambda n: [audio(n), audio(n)[:, ::-1]]),
    "Mix": processor(
        processors.Mix,
        lambda n: [noise(n, 100, 1), noise(n, 100, 1)[:, ::-1], noise(n, 10, 1)],
    ),
    "Crop": processor(lambda: processors.Crop(80, "center"), lambda n: [audio(n)]),
    "ProcessorGroup": processor(instrument, instrument_inputs),
    "DAGLayer": Element(
        lambda: dags.DAGLayer(
            [("dense", ["x"], ["y"]), ("out_dense", ["dense/y"], ["z"])],
            dense=layers.Dense(4),
            out_dense=layers.Dense(3),
        ),
        lambda n: [{"x": noise(n, N_FRAMES, 2)}],
    ),
}

LOSSES = {
    "SpectralLoss": Element(lambda: losses.SpectralLoss((256, 64)), two_audios),
    "SpectralLoss of all terms": Element(
        lambda: losses.SpectralLoss(
            (256, 64), "L2", 1.0, 0.5, 0.5, 0.5, 1.0, loudness_weight=0.1
        ),
        two_audios,
        tolerance=1e-3,  # its logarithms enlarge rounding
    ),
    "ParamLoss": Element(
        losses.ParamLoss, lambda n: [noise(n, 4, 5), noise(n, 4, 5)[:, ::-1]]
    ),
    "FilteredNoiseConsistencyLoss": Element(
        losses.FilteredNoiseConsistencyLoss,
        lambda n: [positive(n, 4, 9), positive(n, 4, 9)[:, ::-1]],
    ),
    "HarmonicConsistencyLoss": Element(
        losses.HarmonicConsistencyLoss,
        lambda n: [
            *(positive(n, 4, 1), positive(n, 4, 1)[:, ::-1]),
            *(positive(n, 4, 9), positive(n, 4, 9)[:, ::-1]),
            *(pitch(n, 4, 1), pitch(n, 4, 1)[:, ::-1]),
        ],
    ),
    "KDEConsistencyLoss": Element(losses.KDEConsistencyLoss, two_sets),
    "WassersteinConsistencyLoss": Element(losses.WassersteinConsistencyLoss, two_sets),
    "TWMLoss": Element(
        losses.TWMLoss, lambda n: [pitch(n, 4, 3), pitch(n, 4, 5), positive(n, 4, 5)]
    ),
    "HmmTranscriber": Element(
        lambda: losses.HmmTranscriber(n_timesteps=30, n_pitches=20),
        lambda n: [positive(n, 30, 1, low=3.0, high=18.0), positive(n, 30, 1)],
    ),
    "HmmTranscriber heard": Element(
        lambda: losses.HmmTranscriber(n_timesteps=30, n_pitches=20),
        lambda n: [positive(n, 30, 1, low=3.0, high=18.0), positive(n, 30, 1)],
        lambda loss, pitch, amps: loss.predict_midi(pitch, amps),
    ),
    "EmbeddingLoss": Element(
        lambda: losses.EmbeddingLoss(2.0, "L2", lambda x: x[:, :, tf.newaxis] ** 2),
        two_audios,
    ),
    "PretrainedCREPEEmbeddingLoss": Element(
        lambda: losses.PretrainedCREPEEmbeddingLoss(
            model_capacity="tiny", activation_layer="conv2-maxpool"
        ),
        two_audios,
        tolerance=1e-3,  # six convolutions, and norms of small numbers
    ),
    "PretrainedCREPE": Element(
        lambda: losses.PretrainedCREPE(activation_layer="conv2-maxpool"),
        lambda n: [audio(n, N_AUDIO)],
        tolerance=1e-3,
    ),
    "LossGroup": Element(
        lambda: losses.LossGroup(
            [
                (losses.SpectralLoss((64,), name="near"), ["x", "y"]),
                (losses.ParamLoss(name="far"), ["x", "y"]),
            ]
        ),
        lambda n: [dict(zip("xy", two_audios(n), strict=True))],
    ),
}

PREPROCESSORS = {
    "F0LoudnessPreprocessor": Element(
        lambda: preprocessing.F0LoudnessPreprocessor(N_FRAMES), stored
    ),
    "F0LoudnessPreprocessor of stored loudness": Element(
        lambda: preprocessing.F0LoudnessPreprocessor(N_FRAMES, compute_loudness=False),
        stored,
    ),
    "F0PowerPreprocessor": Element(
        lambda: preprocessing.F0PowerPreprocessor(N_FRAMES),
        lambda n: [{"audio": audio(n), "f0_hz": pitch(n, N_FRAMES)}],
    ),
    "OnlineF0PowerPreprocessor": Element(
        lambda: preprocessing.OnlineF0PowerPreprocessor(crepe_saved_model_path="tiny"),
        tones,
        tolerance=1e-3,
    ),
    "OnlineF0PowerPreprocessor by Viterbi": Element(
        lambda: preprocessing.OnlineF0PowerPreprocessor(
            crepe_saved_model_path="tiny", viterbi=True
        ),
        tones,
        tolerance=1e-3,
    ),
}

MODELS = {
    "Autoencoder": model(autoencoder, stored),
    "InverseSynthesis": model(
        other_models.inverse_synthesis, lambda n: [{"audio": other_models.tone(n)}]
    ),
    "MidiAutoencoder": model(
        other_models.midi_autoencoder, lambda n: [other_models.melody(n)]
    ),
    "ZMidiAutoencoder": model(
        other_models.z_midi_autoencoder, lambda n: [other_models.melody(n)]
    ),
}

NETWORKS = {name: Element(*entry) for name, entry in (LAYERS | CODERS).items()}

ELEMENTS: dict[str, Element] = {
    **SYNTHS,
    **EFFECTS,
    **PROCESSORS,
    **LOSSES,
    **NETWORKS,
    **PREPROCESSORS,
    **MODELS,
}
