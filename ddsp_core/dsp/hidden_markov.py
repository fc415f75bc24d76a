"""Hidden Markov models: how likely a sequence is, and the likeliest path of states."""

from __future__ import annotations

import tensorflow as tf

TINY = 1e-37  # least transition mass: above float32's least normal number, log finite.


def log_likelihood(
    log_initial: tf.Tensor, log_transitions: tf.Tensor, log_observations: tf.Tensor
) -> tf.Tensor:
    """Return the log-probability of observations, over all paths of states.

    The forward algorithm (Rabiner 1989, doi:10.1109/5.18626, section III.A). The
    probabilities of each step are scaled by their maximum, so that any length has
    float32's relative precision.

    Args:
        log_initial: Of the first state, [n_states].
        log_transitions: [n_states from, n_states to].
        log_observations: Of each step's observation in each state,
            [batch, n_steps, n_states].

    Returns:
        [batch].
    """
    transitions = tf.exp(log_transitions)
    steps = tf.transpose(log_observations, [1, 0, 2])  # [n_steps, batch, n_states]

    def advance(
        state: tuple[tf.Tensor, tf.Tensor], observed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        mass = tf.maximum(tf.exp(state[0]) @ transitions, TINY)
        return _scaled(tf.math.log(mass) + observed)

    first = _scaled(log_initial + steps[0])
    if steps.shape[0] == 1:
        last, peaks = first
        return tf.reduce_logsumexp(last, axis=-1) + peaks
    paths, peaks = tf.scan(advance, steps[1:], initializer=first)
    total = first[1] + tf.reduce_sum(peaks, axis=0)
    return tf.reduce_logsumexp(paths[-1], axis=-1) + total


def likeliest_states(
    log_initial: tf.Tensor, log_transitions: tf.Tensor, log_observations: tf.Tensor
) -> tf.Tensor:
    """Return the single likeliest path of states.

    The Viterbi algorithm (Rabiner 1989, doi:10.1109/5.18626, section III.B). Of equally
    likely states the lower one is taken.

    Args:
        log_initial: Of the first state, [n_states].
        log_transitions: [n_states from, n_states to].
        log_observations: [batch, n_steps, n_states].

    Returns:
        [batch, n_steps] int32.
    """
    steps = tf.transpose(log_observations, [1, 0, 2])  # [n_steps, batch, n_states]
    into = tf.transpose(log_transitions)  # [n_states to, n_states from]

    def advance(scores: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
        return _scaled(tf.reduce_max(scores[:, tf.newaxis] + into, -1) + observed)[0]

    def back(state: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return _likeliest(scores + tf.gather(into, state))

    first = _scaled(log_initial + steps[0])[0]
    if steps.shape[0] == 1:
        return _likeliest(first)[:, tf.newaxis]
    scores = tf.scan(advance, steps[1:], initializer=first)
    last = _likeliest(scores[-1])
    earlier = tf.concat([first[tf.newaxis], scores[:-1]], axis=0)
    path = tf.scan(back, earlier, initializer=last, reverse=True)
    return tf.transpose(tf.concat([path, last[tf.newaxis]], axis=0))


def _scaled(log_probs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return log-probabilities with their maximum taken out, and that maximum."""
    peak = tf.reduce_max(log_probs, axis=-1, keepdims=True)
    return log_probs - peak, peak[:, 0]


def _likeliest(log_probs: tf.Tensor) -> tf.Tensor:
    return tf.argmax(log_probs, axis=-1, output_type=tf.int32)
