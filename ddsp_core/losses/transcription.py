"""The likelihood of pitch and amplitude under a model of notes, and those notes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.hidden_markov import likeliest_states, log_likelihood
from ddsp_core.dsp.mixture import log_normal
from ddsp_core.errors import ShapeError
from ddsp_core.losses.base import Loss


class HmmTranscriber(Loss):
    """How unlikely pitch and amplitude are as a sequence of held notes.

    A hidden Markov model with one state a MIDI note; state 0 is "off". A state goes on
    to any other with equal probability. Pitch and amplitude are observed with
    independent Gaussian errors; when off, the pitch may be any.

    Differs from the reference: a layer, not a TensorFlow Probability distribution. Of a
    distribution it has `log_prob` and `posterior_mode`.

    Args:
        avg_length: Mean length of a note, in steps.
        midi_std: Deviation of the observed pitch from a note, in semitones.
        amps_on_center: Mean amplitude of a note.
        amps_on_scale: Its standard deviation.
        amps_off_center: Mean amplitude when off.
        amps_off_scale: Its standard deviation.
        n_timesteps: Steps of the sequences that are decoded.
        n_pitches: Number of states; the notes are 1 to n_pitches - 1.
        weight: Of the loss.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        avg_length: float = 200,
        midi_std: float = 0.5,
        amps_on_center: float = 1.5,
        amps_on_scale: float = 0.5,
        amps_off_center: float = 0.0,
        amps_off_scale: float = 0.1,
        n_timesteps: int = 1000,
        n_pitches: int = 128,
        weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.avg_length = avg_length
        self.midi_std = midi_std
        self.n_timesteps = n_timesteps
        self.n_pitches = n_pitches
        self.weight = weight
        # Of each state: (pitch, amplitude).
        self._loc = _per_state(n_pitches, n_pitches / 2.0, amps_off_center)
        self._loc[1:, 0] = np.arange(1, n_pitches)
        self._loc[1:, 1] = amps_on_center
        self._scale = _per_state(n_pitches, n_pitches, amps_off_scale)
        self._scale[1:] = midi_std, amps_on_scale

    def call(self, pitch: tf.Tensor, amps: tf.Tensor) -> tf.Tensor:
        """Return `nll`."""
        return self.nll(pitch, amps)

    @staticmethod
    def straight_through(x: tf.Tensor, x_quant: tf.Tensor) -> tf.Tensor:
        """Return `x_quant`, whose gradient goes to `x` alone."""
        return x - tf.stop_gradient(x - x_quant)

    def nll(
        self, pitch: tf.Tensor, amps: tf.Tensor, per_example_loss: bool = False
    ) -> tf.Tensor:
        """Return the weighted negative log-likelihood per step.

        Args:
            pitch: MIDI, [batch, n_steps, 1].
            amps: [batch, n_steps, 1].
            per_example_loss: Do not average over the batch.

        Returns:
            A scalar, or [batch].

        Raises:
            ShapeError: Either has another shape.
        """
        observations = _observations(pitch, amps)
        nll = -self.log_prob(observations) / _n_steps(observations)
        return self.weight * (nll if per_example_loss else tf.reduce_mean(nll))

    def predict_midi(
        self,
        pitch: tf.Tensor,
        amps: tf.Tensor,
        channel_dim: bool = True,
        dtype: Any = tf.float32,
    ) -> tf.Tensor:
        """Return the likeliest note of every step, 0 where none sounds.

        Args:
            pitch: MIDI, [batch, n_timesteps, 1].
            amps: [batch, n_timesteps, 1].
            channel_dim: Add an axis of channels.
            dtype: Of the result.

        Returns:
            MIDI, [batch, n_timesteps, 1] or [batch, n_timesteps]. No gradient.

        Raises:
            ShapeError: Either has another shape.
        """
        midi = tf.cast(self.posterior_mode(_observations(pitch, amps)), dtype)
        return midi[:, :, tf.newaxis] if channel_dim else midi

    def log_prob(self, observations: tf.Tensor) -> tf.Tensor:
        """Return the log-likelihood of (pitch, amplitude) as a whole sequence.

        Args:
            observations: [batch, n_steps, 2].

        Returns:
            [batch].
        """
        return log_likelihood(*self._logs(observations))

    def posterior_mode(self, observations: tf.Tensor) -> tf.Tensor:
        """Return the likeliest path of states.

        Args:
            observations: (pitch, amplitude), [batch, n_timesteps, 2].

        Returns:
            [batch, n_timesteps] int32.

        Raises:
            ShapeError: There are other than `n_timesteps` steps.
        """
        if observations.shape[1] not in (None, self.n_timesteps):
            raise ShapeError(
                f"observations have shape {observations.shape}; needed n_timesteps ="
                f" {self.n_timesteps} steps: [batch, {self.n_timesteps}, 2]"
            )
        return likeliest_states(*self._logs(observations))

    def _logs(self, observations: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return log-probabilities: initial, of transitions, of observations."""
        n = self.n_pitches
        hold = 1.0 - 1.0 / self.avg_length
        transitions = tf.fill([n, n], (1.0 - hold) / (n - 1))
        transitions = tf.linalg.set_diag(transitions, tf.fill([n], hold))
        # One observed quantity at a time: [batch, n_steps, n_states].
        log_observed = sum(
            log_normal(observations[..., i : i + 1], self._loc[:, i], self._scale[:, i])
            for i in range(2)
        )
        initial = tf.fill([n], -math.log(n))
        return initial, tf.math.log(transitions), log_observed


def _per_state(n_states: int, pitch: float, amp: float) -> np.ndarray:
    """Return one pair for all states, [n_states, 2]."""
    return np.full([n_states, 2], [pitch, amp], np.float32)


def _observations(pitch: tf.Tensor, amps: tf.Tensor) -> tf.Tensor:
    """Return (pitch, amplitude) of every step, [batch, n_steps, 2]."""
    for name, x in (("pitch", pitch), ("amps", amps)):
        if len(x.shape) != 3 or x.shape[2] not in (None, 1):
            raise ShapeError(
                f"{name} has shape {tuple(x.shape)}; needed [batch, n_steps, 1]"
            )
    pitch, amps = tf.cast(pitch, tf.float32), tf.cast(amps, tf.float32)
    return tf.concat([pitch, amps], axis=-1)


def _n_steps(observations: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(observations)[1], tf.float32)
