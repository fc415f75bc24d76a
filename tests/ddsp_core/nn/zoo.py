"""One small instance of every network, with inputs for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp_core.nn.keras import Layer, layers
from ddsp_core.training import decoders, encoders, nn

SPLITS = (("amps", 1), ("harmonic_distribution", 7))
MIDI_SPLITS = (("amplitudes", 1), ("harmonic_distribution", 6), ("magnitudes", 5))


class Entry(NamedTuple):
    make: Callable[[], Any]
    inputs: Callable[[int], list[Any]]  # of a batch size


def noise(*shape: int) -> tf.Tensor:
    """Normal numbers that depend on the shape alone."""
    rng = np.random.default_rng(shape)
    return tf.constant(rng.standard_normal(shape), tf.float32)


def sandwich() -> Any:
    return nn.RnnSandwich(fc_stack_ch=8, fc_stack_layers=1, rnn_ch=6)


class OfTwo(Layer):
    """A network on [x, z]."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(5)

    def call(self, inputs):
        return self.dense(tf.concat(inputs, -1))


def x3(n):
    return [noise(n, 20, 4)]


def x4(n):
    return [noise(n, 5, 64, 3)]


def x3z(n):
    return [[noise(n, 20, 4), noise(n, 20, 5)]]


def x4z(n):
    return [[noise(n, 5, 64, 3), noise(n, 5, 1, 5)]]


def features(*names: str) -> Callable[[int], list[Any]]:
    """A dictionary of [batch, 20, 1] each; 'z' has 4 channels."""
    sizes = {"z": 4, "hd": 3, "noise": 2}
    return lambda n: [{name: noise(n, 20, sizes.get(name, 1)) for name in names}]


def audio_features(n):
    return [{"audio": 0.1 * noise(n, 4096), "f0_scaled": noise(n, 64, 1)}]


def instruments(n):
    return [{"instrument": tf.constant([[3]] * n), "f0_scaled": noise(n, 20, 1)}]


def sinusoids(n):
    freqs, amps = tf.abs(noise(n, 9, 5)), tf.abs(noise(n, 9, 5))
    return [{"sin_freqs": 300 * freqs, "sin_amps": amps}]


CONTROLS = features("ld_scaled", "f0_scaled", "z")

LAYERS = {
    "Fc": Entry(lambda: nn.Fc(5), x3),
    "FcStack": Entry(lambda: nn.FcStack(8, 2), x3),
    "FcStackOut": Entry(lambda: nn.FcStackOut(8, 2, 3), x3),
    "Rnn gru": Entry(lambda: nn.Rnn(6, "gru"), x3),
    "Rnn lstm both ways": Entry(lambda: nn.Rnn(6, "lstm", bidir=True), x3),
    "StatelessRnn": Entry(
        lambda: nn.StatelessRnn(6, "gru"), lambda n: [*x3(n), noise(n, 6)]
    ),
    "RnnFc": Entry(lambda: nn.RnnFc(6, 3, n_rnn=2), x3),
    "RnnSandwich": Entry(sandwich, x3),
    "SingleGru": Entry(lambda: nn.SingleGru(6), x3),
    "Normalize": Entry(lambda: nn.Normalize("instance"), x3),
    "Normalize by None": Entry(lambda: nn.Normalize(None), x3),
    "ConditionalScaleAndShift": Entry(nn.ConditionalScaleAndShift, x4z),
    "ConditionalNorm": Entry(nn.ConditionalNorm, x4z),
    "ConditionalNorm by shift": Entry(lambda: nn.ConditionalNorm("layer", True), x4z),
    "NormReluConv": Entry(lambda: nn.NormReluConv(4, 3, 2, "layer"), x4),
    "ResidualLayer": Entry(
        lambda: nn.ResidualLayer(4, 2, True, "layer", False, False), x4
    ),
    "ResidualLayer of 3 axes": Entry(
        lambda: nn.ResidualLayer(1, 1, False, "layer", True, False), x3z
    ),
    "ResidualStack": Entry(
        lambda: nn.ResidualStack([4, 6], [1, 2], [1, 2], "layer", True, True), x4z
    ),
    "ResNet": Entry(lambda: nn.ResNet("small"), lambda n: [noise(n, 3, 40, 1)]),
    "DilatedConvStack": Entry(lambda: nn.DilatedConvStack(6, 3, 2), x3),
    "DilatedConvStack up": Entry(
        lambda: nn.DilatedConvStack(
            6,
            2,
            4,
            dilation=-2,
            norm_type="instance",
            resample_type="upsample",
            resample_stride=3,
            stacks_per_resample=2,
            resample_after_convolve=False,
            conditional=False,
        ),
        x3,
    ),
    "DilatedConvStack down": Entry(
        lambda: nn.DilatedConvStack(
            6, 2, 2, resample_type="downsample", resample_stride=2, spectral_norm=True
        ),
        x3,
    ),
    "SpectralNormalization": Entry(
        lambda: nn.SpectralNormalization(layers.Dense(3)), x3
    ),
    "PolyphaseResample": Entry(nn.PolyphaseResample, x3),
    "VectorQuantization": Entry(
        lambda: nn.VectorQuantization(5, num_heads=2), lambda n: [noise(n, 6, 8)]
    ),
    "get_embedding": Entry(
        lambda: nn.get_embedding(10, 4), lambda n: [tf.constant([[1]] * n)]
    ),
    "Identity": Entry(nn.Identity, x3),
}

