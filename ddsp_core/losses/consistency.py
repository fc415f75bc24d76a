"""Distances between the controls of synths: amplitudes, frequencies, distributions."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.maths import log10
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.losses.base import Loss
from ddsp_core.losses.difference import mean_difference


def amp_loss(
    amp: tf.Tensor,
    amp_target: tf.Tensor,
    loss_type: str = "L1",
    weights: Any = None,
    log: bool = False,
    amin: float = 1e-5,
) -> tf.Tensor:
    """Return the mean distance between two amplitudes.

    Args:
        amp: Linear, any shape.
        amp_target: Of the same shape.
        loss_type: As in `mean_difference`.
        weights: As in `mean_difference`.
        log: Compare logarithms to base 10.
        amin: Amplitude below which the logarithm does not fall.

    Returns:
        A scalar.
    """
    if log:
        amp = log10(tf.maximum(amin, amp))
        amp_target = log10(tf.maximum(amin, amp_target))
    return mean_difference(amp, amp_target, loss_type, weights)


def freq_loss(
    f_hz: tf.Tensor, f_hz_target: tf.Tensor, loss_type: str = "L1", weights: Any = None
) -> tf.Tensor:
    """Return the mean distance between two frequencies, in semitones.

    Args:
        f_hz: In Hz, any shape; 0 and less count as MIDI pitch 0.
        f_hz_target: Of the same shape.
        loss_type: As in `mean_difference`.
        weights: As in `mean_difference`.

    Returns:
        A scalar.
    """
    f_midi, f_midi_target = hz_to_midi(f_hz), hz_to_midi(f_hz_target)
    return mean_difference(f_midi, f_midi_target, loss_type, weights)


class FilteredNoiseConsistencyLoss(Loss):
    """Mean distance between two sets of noise magnitudes.

    Args:
        weight: Of the loss.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(
        self, noise_magnitudes: tf.Tensor, noise_magnitudes_target: tf.Tensor
    ) -> tf.Tensor:
        """Return the weighted `amp_loss` of magnitudes, any equal shape."""
        return self.weight * amp_loss(noise_magnitudes, noise_magnitudes_target)


class HarmonicConsistencyLoss(Loss):
    """Mean distances between two sets of a harmonic synth's controls.

    Args:
        amp_weight: Of the amplitude's loss.
        dist_weight: Of the harmonic distribution's.
        f0_weight: Of the fundamental frequency's.
        amp_threshold: Where the target's amplitude is below it, distribution and
            frequency do not count.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        amp_weight: float = 1.0,
        dist_weight: float = 1.0,
        f0_weight: float = 1.0,
        amp_threshold: float = 1e-4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.amp_weight = amp_weight
        self.dist_weight = dist_weight
        self.f0_weight = f0_weight
        self.amp_threshold = amp_threshold

    def call(
        self,
        harm_amp: tf.Tensor,
        harm_amp_target: tf.Tensor,
        harm_dist: tf.Tensor,
        harm_dist_target: tf.Tensor,
        f0_hz: tf.Tensor,
        f0_hz_target: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Return the three losses.

        Args:
            harm_amp: [batch, n_frames, 1].
            harm_amp_target: [batch, n_frames, 1].
            harm_dist: [batch, n_frames, n_harmonics].
            harm_dist_target: [batch, n_frames, n_harmonics].
            f0_hz: [batch, n_frames, 1].
            f0_hz_target: [batch, n_frames, 1].

        Returns:
            Scalars: 'harm_amp_loss', 'harm_dist_loss', 'f0_hz_loss' (semitones).
        """
        sounds = tf.cast(harm_amp_target >= self.amp_threshold, tf.float32)
        amp = amp_loss(harm_amp, harm_amp_target)
        dist = amp_loss(harm_dist, harm_dist_target, weights=sounds)
        f0 = freq_loss(f0_hz, f0_hz_target, weights=sounds)
        return {
            "harm_amp_loss": self.amp_weight * amp,
            "harm_dist_loss": self.dist_weight * dist,
            "f0_hz_loss": self.f0_weight * f0,
        }

    def get_losses_dict(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Return the three losses by their names.

        Differs from the reference, which puts their dictionary under the layer's name,
        where no group can add it up.
        """
        return self(*args, **kwargs)
