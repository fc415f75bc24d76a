"""The fast kernel against plain float64 synthesis."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dsp import harmonic_rows
from ddsp_core.dsp.compiled import can_compile, plain_kernels
from ddsp_core.dsp.harmonic_sum import harmonic_sum, phase_cycles
from tests import signal_truth as truth

RATE, HOP = 16000, 64


def traced(fn):
    """In a traced function, where kernels are compiled."""
    return tf.function(fn, autograph=False)


# The two ways of the kernel: eager calls run the plain one, traced ones the compiled.
both_ways = pytest.mark.parametrize(
    "run", [lambda fn: fn, traced], ids=["plain", "fast"]
)


def controls(n_frames, n_harmonics, n_batch=2, seed=0):
    """Smooth f0 with vibrato, random amplitudes."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_frames) / 250
    vibrato = 1 + 0.02 * np.sin(2 * np.pi * 5 * time)
    f0_hz = np.stack([base * vibrato for base in rng.uniform(80, 600, n_batch)])
    amplitudes = rng.uniform(0, 1, [n_batch, n_frames, n_harmonics]) / n_harmonics
    return amplitudes.astype(np.float32), f0_hz.astype(np.float32)


def true_audio(amplitudes, f0_hz, hop_size=HOP, rate=RATE, method="window"):
    return truth.harmonic(
        tf.cast(f0_hz, tf.float64)[..., tf.newaxis],
        tf.cast(amplitudes, tf.float64),
        hop_size,
        rate,
        method,
    )


@both_ways
@pytest.mark.parametrize("method", ["nearest", "linear", "window"])
@pytest.mark.parametrize("hop_size,rate", [(64, 16000), (320, 16000), (441, 44100)])
def test_is_the_plain_sum_at_any_rate(hop_size, rate, method, run):
    amplitudes, f0_hz = controls(40, 30)
    synthesise = run(lambda *x: harmonic_sum(*x, hop_size, rate, method))
    got = synthesise(tf.constant(amplitudes), tf.constant(f0_hz))
    expected = true_audio(amplitudes, f0_hz, hop_size, rate, method)
    assert truth.snr_db(got, expected) > 100


@both_ways
@pytest.mark.parametrize("secs", [1, 4, 15, 60])
def test_phase_is_exact_after_a_minute(secs, run):
    amplitudes, f0_hz = controls(250 * secs, 60, n_batch=1)
    synthesise = run(lambda *x: harmonic_sum(*x, HOP, RATE))
    got = synthesise(tf.constant(amplitudes), tf.constant(f0_hz))[:, -14400:]
    # The truth of the last 0.9 s: phase from a float64 sum, harmonics only there.
    tail = slice(250 * secs - 225, None)
    before = true_phase(f0_hz)[:, -14401, np.newaxis, np.newaxis]
    numbers = np.arange(1, 61)
    f0 = truth.envelope(tf.cast(f0_hz[:, tail, None], tf.float64), HOP, "linear")
    amps = truth.envelope(tf.cast(amplitudes[:, tail], tf.float64), HOP, "window")
    phase = 2 * np.pi * (before + np.cumsum(f0.numpy() / RATE, axis=1))
    audible = f0.numpy() * numbers < RATE / 2
    expected = np.sum(audible * amps * np.sin(phase * numbers), axis=-1)
    assert truth.snr_db(got, expected) > 95


def true_phase(f0_hz):
    """Cycles of the fundamental at every sample, by extended precision."""
    envelope = truth.envelope(tf.cast(f0_hz[..., None], tf.float64), HOP, "linear")
    return np.cumsum(envelope.numpy()[..., 0].astype(np.longdouble) / RATE, axis=1)


