"""Phase after a minute, at any rate, against extended precision."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import core, synths
from ddsp_core.dsp.phase import interpolate
from tests import signal_truth as truth

SECS = 60
RATES = [(16000, 250), (44100, 100), (48000, 250)]


def tone(hz, rate, start=0):
    """The last second of a minute, phase in extended precision."""
    n = np.arange(rate * (SECS - 1) + 1 - start, rate * SECS + 1 - start)
    cycles = n.astype(np.longdouble) * np.longdouble(np.float32(hz)) / rate % 1
    return np.sin(2 * np.pi * cycles).astype(np.float64)


@pytest.mark.parametrize(("rate", "frame_rate"), RATES)
def test_sinusoids_stay_in_tune_for_a_minute(rate, frame_rate):
    n_frames = SECS * frame_rate
    frequencies = tf.fill([1, n_frames, 1], 1234.567)
    synth = synths.Sinusoidal(SECS * rate, rate, amp_scale_fn=None, freq_scale_fn=None)
    audio = synth(tf.ones([1, n_frames, 1]), frequencies)[0, -rate:]
    assert truth.snr_db(audio, tone(1234.567, rate)) > 90


@pytest.mark.parametrize(("rate", "frame_rate"), RATES)
def test_sinusoids_given_at_audio_rate_stay_in_tune(rate, frame_rate):
    del frame_rate
    frequencies = tf.fill([1, SECS * rate, 1], 1234.567)
    audio = core.oscillator_bank(frequencies, tf.ones_like(frequencies), rate)
    assert truth.snr_db(audio[0, -rate:], tone(1234.567, rate)) > 90


@pytest.mark.parametrize(("rate", "frame_rate"), RATES)
def test_tables_stay_in_tune(rate, frame_rate):
    n_frames = SECS * frame_rate
    table = np.sin(2 * np.pi * np.arange(2**15) / 2**15)[np.newaxis]
    audio = core.wavetable_synthesis(
        tf.fill([1, n_frames, 1], 437.1),
        tf.ones([1, n_frames, 1]),
        table,
        SECS * rate,
        rate,
    )
    assert truth.snr_db(audio[0, -rate:], tone(437.1, rate, start=1)) > 90


@pytest.mark.parametrize("step", [0.0, 0.37])
def test_a_glide_of_a_minute_ends_where_it_should(step):
    """At 44.1 kHz, whose hop float32 cannot invert; also with uneven frames."""
    rate, n_frames = 44100, 6000
    n_samples = SECS * rate + (7 if step else 0)
    f0_hz = np.linspace(200, 900, n_frames)[np.newaxis, :, np.newaxis]
    f0_hz = f0_hz.astype(np.float32)
    audio, phase = core.streaming_harmonic_synthesis(
        f0_hz,
        np.ones_like(f0_hz),
        initial_phase=np.full([1, 1, 1], step),
        n_samples=n_samples,
        sample_rate=rate,
    )
    place = np.arange(n_samples) * n_frames / n_samples
    hz = np.interp(place, np.arange(n_frames), f0_hz[0, :, 0].astype(np.float64))
    exact = 2 * np.pi * np.cumsum(hz.astype(np.longdouble) / rate) + step
    expected = np.sin(exact[-rate:].astype(np.float64))
    assert truth.snr_db(audio[0, -rate:], expected) > 90
    off = (phase.numpy().item() - float(exact[-1] % (2 * np.pi))) % (2 * np.pi)
    assert min(off, 2 * np.pi - off) < 1e-6


def test_stretches_of_a_stream_are_the_whole():
    rng = np.random.default_rng(0)
    n_frames, hop = 3000, 320
    f0_hz = rng.uniform(200, 800, [1, n_frames, 1]).astype(np.float32)
    f0_hz = np.repeat(f0_hz[:, ::10], 10, axis=1)  # steps lie within stretches
    amplitudes = np.ones([1, n_frames, 3], np.float32)
    synthesis = tf.function(core.streaming_harmonic_synthesis, reduce_retracing=True)
    phase, parts = tf.zeros([1, 1, 1], tf.float64), []
    for k in range(0, n_frames, 10):
        part, phase = synthesis(
            tf.constant(f0_hz[:, k : k + 10]),
            tf.constant(amplitudes[:, :10]),
            initial_phase=phase,
            n_samples=10 * hop,
        )
        assert abs(phase.numpy()).max() < 4 * np.pi
        parts.append(part)
    hz = np.repeat(f0_hz[0, :, 0].astype(np.float64), hop)
    cycles = np.cumsum(hz.astype(np.longdouble) / 16000)
    exact = sum(np.sin((2 * np.pi * k * cycles).astype(np.float64)) for k in (1, 2, 3))
    got = np.concatenate([p[0] for p in parts])
    assert truth.snr_db(got[-16000:], exact[-16000:]) > 90


@pytest.mark.parametrize("n_samples", [1, 7, 20, 33, 200])
def test_interpolation_is_that_of_resample(n_samples):
    frames = np.random.default_rng(0).normal(size=(2, 20, 3)).astype(np.float32)
    got = interpolate(frames, n_samples)
    assert got.dtype == tf.float64
    np.testing.assert_allclose(got, core.resample(frames, n_samples), atol=1e-5)
