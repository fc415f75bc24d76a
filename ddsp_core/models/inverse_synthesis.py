"""A model that hears pitch by synthesis: audio to sinusoids to harmonics to audio."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.frequencies import frequencies_softmax
from ddsp_core.dsp.nested import make_iterable
from ddsp_core.dsp.oscillators import get_harmonic_frequencies
from ddsp_core.dsp.scaling import exp_sigmoid
from ddsp_core.effects import FilteredNoiseReverb
from ddsp_core.errors import UsageError
from ddsp_core.losses import HarmonicConsistencyLoss
from ddsp_core.models.model import Model
from ddsp_core.processors import Add, ProcessorGroup
from ddsp_core.synths import FilteredNoise, Sinusoidal

Features = dict[str, Any]
REVERB_SECS = 2


class InverseSynthesis(Model):
    """Explain audio by sinusoids and noise, and the sinusoids by harmonics.

    Source: Engel et al. 2020, "Self-supervised Pitch Detection by Inverse Audio
    Synthesis", ICML SAS workshop.

    Args:
        sinusoidal_encoder: Layer from features to 'frequencies', 'amplitudes' and
            'noise_magnitudes', before scaling.
        harmonic_encoder: Layer from frequencies and amplitudes to 'harm_amp',
            'harm_dist' and 'f0_hz'; None for sinusoids alone.
        losses: Of target and synthesized audio.
        sinusoidal_consistency_losses: Of two sets of sinusoids.
        harmonic_consistency_losses: Of two sets of harmonics.
        filtered_noise_consistency_loss: Of two sets of noise magnitudes.
        twm_loss: Of f0 candidates and sinusoids.
        harmonic_distribution_prior: Of the harmonic distribution.
        freq_scale_fn: From network outputs to Hz.
        reverb: Learn the room's response.
        n_samples: Of the audio.
        sample_rate: In Hz.
        stop_gradient: Keep the harmonics' errors from the sinusoids.
        **kwargs: Of the Keras model.
    """

    def __init__(
        self,
        sinusoidal_encoder: Any = None,
        harmonic_encoder: Any = None,
        losses: Any = None,
        sinusoidal_consistency_losses: Any = None,
        harmonic_consistency_losses: Any = None,
        filtered_noise_consistency_loss: Any = None,
        twm_loss: Any = None,
        harmonic_distribution_prior: Any = None,
        freq_scale_fn: Any = None,
        reverb: bool = True,
        n_samples: int = 64000,
        sample_rate: int = 16000,
        stop_gradient: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sinusoidal_encoder = sinusoidal_encoder
        self.harmonic_encoder = harmonic_encoder
        self.audio_loss_objs = make_iterable(losses)
        self.sinusoidal_consistency_losses = make_iterable(
            sinusoidal_consistency_losses
        )
        self.harmonic_consistency_losses = make_iterable(harmonic_consistency_losses)
        self.filtered_noise_consistency_loss = filtered_noise_consistency_loss
        self.twm_loss = twm_loss
        self.harmonic_distribution_prior = harmonic_distribution_prior
        self.stop_gradient = stop_gradient
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.amps_scale_fn = exp_sigmoid
        self.freq_scale_fn = freq_scale_fn or functools.partial(
            frequencies_softmax, depth=64
        )
        self._make_processor_group(reverb)

    def _make_processor_group(self, reverb: bool) -> None:
        """Make the synthesizers; what they are given is scaled already."""
        self.sinusoidal_synth = Sinusoidal(
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            amp_scale_fn=None,
            freq_scale_fn=None,
            name="sinusoidal",
        )
        self.filtered_noise_synth = FilteredNoise(
            n_samples=self.n_samples,
            window_size=0,
            scale_fn=None,
            name="filtered_noise",
        )
        dag: list[Any] = [
            (self.sinusoidal_synth, ["amplitudes", "frequencies"]),
            (self.filtered_noise_synth, ["noise_magnitudes"]),
            (Add(), ["filtered_noise/signal", "sinusoidal/signal"]),
        ]
        if reverb:
            self.reverb = FilteredNoiseReverb(
                reverb_length=int(self.sample_rate * REVERB_SECS),
                window_size=257,
                n_frames=500,
                n_filter_banks=16,
                trainable=True,
                name="reverb",
            )
            dag.append((self.reverb, ["add/signal"]))
        self.processor_group = ProcessorGroup(dag=dag)

    def call(self, features: Any, training: bool = True) -> Features:
        """Analyse and synthesize; the losses are computed whatever `training` is.

        Args:
            features: 'audio' [batch, n_samples]; or synthesizer controls 'sin_amps',
                'sin_freqs', 'noise_magnitudes' (and 'harm_amp', 'harm_dist', 'f0_hz'),
                of which the audio is made and which the analysis must find again; or a
                pair of both.
            training: For the encoder.

        Returns:
            As `forward`. Of a pair: what belongs to the recorded audio, without the
            processors' outputs.
        """
        if isinstance(features, list | tuple):
            return self._call_pair(features, training)
        if features.get("sin_amps") is None:
            outputs = self.forward(features, training)
            self.append_losses(outputs)
            return outputs
        controls = {**features, "audio": self.generate_synthetic_audio(features)}
        outputs = self.forward(controls, training)
        self.append_losses(outputs)
        self.append_losses(outputs, controls)
        return outputs

    def _call_pair(self, features: Sequence[Features], training: bool) -> Features:
        """Analyse recorded and synthetic audio in one batch; add both's losses."""
        recorded, controls = self.parse_zipped_features(features)
        synthetic = self.generate_synthetic_audio(controls)
        audio = tf.concat([recorded["audio"], synthetic], axis=0)
        batch_size = recorded["audio"].shape[0]
        outputs = self.forward({"audio": audio}, training)
        outputs = {k: v for k, v in outputs.items() if not isinstance(v, dict)}
        first = {k: v[:batch_size] for k, v in outputs.items()}
        self.append_losses(first)
        second = {k: v[batch_size:] for k, v in outputs.items()}
        self.append_losses(second, {**controls, "audio": synthetic})
        return first

    def generate_synthetic_audio(self, features: Mapping[str, Any]) -> tf.Tensor:
        """Return the audio [batch, n_samples] of synthesizer controls."""
        return self.processor_group(
            {
                "amplitudes": features["sin_amps"],
                "frequencies": features["sin_freqs"],
                "noise_magnitudes": features["noise_magnitudes"],
            }
        )

    def parse_zipped_features(
        self, features: Sequence[Features]
    ) -> tuple[Features, Features]:
        """Return (recorded, synthetic) features of a pair in any order.

        Raises:
            UsageError: They are not two.
        """
        if len(features) != 2:
            raise UsageError(f"got {len(features)} sets of features, needed two")
        first, second = features
        if second.get("sin_amps") is None:
            return second, first
        return first, second

    def forward(self, features: Mapping[str, Any], training: bool = True) -> Features:
        """Analyse 'audio' [batch, n_samples] and synthesize it again.

        Returns:
            'audio', 'sin_audio' [batch, n_samples]; 'sin_amps', 'sin_freqs' (Hz)
            [batch, time, n_sinusoids]; 'noise_magnitudes' [batch, time, n_bands]; the
            processors' outputs by name. With a harmonic encoder also 'harm_audio',
            'harm_amp', 'harm_dist', 'f0_hz', and 'harm_freqs', 'harm_amps', the
            sinusoids of the harmonics.
        """
        encoded = self.sinusoidal_encoder(features, training=training)
        controls = {
            **encoded,
            "frequencies": self.freq_scale_fn(encoded["frequencies"]),
            "amplitudes": self.amps_scale_fn(encoded["amplitudes"]),
            "noise_magnitudes": self.amps_scale_fn(encoded["noise_magnitudes"]),
        }
        made = self.processor_group.get_controls(controls)
        outputs = {
            "audio": features["audio"],
            "noise_magnitudes": controls["noise_magnitudes"],
            "sin_audio": self.processor_group.get_signal(made),
            "sin_amps": controls["amplitudes"],
            "sin_freqs": controls["frequencies"],
            **made,
        }
        if self.harmonic_encoder is None:
            return outputs
        if self.stop_gradient:
            controls = tf.nest.map_structure(tf.stop_gradient, controls)
        return outputs | self._harmonics(controls)

    def _harmonics(self, controls: Features) -> Features:
        """Encode sinusoids to harmonics, and synthesize those."""
        encoded = self.harmonic_encoder(controls["frequencies"], controls["amplitudes"])
        harm_amp, harm_dist, f0_hz = (
            encoded[key] for key in ("harm_amp", "harm_dist", "f0_hz")
        )
        harm_freqs = get_harmonic_frequencies(f0_hz, int(harm_dist.shape[-1]))
        harm_amps = harm_amp * harm_dist
        audio = self.processor_group(
            controls | {"frequencies": harm_freqs, "amplitudes": harm_amps}
        )
        return {
            "harm_audio": audio,
            "harm_amp": harm_amp,
            "harm_dist": harm_dist,
            "f0_hz": f0_hz,
            "harm_freqs": harm_freqs,
            "harm_amps": harm_amps,
        }

    def append_losses(
        self,
        outputs: Mapping[str, Any],
        self_supervised_features: Mapping[str, Any] | None = None,
    ) -> None:
        """Add to the losses: of the audio, or of controls against known ones.

        Args:
            outputs: Of `forward`.
            self_supervised_features: The controls that the audio was made of.
        """
        if self_supervised_features is None:
            self._append_audio_losses(outputs)
        else:
            self._append_control_losses(outputs, self_supervised_features)

    def _append_audio_losses(self, o: Mapping[str, Any]) -> None:
        has_harmonics = self.harmonic_encoder is not None
        for loss in self.audio_loss_objs:
            self._losses_dict[f"sin_{loss.name}"] = loss(o["audio"], o["sin_audio"])
        if has_harmonics:
            self._update_losses_dict(self.harmonic_distribution_prior, o["harm_dist"])
            for loss in self.audio_loss_objs:
                value = loss(o["audio"], o["harm_audio"])
                self._losses_dict[f"harm_{loss.name}"] = value
            sinusoids = [o["sin_amps"], o["sin_freqs"]]
            if self.stop_gradient:
                sinusoids = [tf.stop_gradient(x) for x in sinusoids]
            self._update_losses_dict(
                self.sinusoidal_consistency_losses,
                *sinusoids,
                o["harm_amps"],
                o["harm_freqs"],
            )
        candidates = o["f0_hz"] if has_harmonics else o["sin_freqs"]
        self._update_losses_dict(
            self.twm_loss, candidates, o["sin_freqs"], o["sin_amps"]
        )

    def _append_control_losses(
        self, o: Mapping[str, Any], f: Mapping[str, Any]
    ) -> None:
        losses = self._losses_dict
        for loss in self.sinusoidal_consistency_losses:
            losses[f"ss_{loss.name}"] = loss(
                o["sin_amps"], o["sin_freqs"], f["sin_amps"], f["sin_freqs"]
            )
        noise_loss = self.filtered_noise_consistency_loss
        if noise_loss is not None:
            losses[f"ss_{noise_loss.name}"] = noise_loss(
                o["noise_magnitudes"], f["noise_magnitudes"]
            )
        for loss in self.harmonic_consistency_losses:
            if isinstance(loss, HarmonicConsistencyLoss):
                names = ("harm_amp", "harm_dist", "f0_hz")
                parts = loss(*(x[name] for name in names for x in (o, f)))
                losses.update({f"ss_{name}": value for name, value in parts.items()})
            else:  # one that compares sinusoids
                losses[f"ss_harm_{loss.name}"] = loss(
                    o["harm_amp"], o["f0_hz"], f["harm_amp"], f["f0_hz"]
                )

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Return the audio of the harmonics if there are any, else of the sinusoids."""
        has_harmonics = self.harmonic_encoder is not None
        return outputs["harm_audio" if has_harmonics else "sin_audio"]