@both_ways
def test_gradients_are_those_of_float64(run):
    amplitudes, f0_hz = (tf.constant(x) for x in controls(50, 60))
    upstream = np.random.default_rng(1).normal(size=(2, 50 * HOP)).astype(np.float32)

    def gradients(*x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(harmonic_sum(*x, HOP, RATE) * upstream)
        return tape.gradient(total, x)

    got = run(gradients)(amplitudes, f0_hz)
    exact = [tf.cast(x, tf.float64) for x in (amplitudes, f0_hz)]
    with tf.GradientTape() as tape:
        tape.watch(exact)
        total = tf.reduce_sum(true_audio(*exact) * upstream)
    for ours, expected in zip(got, tape.gradient(total, exact), strict=True):
        assert truth.snr_db(ours, expected) > 95


def test_f0_gradient_is_the_central_difference():
    amplitudes, f0_hz = (x.astype(np.float64) for x in controls(8, 3, n_batch=1))
    upstream = np.random.default_rng(1).normal(size=(1, 8 * HOP))

    def total(f0_hz):
        return float(tf.reduce_sum(true_audio(amplitudes, f0_hz) * upstream))

    step = 1e-4 * np.eye(8)
    expected = [(total(f0_hz + d) - total(f0_hz - d)) / 2e-4 for d in step]
    x = tf.constant(f0_hz, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        audio = harmonic_sum(tf.cast(amplitudes, tf.float32), x, HOP, RATE)
        y = tf.reduce_sum(audio * upstream.astype(np.float32))
    np.testing.assert_allclose(tape.gradient(y, x)[0], expected, rtol=1e-3, atol=1e-4)


@both_ways
def test_harmonics_at_nyquist_and_above_are_silent(run):
    f0_hz = np.full([1, 10], 1000.0, np.float32)
    amplitudes = np.zeros([1, 10, 12], np.float32)
    amplitudes[..., 7:] = 1.0  # 8 kHz and above
    synthesise = run(lambda *x: harmonic_sum(*x, HOP, RATE))
    audio = synthesise(tf.constant(amplitudes), tf.constant(f0_hz))
    assert np.abs(audio).max() == 0.0


def test_the_chunk_does_not_matter(monkeypatch):
    amplitudes, f0_hz = controls(50, 20)
    whole = harmonic_sum(amplitudes, f0_hz, HOP, RATE)
    # 100 frames: 15 chunks
    monkeypatch.setattr(harmonic_rows, "CHUNK_ELEMENTS", 20 * HOP * 7)
    np.testing.assert_allclose(
        harmonic_sum(amplitudes, f0_hz, HOP, RATE), whole, atol=1e-6
    )


def test_kernels_are_compiled_in_traced_functions_of_known_shapes_only():
    seen = {}

    def look(name, x):
        seen[name] = can_compile(x)
        return x

    known, unknown = tf.TensorSpec([2, 3]), tf.TensorSpec([None, 3])
    look("eager", tf.zeros([2, 3]))
    tf.function(lambda x: look("known", x)).get_concrete_function(known)
    tf.function(lambda x: look("unknown", x)).get_concrete_function(unknown)
    with plain_kernels():
        tf.function(lambda x: look("plain", x)).get_concrete_function(known)
    assert seen == {"eager": False, "known": True, "unknown": False, "plain": False}


def test_a_graph_of_unknown_length_gives_the_same():
    amplitudes, f0_hz = (tf.constant(x) for x in controls(20, 10))
    shapes = [tf.TensorSpec([None, None, 10]), tf.TensorSpec([None, None])]
    synthesise = tf.function(
        lambda *x: harmonic_sum(*x, HOP, RATE), input_signature=shapes
    )
    np.testing.assert_allclose(
        synthesise(amplitudes, f0_hz), harmonic_sum(amplitudes, f0_hz, HOP, RATE)
    )


def test_an_example_does_not_depend_on_its_batch():
    amplitudes, f0_hz = controls(50, 20, n_batch=3)
    together = harmonic_sum(amplitudes, f0_hz, HOP, RATE)
    alone = harmonic_sum(amplitudes[1:2], f0_hz[1:2], HOP, RATE)
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)


def test_a_graph_of_unknown_batch_gives_the_same():
    amplitudes, f0_hz = controls(20, 10)
    shapes = [tf.TensorSpec([None, 20, 10]), tf.TensorSpec([None, 20])]

    @tf.function(input_signature=shapes)
    def gradient(amplitudes, f0_hz):
        loss = tf.reduce_sum(harmonic_sum(amplitudes, f0_hz, HOP, RATE) ** 2)
        return tf.gradients(loss, [amplitudes, f0_hz])

    x = [tf.constant(amplitudes), tf.constant(f0_hz)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(harmonic_sum(*x, HOP, RATE) ** 2)
    for graph, eager in zip(gradient(*x), tape.gradient(loss, x), strict=True):
        np.testing.assert_allclose(graph, eager, rtol=1e-3, atol=1e-4)


def test_two_replicas_give_the_gradients_of_one():
    amplitudes, f0_hz = controls(20, 10, n_batch=4)
    strategy = tf.distribute.MirroredStrategy(
        [d.name for d in tf.config.list_logical_devices("CPU")[:2]]
    )

    def gradient(amplitudes, f0_hz):
        with tf.GradientTape() as tape:
            tape.watch(amplitudes)
            loss = tf.reduce_sum(harmonic_sum(amplitudes, f0_hz, HOP, RATE) ** 2)
        return tape.gradient(loss, amplitudes)

    data = tf.data.Dataset.from_tensors((amplitudes, f0_hz)).unbatch().batch(4)
    step = tf.function(lambda batch: strategy.run(gradient, args=batch))
    batch = next(iter(strategy.experimental_distribute_dataset(data)))
    parts = strategy.experimental_local_results(step(batch))
    assert len(parts) == 2
    whole = gradient(tf.constant(amplitudes), tf.constant(f0_hz))
    np.testing.assert_allclose(tf.concat(parts, 0), whole, rtol=1e-4, atol=1e-5)


def test_phase_goes_on_where_an_earlier_stretch_ended():
    _, f0_hz = controls(100, 1, n_batch=1)
    whole, _ = phase_cycles(f0_hz, HOP, RATE)
    end = true_phase(f0_hz)[:, 60 * HOP - 1, np.newaxis, np.newaxis]
    rest, _ = phase_cycles(f0_hz[:, 60:], HOP, RATE, end.astype(np.float64))
    error = rest - whole[:, 60:]
    np.testing.assert_allclose(error - np.round(error), 0.0, atol=1e-6)
