"""Whether sinusoids are the harmonics of a fundamental, and of which."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.maths import safe_divide
from ddsp_core.dsp.mixture import GaussianMixture, kernel_density
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.losses.base import Loss


class TWMLoss(Loss):
    """Two-way mismatch between sinusoids and the harmonics of f0 candidates.

    A smooth form of Maher and Beauchamp 1994 (doi:10.1121/1.408685): the negative
    log-likelihood of the sinusoids given each candidate's harmonics, which favours low
    candidates, and of those harmonics given the sinusoids, which favours high ones. A
    soft minimum over candidates lets the best ones count.

    Args:
        sinusoids_weight: Of -log p(sinusoids | harmonics).
        harmonics_weight: Of -log p(harmonics | sinusoids).
        sinusoids_scale: Deviation of the Gaussians round sinusoids, in semitones.
        harmonics_scale: Deviation of those round harmonics, in harmonic numbers.
        n_harmonic_points: Harmonics of a candidate that the sinusoids must explain.
        n_harmonic_gaussians: Harmonics of a candidate that explain sinusoids.
        softmin_temperature: The lower, the more the best candidate alone counts.
        sample_rate: In Hz; harmonics at or above half of it do not count.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        sinusoids_weight: float = 1.0,
        harmonics_weight: float = 1.0,
        sinusoids_scale: float = 0.5,
        harmonics_scale: float = 0.2,
        n_harmonic_points: int = 10,
        n_harmonic_gaussians: int = 30,
        softmin_temperature: float = 1.0,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sinusoids_weight = sinusoids_weight
        self.harmonics_weight = harmonics_weight
        self.sinusoids_scale = sinusoids_scale
        self.harmonics_scale = harmonics_scale
        self.n_harmonic_points = n_harmonic_points
        self.n_harmonic_gaussians = n_harmonic_gaussians
        self.softmin_temperature = softmin_temperature
        self.sample_rate = sample_rate

    def call(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Return the mean over candidates, weighted by the softmax of minus the loss.

        Args:
            f0_candidates: In Hz, [batch, n_frames, n_candidates].
            freqs: In Hz, [batch, n_frames, n_sinusoids].
            amps: Not negative, [batch, n_frames, n_sinusoids].

        Returns:
            A scalar.
        """
        loss = self._combined(f0_candidates, freqs, amps)
        return tf.reduce_mean(
            loss * tf.nn.softmax(-loss / self.softmin_temperature, axis=-1)
        )

    def predict_f0(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> np.ndarray:
        """Return the candidate of least loss in each frame.

        Args:
            f0_candidates: In Hz, [batch, n_frames, n_candidates].
            freqs: In Hz, [batch, n_frames, n_sinusoids].
            amps: Not negative, [batch, n_frames, n_sinusoids].

        Returns:
            In Hz, [batch, n_frames, 1].
        """
        loss = np.asarray(self._combined(f0_candidates, freqs, amps))
        best = np.nanargmin(loss, axis=-1)[..., np.newaxis]
        return np.take_along_axis(np.asarray(f0_candidates), best, axis=-1)

    def get_loss_tensors(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return both negative log-likelihoods of every candidate.

        Args:
            f0_candidates: In Hz, [batch, n_frames, n_candidates].
            freqs: In Hz, [batch, n_frames, n_sinusoids].
            amps: Not negative, [batch, n_frames, n_sinusoids].

        Returns:
            -log p(sinusoids | harmonics) and -log p(harmonics | sinusoids), each
            [batch, n_frames, n_candidates].
        """
        return (
            self._sinusoids_loss(f0_candidates, freqs, amps),
            self._harmonics_loss(f0_candidates, freqs, amps),
        )

    def get_p_sinusoids_given_harmonics(self) -> GaussianMixture:
        """Return the density over frequency / f0: one Gaussian a harmonic."""
        harmonics = tf.range(1, self.n_harmonic_gaussians + 1, dtype=tf.float32)
        return GaussianMixture(tf.ones_like(harmonics), harmonics, self.harmonics_scale)

    def get_p_harmonics_given_sinusoids(
        self, freqs: tf.Tensor, amps: tf.Tensor
    ) -> GaussianMixture:
        """Return the density of sinusoids over MIDI pitch, one for each frame.

        Args:
            freqs: In Hz, [batch, n_frames, n_sinusoids].
            amps: Not negative, [batch, n_frames, n_sinusoids].
        """
        return kernel_density(amps, hz_to_midi(freqs), self.sinusoids_scale)

    def get_candidate_harmonics(
        self, f0_candidates: tf.Tensor, as_midi: bool = True
    ) -> tf.Tensor:
        """Return the first `n_harmonic_points` harmonics of every candidate.

        Args:
            f0_candidates: In Hz, [batch, n_frames, n_candidates].
            as_midi: Return MIDI pitch; else Hz.

        Returns:
            [batch, n_frames, n_candidates, n_harmonic_points].
        """
        numbers = tf.range(1, self.n_harmonic_points + 1, dtype=tf.float32)
        harmonics = f0_candidates[..., tf.newaxis] * numbers
        return hz_to_midi(harmonics) if as_midi else harmonics

    def _combined(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        sinusoids, harmonics = self.get_loss_tensors(f0_candidates, freqs, amps)
        return self.sinusoids_weight * sinusoids + self.harmonics_weight * harmonics

    def _sinusoids_loss(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Return -log p(sinusoids | harmonics), averaged by amplitude."""
        # [batch, n_frames, n_candidates, n_sinusoids]
        numbers = safe_divide(
            freqs[:, :, tf.newaxis, :], f0_candidates[:, :, :, tf.newaxis]
        )
        nll = -self.get_p_sinusoids_given_harmonics().log_prob(numbers)
        amps = tf.convert_to_tensor(amps)[:, :, tf.newaxis, :]
        return safe_divide(
            tf.reduce_sum(nll * amps, axis=-1), tf.reduce_sum(amps, axis=-1)
        )

    def _harmonics_loss(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Return -log p(harmonics | sinusoids), averaged below Nyquist."""
        density = self.get_p_harmonics_given_sinusoids(freqs, amps)
        harmonics = self.get_candidate_harmonics(f0_candidates)
        # The density's places are the last axes: [candidate, harmonic, batch, frame].
        nll = -density.log_prob(tf.transpose(harmonics, [2, 3, 0, 1]))
        nll = tf.transpose(nll, [2, 3, 0, 1])
        # Upper harmonics matter less.
        n = self.n_harmonic_points
        nll *= tf.linspace(1.0, 1.0 / n, n)
        audible = tf.cast(harmonics < hz_to_midi(self.sample_rate / 2.0), tf.float32)
        # So that the highest candidate is not best for having the fewest harmonics.
        share = tf.reduce_mean(audible, axis=-1, keepdims=True)
        return tf.reduce_mean(nll * safe_divide(audible, share), axis=-1)
