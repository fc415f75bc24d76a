import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from ddsp_core.dsp.hidden_markov import likeliest_states, log_likelihood

RNG = np.random.default_rng(2)


def random_model(n_states, n_steps, batch=2):
    initial = RNG.dirichlet(np.ones(n_states))
    transitions = RNG.dirichlet(np.ones(n_states), n_states)
    observations = RNG.normal(-2, 2, (batch, n_steps, n_states))
    return np.log(initial), np.log(transitions), observations


def all_paths(initial, transitions, observations):
    """Every path of states with its log-probability."""
    n_steps, n_states = observations.shape
    for path in itertools.product(range(n_states), repeat=n_steps):
        score = initial[path[0]] + sum(observations[k, s] for k, s in enumerate(path))
        yield path, score + sum(transitions[a, b] for a, b in itertools.pairwise(path))


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_both_algorithms_agree_with_all_paths(n_steps):
    model = random_model(3, n_steps)
    tensors = [tf.constant(x, tf.float32) for x in model]
    total, path = log_likelihood(*tensors).numpy(), likeliest_states(*tensors).numpy()
    assert path.shape == (2, n_steps) and path.dtype == np.int32
    for b in range(2):
        paths = list(all_paths(*model[:2], model[2][b]))
        assert total[b] == pytest.approx(special.logsumexp([s for _, s in paths]))
        assert tuple(path[b]) == max(paths, key=lambda p: p[1])[0]


def test_they_run_in_a_graph_of_unknown_length_and_with_gradients():
    model = [tf.constant(x, tf.float32) for x in random_model(4, 6)]
    spec = tf.TensorSpec([None, None, 4], tf.float32)
    function = tf.function(lambda x: log_likelihood(*model[:2], x), [spec])
    np.testing.assert_allclose(function(model[2]), log_likelihood(*model), rtol=1e-5)
    viterbi = tf.function(lambda x: likeliest_states(*model[:2], x), [spec])
    np.testing.assert_array_equal(viterbi(model[2]), likeliest_states(*model))
    with tf.GradientTape() as tape:
        tape.watch(model[2])
        total = tf.reduce_sum(log_likelihood(*model))
    # The gradient is the posterior of states: it adds up to 1 in every step.
    posterior = tape.gradient(total, model[2])
    np.testing.assert_allclose(tf.reduce_sum(posterior, -1), 1.0, rtol=1e-5)
