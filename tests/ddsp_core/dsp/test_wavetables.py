import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import core

RNG = np.random.default_rng(0)


def pairwise_lookup(phase, tables):
    """Every entry weighted by its distance: the definition, written out."""
    closed = np.concatenate([tables, tables[..., :1]], axis=-1)
    n = closed.shape[-1] - 1
    distance = np.abs(phase[..., np.newaxis] * n - np.arange(n + 1))
    return np.sum(np.maximum(1 - distance, 0) * closed, axis=-1)


@pytest.mark.parametrize("n_times", [1, 50])
def test_lookup_is_linear_between_entries(n_times):
    phase = RNG.uniform(-0.1, 1.1, [2, 50])  # a little outside, too
    phase[0, :3] = 0.0, 0.5, 1.0
    tables = RNG.normal(size=[2, n_times, 8])
    got = core.linear_lookup(phase[..., np.newaxis], tables)
    np.testing.assert_allclose(got, pairwise_lookup(phase, tables), atol=1e-5)
    if n_times == 1:
        again = core.linear_lookup(phase, tables[:, 0])
        np.testing.assert_array_equal(got, again)


@given(st.integers(1, 30), st.integers(0, 40))
def test_a_table_holds_its_harmonics(n_harmonics, n_more):
    shares = RNG.uniform(size=[1, 2, n_harmonics])
    n_table = 2 * n_harmonics + 1 + n_more  # odd lengths, too
    table = core.harmonic_distribution_to_wavetable(shares, n_table).numpy()
    assert table.shape == (1, 2, n_table)
    angle = 2 * np.pi * np.arange(n_table) / n_table
    waves = np.cos(angle * np.arange(1, n_harmonics + 1)[:, np.newaxis])
    np.testing.assert_allclose(table, shares @ waves, atol=1e-4)


def test_tables_fade_from_frame_to_frame():
    tables = np.stack([np.zeros(16), np.ones(16)])[np.newaxis]
    f0_hz, level = np.full([1, 2, 1], 100.0), np.ones([1, 2, 1])
    audio = core.wavetable_synthesis(f0_hz, level, tables, n_samples=80)
    expected = np.minimum(np.arange(80) / 40, 1.0)
    np.testing.assert_allclose(audio[0], expected, atol=1e-6)


def test_one_table_serves_a_batch():
    f0_hz = RNG.uniform(100, 400, [3, 4, 1])
    level, table = RNG.uniform(size=[3, 4, 1]), RNG.normal(size=[1, 16])
    one = core.wavetable_synthesis(f0_hz, level, table, n_samples=80)
    each = np.repeat(table, 3, axis=0)
    np.testing.assert_array_equal(
        one, core.wavetable_synthesis(f0_hz, level, each, n_samples=80)
    )


def test_an_unknown_batch_can_be_synthesised_in_a_graph():
    call = tf.function(
        lambda f0_hz, tables: core.wavetable_synthesis(f0_hz, f0_hz, tables, 80),
        input_signature=[tf.TensorSpec([None, 4, 1]), tf.TensorSpec([None, 4, 16])],
    )
    assert call(tf.ones([3, 4, 1]), tf.ones([3, 4, 16])).shape == [3, 80]
