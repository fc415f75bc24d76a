"""Encoders from audio to sinusoids, and from sinusoids to harmonics.

Source: Engel et al. 2020, "Self-supervised Pitch Detection by Inverse Audio Synthesis",
ICML SAS workshop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.frequencies import frequencies_softmax
from ddsp_core.dsp.maths import safe_divide
from ddsp_core.dsp.oscillators import get_harmonic_frequencies, remove_above_nyquist
from ddsp_core.dsp.scaling import exp_sigmoid
from ddsp_core.dsp.spectra import compute_logmel
from ddsp_core.dsp.units import hz_to_unit
from ddsp_core.nn.dict_layer import DictLayer, Splits
from ddsp_core.nn.keras import layers
from ddsp_core.nn.resnet import ResNet

ScaleFn = Callable[[tf.Tensor], tf.Tensor]


def scale_f0(x: tf.Tensor) -> tf.Tensor:
    """Return an f0 of 20 to 1200 Hz [..., 1] from network outputs [..., 64]."""
    return frequencies_softmax(x, depth=64, hz_min=20.0, hz_max=1200.0)


class ResnetSinusoidalEncoder(DictLayer):
    """A residual network from a spectrogram of audio to synthesizer parameters.

    Args:
        output_splits: (name, channels) of each output.
        spectral_fn: From audio to a spectrogram [batch, time, bins].
        size: As in `ResNet`. The reference's default is none of those, so it must be
            given.
        **kwargs: Of the Keras layer.

    Raises:
        UnknownNameError: `size` is none of `ResNet`'s.
    """

    def __init__(
        self,
        output_splits: Splits = (
            ("frequencies", 100 * 64),
            ("amplitudes", 100),
            ("noise_magnitudes", 60),
        ),
        spectral_fn: ScaleFn = compute_logmel,
        size: str = "tiny",
        **kwargs: Any,
    ) -> None:
        super().__init__(output_keys=[name for name, _ in output_splits], **kwargs)
        self.output_splits = output_splits
        self.spectral_fn = spectral_fn
        self.resnet = ResNet(size=size)
        self.dense_outs = [layers.Dense(n_channels) for _, n_channels in output_splits]

    def call(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encode audio [batch, n_samples].

        Returns:
            Each output [batch, time, channels], with the spectrogram's time steps.
        """
        spectrogram = self.spectral_fn(audio)
        x = self.resnet(spectrogram[..., tf.newaxis])
        n_features = x.shape[2] * x.shape[3]
        n_steps = x.shape[1] or tf.shape(x)[1]
        x = tf.reshape(x, [x.shape[0] or tf.shape(x)[0], n_steps, n_features])
        outputs = zip(self.output_keys, self.dense_outs, strict=True)
        return {name: dense(x) for name, dense in outputs}


class SinusoidalToHarmonicEncoder(DictLayer):
    """Finds f0, amplitude and distribution of harmonics that explain sinusoids.

    Args:
        net: Layer from [batch, time, channels] to the same, or to a dictionary whose
            'out' is that.
        n_harmonics: How many.
        f0_depth: Channels that `freq_scale_fn` makes an f0 of.
        amp_scale_fn: From network outputs to positive amplitudes.
        freq_scale_fn: From network outputs [..., f0_depth] to Hz [..., 1].
        sample_rate: In Hz.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        net: Any = None,
        n_harmonics: int = 100,
        f0_depth: int = 64,
        amp_scale_fn: ScaleFn = exp_sigmoid,
        freq_scale_fn: ScaleFn = scale_f0,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("output_keys", ["harm_amp", "harm_dist", "f0_hz"])
        super().__init__(**kwargs)
        self.n_harmonics = n_harmonics
        self.amp_scale_fn = amp_scale_fn
        self.freq_scale_fn = freq_scale_fn
        self.sample_rate = sample_rate
        self.net = net
        self.amp_out = layers.Dense(1)
        self.hd_out = layers.Dense(n_harmonics)
        self.f0_out = layers.Dense(f0_depth)

    def call(
        self, sin_freqs: tf.Tensor, sin_amps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Encode.

        Args:
            sin_freqs: In Hz, [batch, time, n_sinusoids].
            sin_amps: Linear and positive, [batch, time, n_sinusoids].

        Returns:
            Amplitude [batch, time, 1] (linear), distribution [batch, time, n_harmonics]
            (sums to one; nothing at or above Nyquist), f0 [batch, time, 1] in Hz.
        """
        nyquist = self.sample_rate / 2.0
        sin_freqs_unit = hz_to_unit(sin_freqs, hz_min=0.0, hz_max=nyquist)
        x = self.net(tf.concat([sin_freqs_unit, sin_amps], axis=-1))
        x = x["out"] if isinstance(x, dict) else x
        harm_amp = self.amp_scale_fn(self.amp_out(x))
        harm_dist = self.amp_scale_fn(self.hd_out(x))
        f0_hz = self.freq_scale_fn(self.f0_out(x))
        harm_freqs = get_harmonic_frequencies(f0_hz, self.n_harmonics)
        harm_dist = remove_above_nyquist(harm_freqs, harm_dist, self.sample_rate)
        total = tf.reduce_sum(harm_dist, axis=-1, keepdims=True)
        return harm_amp, safe_divide(harm_dist, total), f0_hz
