"""The hidden Markov model of notes against the forward sum in float64."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import losses
from tests.ddsp_core.losses.checks import (
    RNG,
    assert_is,
    gradients,
    uniform,
)


def hmm64(pitch, amps, n_pitches, avg_length, midi_std, on, off):
    """Log-likelihood by the forward algorithm on probabilities, and the best path."""
    n = n_pitches
    hold = 1.0 - 1.0 / avg_length
    moves = np.full([n, n], (1.0 - hold) / (n - 1))
    np.fill_diagonal(moves, hold)
    pitch_loc = np.concatenate([[n / 2], np.arange(1, n)])
    pitch_scale = np.concatenate([[n], np.full(n - 1, midi_std)])
    amp_loc = np.concatenate([[off[0]], np.full(n - 1, on[0])])
    amp_scale = np.concatenate([[off[1]], np.full(n - 1, on[1])])

    def log_normal(x, loc, scale):
        return -0.5 * ((x - loc) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))

    seen = log_normal(pitch, pitch_loc, pitch_scale)
    seen += log_normal(amps, amp_loc, amp_scale)  # [batch, n_steps, n]
    state = -np.log(n) + seen[:, 0]
    for k in range(1, seen.shape[1]):
        paths = state[:, :, None] + np.log(moves)
        state = tf.reduce_logsumexp(paths, 1) + seen[:, k]
    return tf.reduce_logsumexp(state, -1), seen.numpy(), np.log(moves)


def test_hmm_transcriber():
    n, n_steps = 20, 30
    pitch = np.repeat(uniform(3, 18, 2, 3, 1), 10, 1) + uniform(
        -0.3, 0.3, 2, n_steps, 1
    )
    amps = np.repeat(np.float32([[1.4], [0.0], [1.6]]), 10, 0) + uniform(
        0, 0.1, 2, 30, 1
    )
    loss = losses.HmmTranscriber(12, 0.4, 1.5, 0.5, 0.05, 0.2, n_steps, n, weight=2.0)
    options = (n, 12, 0.4, (1.5, 0.5), (0.05, 0.2))

    def truth(pitch, amps):
        return -2.0 * tf.reduce_mean(hmm64(pitch, amps, *options)[0]) / n_steps

    assert_is(loss, truth, [pitch, amps])
    each = loss.nll(pitch, amps, per_example_loss=True)
    assert float(tf.reduce_mean(each)) == pytest.approx(float(loss(pitch, amps)))

    _, seen, log_moves = hmm64(
        *(tf.constant(x, tf.float64) for x in (pitch, amps)), *options
    )
    midi = loss.predict_midi(pitch, amps, channel_dim=False, dtype=tf.int32).numpy()
    assert set(midi[0, 10:20]) == {0}

    def score(path, b):
        observed = seen[b, np.arange(n_steps), path].sum()
        return observed + log_moves[path[:-1], path[1:]].sum()

    for b in range(2):
        best = score(midi[b], b)
        for _ in range(200):  # no change of one stretch makes it likelier
            other = midi[b].copy()
            start = RNG.integers(n_steps)
            other[start : start + RNG.integers(1, 11)] = RNG.integers(n)
            assert score(other, b) <= best + 1e-9


def test_hmm_stays_finite_over_long_and_impossible_sequences():
    loss = losses.HmmTranscriber(n_timesteps=400)
    pitch, amps = uniform(-500, 500, 1, 400, 1), uniform(0, 50, 1, 400, 1)
    value, grads = gradients(loss, [pitch, amps], tf.float32)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)
    assert loss.predict_midi(pitch, amps).shape == (1, 400, 1)


def test_straight_through_takes_the_quantised_value_and_the_other_gradient():
    x, quantised = tf.constant([1.2, 2.7]), tf.constant([1.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch([x, quantised])
        y = losses.HmmTranscriber.straight_through(x, quantised)
    assert y.numpy().tolist() == [1.0, 3.0]
    to_x, to_quantised = tape.gradient(y, [x, quantised])
    assert to_x.numpy().tolist() == [1.0, 1.0] and to_quantised is None