CODERS = {
    "RnnFcDecoder": Entry(
        lambda: decoders.RnnFcDecoder(8, "gru", 8, 2, output_splits=SPLITS), CONTROLS
    ),
    "RnnFcDecoder stateless": Entry(
        lambda: decoders.RnnFcDecoder(
            8, "gru", 8, 1, stateless=True, output_splits=SPLITS
        ),
        lambda n: [{**CONTROLS(n)[0], "state": noise(n, 8)}],
    ),
    "DilatedConvDecoder": Entry(
        lambda: decoders.DilatedConvDecoder(
            6, layers_per_stack=2, output_splits=SPLITS, resample_stride=2
        ),
        lambda n: [{**CONTROLS(n)[0], "z": noise(n, 1, 4)}],
    ),
    "DilatedConvDecoder preconditioned": Entry(
        lambda: decoders.DilatedConvDecoder(
            6, layers_per_stack=2, precondition_stack=nn.FcStack(4, 1)
        ),
        CONTROLS,
    ),
    "MidiDecoder": Entry(
        lambda: decoders.MidiDecoder(net=sandwich()), features("z_pitch")
    ),
    "MidiDecoder with z": Entry(
        lambda: decoders.MidiDecoder(net=OfTwo(), norm=False), features("z_pitch", "z")
    ),
    "MidiToHarmonicDecoder": Entry(
        lambda: decoders.MidiToHarmonicDecoder(
            net=sandwich(), output_splits=(("f0_midi", 1), *MIDI_SPLITS)
        ),
        features("z_pitch"),
    ),
    "MfccTimeDistributedRnnEncoder": Entry(
        lambda: encoders.MfccTimeDistributedRnnEncoder(8, "gru", 4, 125), audio_features
    ),
    "MfccEncoder": Entry(
        lambda: encoders.MfccEncoder((512, 256), (64, 64), (9, 7), time_steps=32),
        audio_features,
    ),
    "MfccRnnEncoder": Entry(
        lambda: encoders.MfccRnnEncoder(8, "gru", 4, True), audio_features
    ),
    "ResnetSinusoidalEncoder": Entry(
        lambda: encoders.ResnetSinusoidalEncoder(
            output_splits=(("frequencies", 8), ("amplitudes", 3)), size="small"
        ),
        audio_features,
    ),
    "SinusoidalToHarmonicEncoder": Entry(
        lambda: encoders.SinusoidalToHarmonicEncoder(net=sandwich(), n_harmonics=7),
        sinusoids,
    ),
    "OneHotEncoder": Entry(
        lambda: encoders.OneHotEncoder(vocab_size=10, n_dims=4, skip_expand=False),
        instruments,
    ),
    "AggregateFeaturesEncoder": Entry(
        lambda: encoders.AggregateFeaturesEncoder(5), CONTROLS
    ),
    "MidiEncoder": Entry(
        lambda: encoders.MidiEncoder(net=sandwich()), features("f0_midi", "loudness")
    ),
    "HarmonicToMidiEncoder": Entry(
        lambda: encoders.HarmonicToMidiEncoder(net=sandwich()),
        features("f0_midi", "amps", "hd", "noise"),
    ),
    "ExpressionEncoder": Entry(
        lambda: encoders.ExpressionEncoder(net=sandwich(), z_dims=4), CONTROLS
    ),
    "ExpressionEncoder with audio": Entry(
        lambda: encoders.ExpressionEncoder(
            net=sandwich(), z_dims=4, input_keys=("audio", "f0_scaled"), pool_time=False
        ),
        audio_features,
    ),
}

ZOO = LAYERS | CODERS
