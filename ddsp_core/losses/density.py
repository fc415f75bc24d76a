"""How likely two sets of sinusoids are under each other's density."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dsp.mixture import GaussianMixture, kernel_density, normalized
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.losses.base import Loss


class KDEConsistencyLoss(Loss):
    """Negative log-likelihood of two sets of sinusoids, each given the other.

    A set's density has a Gaussian at the pitch of each sinusoid, as high as its
    amplitude: close to Jeffreys' divergence. As that does not see a common factor of
    all amplitudes, their means are compared too.

    Args:
        weight_a: Of -log p(a | b).
        weight_b: Of -log p(b | a).
        weight_mean_amp: Of the distance of mean amplitudes.
        scale_a: Deviation of the Gaussians round a, in semitones.
        scale_b: Deviation of the Gaussians round b, in semitones.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        weight_a: float = 1.0,
        weight_b: float = 1.0,
        weight_mean_amp: float = 1.0,
        scale_a: float = 0.1,
        scale_b: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.weight_a = weight_a
        self.weight_b = weight_b
        self.weight_mean_amp = weight_mean_amp
        self.scale_a = scale_a
        self.scale_b = scale_b

    def call(
        self,
        amps_a: tf.Tensor,
        freqs_a: tf.Tensor,
        amps_b: tf.Tensor,
        freqs_b: tf.Tensor,
    ) -> tf.Tensor:
        """Return the weighted sum of the three terms.

        Args:
            amps_a: Not negative, [batch, n_frames, n_sinusoids_a].
            freqs_a: In Hz, of the same shape.
            amps_b: Not negative, [batch, n_frames, n_sinusoids_b].
            freqs_b: In Hz, of the same shape.

        Returns:
            A scalar.
        """
        loss = tf.zeros([])
        if self.weight_a > 0.0:
            nll = self.nll(amps_a, freqs_a, amps_b, freqs_b, self.scale_b)
            loss += tf.reduce_mean(self.weight_a * nll)
        if self.weight_b > 0.0:
            nll = self.nll(amps_b, freqs_b, amps_a, freqs_a, self.scale_a)
            loss += tf.reduce_mean(self.weight_b * nll)
        if self.weight_mean_amp > 0.0:
            change = tf.reduce_mean(amps_a, axis=-1) - tf.reduce_mean(amps_b, axis=-1)
            loss += self.weight_mean_amp * tf.reduce_mean(tf.abs(change))
        return loss

    def nll(
        self,
        amps: tf.Tensor,
        freqs: tf.Tensor,
        amps_target: tf.Tensor,
        freqs_target: tf.Tensor,
        scale_target: Any,
    ) -> tf.Tensor:
        """Return the negative log-likelihood of sinusoids given target sinusoids.

        Args:
            amps: Not negative, [batch, n_frames, n_sinusoids].
            freqs: In Hz, of the same shape.
            amps_target: Not negative, [batch, n_frames, n_targets].
            freqs_target: In Hz, of the same shape.
            scale_target: Deviation of the targets' Gaussians, in semitones.

        Returns:
            The mean over sinusoids, each weighted by its share of the amplitude,
            [batch, n_frames].
        """
        density = self.kernel_density_estimate(amps_target, freqs_target, scale_target)
        pitch = tf.transpose(hz_to_midi(freqs), [2, 0, 1])  # [sinusoid, batch, frame]
        nll = tf.transpose(-density.log_prob(pitch), [1, 2, 0])
        return tf.reduce_mean(nll * normalized(amps), axis=-1)

    def kernel_density_estimate(
        self, amps: tf.Tensor, freqs: tf.Tensor, scale: Any
    ) -> GaussianMixture:
        """Return the density of sinusoids over pitch.

        Args:
            amps: Not negative, [batch, n_frames, n_sinusoids].
            freqs: In Hz, of the same shape.
            scale: Deviation of the Gaussians, in semitones.
        """
        return kernel_density(amps, hz_to_midi(freqs), scale)
