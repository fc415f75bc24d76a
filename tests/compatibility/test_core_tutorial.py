"""The calls of Magenta's tutorial of core functions, with only the import changed."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import ddsp_core as ddsp

SAMPLE_RATE = 16000
RNG = np.random.default_rng(1)


def sine_table():
    wave = tf.sin(tf.linspace(0.0, 2.0 * np.pi, 2048))
    return wave[tf.newaxis, tf.newaxis, :]


def square_table():
    return tf.cast(sine_table() > 0.0, tf.float32) * 2.0 - 1.0


def magnitudes_of(audio):
    audio = np.asarray(audio, np.float64).reshape(-1)
    magnitude = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE), magnitude


def energy(audio, low_hz, high_hz):
    hz, magnitude = magnitudes_of(audio)
    return np.sum(magnitude[(hz >= low_hz) & (hz < high_hz)] ** 2)


# Generation.


def test_an_oscillator_bank_plays_its_frequencies():
    n_samples = 4 * SAMPLE_RATE
    amps = np.tile(np.linspace(0.3, 0.0, n_samples)[None, :, None], [1, 1, 3])
    frequencies = np.ones([1, n_samples, 1]) * np.array([[[220, 440, 660]]])
    audio = ddsp.core.oscillator_bank(frequencies, amps, SAMPLE_RATE).numpy()[0]
    # The reference's first sample is one step into the phase.
    time = np.arange(1, n_samples + 1) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (220, 440, 660))
    np.testing.assert_allclose(audio, amps[0, :, 0] * tones, atol=2e-3)


def test_a_bank_glides_over_resampled_frequencies():
    n_samples = 2 * SAMPLE_RATE
    ends = RNG.uniform(200, 4000, size=[2, 6])
    frames = np.linspace(*ends, 100)[np.newaxis]
    frequencies = ddsp.core.resample(frames, n_samples)
    assert frequencies.shape == (1, n_samples, 6)
    np.testing.assert_allclose(frequencies[0, 0], ends[0], rtol=1e-4)
    amps = np.full([1, n_samples, 6], 0.1)
    audio = ddsp.core.oscillator_bank(frequencies, amps, SAMPLE_RATE).numpy()[0]
    assert np.mean(audio**2) == pytest.approx(6 * 0.1**2 / 2, rel=0.1)
    low, high = ends.min() - 50, ends.max() + 50
    assert energy(audio, low, high) > 0.99 * energy(audio, 0, 8000)


def test_a_swarm_of_a_hundred_sinusoids_is_loud_in_the_middle():
    n_samples, n_ramp = 2 * SAMPLE_RATE, SAMPLE_RATE // 2
    amps = np.ones([1, n_samples, 1]) * np.logspace(0, -2, 100)
    amps[:, :n_ramp] *= np.logspace(-2, 0, n_ramp)[None, :, None]
    amps[:, -2000:] *= np.logspace(0, -2, 2000)[None, :, None]
    smooth = np.convolve(RNG.uniform(0.5, 1.5, n_samples), np.ones(2000) / 2000, "same")
    start = RNG.uniform(240.0, 280.0, size=10)
    frequencies = np.stack(
        [smooth[:, None] * hz * np.arange(1, 11) for hz in start], axis=-1
    ).reshape(1, n_samples, -1)
    audio = ddsp.core.oscillator_bank(frequencies, amps, SAMPLE_RATE)
    audio /= np.abs(audio).max()
    audio = audio.numpy()[0]
    assert audio.shape == (n_samples,) and np.isfinite(audio).all()
    assert np.std(audio[8000:24000]) > 5 * np.std(audio[:2000])


def test_a_sine_is_looked_up():
    n_cycles, n_samples = 440, SAMPLE_RATE
    phase = tf.linspace(0.0, float(n_cycles), n_samples) % 1.0
    got = ddsp.core.linear_lookup(phase[tf.newaxis, :, tf.newaxis], sine_table())
    # The table's last sample repeats its first, so it turns by a 2048th too slowly.
    expected = np.sin(np.linspace(0.0, 2 * np.pi * n_cycles, n_samples))
    assert got.shape == (1, n_samples)
    assert np.abs(got[0] - expected).max() < 5e-3
    bent = (tf.sin(np.pi * phase) + tf.linspace(0.0, 0.5, n_samples)) ** 2.0 % 1.0
    bent = ddsp.core.linear_lookup(bent[tf.newaxis, :, tf.newaxis], sine_table())
    assert np.abs(bent).max() <= 1.0 and np.std(bent) > 0.3


def test_tables_that_change_are_looked_up():
    n_secs = 1
    n_samples = n_secs * SAMPLE_RATE
    phase = tf.linspace(0.0, 110.0 * n_secs, n_samples) % 1.0
    tables = tf.concat([sine_table(), square_table()], axis=1)
    tables = 0.5 * ddsp.core.resample(tables, n_samples)
    audio = ddsp.core.linear_lookup(phase[tf.newaxis, :, tf.newaxis], tables).numpy()[0]
    assert audio.shape == (n_samples,) and np.abs(audio).max() <= 0.5 + 1e-6
    assert energy(audio[-4000:], 250, 8000) > 5 * energy(audio[:4000], 250, 8000)


def test_wavetable_synthesis_takes_frames():
    n_frames, n_samples = 100, SAMPLE_RATE
    frequencies = 110 * tf.linspace(1.5, 1.0, n_frames)[tf.newaxis, :, tf.newaxis]
    amplitudes = 0.5 * tf.linspace(0.7, 0.001, n_frames)[tf.newaxis, :, tf.newaxis]
    tables = tf.concat([sine_table(), square_table(), sine_table()], axis=1)
    tables = ddsp.core.resample(tables, n_samples)
    audio = ddsp.core.wavetable_synthesis(
        frequencies, amplitudes, tables, n_samples=n_samples, sample_rate=SAMPLE_RATE
    ).numpy()[0]
    level = [np.abs(part).max() for part in np.split(audio, 4)]
    assert level == sorted(level, reverse=True) and level[0] <= 0.35 + 1e-6


@pytest.mark.parametrize(
    "mod_rate, mod_ms, center_ms",
    [(0.25, 1.5, 0.0), (2.0, 1.0, 25.0), (1.0, 20.0, 0.0)],
    ids=["flanger", "chorus", "vibrato"],
)
def test_a_delay_line_of_varying_length(mod_rate, mod_ms, center_ms):
    n_samples = SAMPLE_RATE
    time = np.arange(n_samples) / SAMPLE_RATE
    audio = np.sin(2 * np.pi * 220 * time).astype(np.float32)[np.newaxis]
    delay_ms = mod_ms + center_ms
    max_length = int(SAMPLE_RATE / 1000.0 * delay_ms)
    turn = (np.sin(np.linspace(0.0, mod_rate * 2.0 * np.pi, n_samples)) + 1) / 2
    phase = turn * (mod_ms / delay_ms) + center_ms / delay_ms
    wet = ddsp.core.variable_length_delay(
        phase[np.newaxis, :, np.newaxis].astype(np.float32),
        audio,
        max_length=max_length,
    ).numpy()[0]
    delayed = time - phase * max_length / SAMPLE_RATE
    expected = np.where(delayed >= 0, np.sin(2 * np.pi * 220 * delayed), 0.0)
    np.testing.assert_allclose(wet[max_length:], expected[max_length:], atol=5e-3)


# Filtering.


def test_a_low_pass_sweep_lets_more_and_more_through():
    noise = RNG.uniform(-0.5, 0.5, [1, SAMPLE_RATE * 4])
    f_cutoff = np.linspace(0.0, 1.0, 200)[np.newaxis, :, np.newaxis]
    ir = ddsp.core.sinc_impulse_response(f_cutoff, 2048)
    filtered = ddsp.core.fft_convolve(noise, ir).numpy()[0]
    assert filtered.shape == (64000,)
    start, end = filtered[4000:12000], filtered[-12000:-4000]
    assert energy(start, 4000, 8000) < 1e-3 * energy(end, 4000, 7000)


@pytest.mark.parametrize(
    "arguments", [(4000, 2000, SAMPLE_RATE), (0.5, 2000), (0.5, 250)]
)
def test_a_brick_wall_is_steep(arguments):
    response = ddsp.core.sinc_impulse_response(*arguments).numpy().reshape(-1)
    hz, gain = scipy.signal.freqz(response, worN=4096, fs=SAMPLE_RATE)
    width_hz = 8 * SAMPLE_RATE / arguments[1]
    assert response.size == arguments[1] + 1
    np.testing.assert_allclose(np.abs(gain[hz < 4000 - width_hz]), 1, atol=0.02)
    assert np.abs(gain[hz > 4000 + width_hz]).max() < 0.02


def test_a_low_pass_removes_what_upsampling_adds():
    signal = ((np.linspace(0.0, 100.0, 10001) % 1.0) - 0.5).astype(np.float32)
    boxes = np.repeat(signal, 2)
    linear = ddsp.core.resample(signal[None, :, None], boxes.size)[0, :, 0].numpy()
    cutoff = tf.ones([1, 1, 1]) * 0.5
    clean = ddsp.core.sinc_filter(boxes[np.newaxis], cutoff, window_size=1024)[0]
    assert clean.shape == boxes.shape == linear.shape
    # As shares of the rate: what lies above the old Nyquist frequency.
    image = [energy(x, 4500, 8000) for x in (boxes, linear, clean)]
    assert image[1] < image[0] and image[2] < 1e-2 * image[0]


@pytest.mark.parametrize("window_size, tolerance", [(0, 0.02), (80, 0.1)])
def test_a_response_has_the_magnitudes_designed(window_size, tolerance):
    wanted = np.linspace(1.0, 0.001, 512)
    wanted += 0.1 * np.sin(np.linspace(0.0, 2.0 * np.pi * 8, 512))
    response = ddsp.core.frequency_impulse_response(
        wanted[np.newaxis, np.newaxis], window_size=window_size
    )
    _, gain = scipy.signal.freqz(response.numpy().reshape(-1), worN=511)
    error = np.abs(gain)[10:-10] - np.abs(wanted)[10:-11]
    assert np.abs(error).max() < tolerance


@pytest.mark.parametrize(
    "n_frequencies, window_size, depth",
    [(1000, None, 100.0), (32, 0, 10.0), (1000, 32, 2.0)],
)
def test_a_constant_filter_shapes_noise(n_frequencies, window_size, depth):
    noise = RNG.uniform(-0.5, 0.5, [1, 4 * SAMPLE_RATE]).astype(np.float32)
    bands = np.sin(np.linspace(0.0, 10.0, n_frequencies))[None, None] ** 4.0
    sizes = {} if window_size is None else {"window_size": window_size}
    audio = ddsp.core.frequency_filter(noise, bands.astype(np.float32), **sizes)
    assert audio.shape == noise.shape
    # A peak of the bands is at pi / 2, a zero at pi.
    peak, zero = (8000 * at / 10.0 for at in (np.pi / 2, np.pi))
    kept = energy(audio, peak - 100, peak + 100)
    assert kept > depth * energy(audio, zero - 100, zero + 100)


@pytest.mark.parametrize("n_frames", [250, 15])
def test_a_filter_varies_with_time(n_frames):
    noise = RNG.uniform(-0.5, 0.5, [1, 4 * SAMPLE_RATE]).astype(np.float32)
    frames = [
        np.sin(np.linspace(0.0, w, 1000)) ** 4 for w in np.linspace(4, 40, n_frames)
    ]
    bands = np.stack(frames)[np.newaxis].astype(np.float32)
    audio = ddsp.core.frequency_filter(noise, bands).numpy()[0]
    start = audio[: noise.size // n_frames]
    assert audio.shape == (noise.size,)
    # The first frame is fullest near 3140 Hz and empty near 6280 Hz.
    assert energy(start, 2900, 3400) > 10 * energy(start, 6000, 6500)


# Resampling.


@pytest.mark.parametrize("method", ["linear", "cubic", "window"])
@pytest.mark.parametrize("add_endpoint", [True, False])
def test_resampling_goes_through_the_points(method, add_endpoint):
    n_coarse, n_fine = 9, 16000
    n_intervals = n_coarse if add_endpoint else n_coarse - 1
    coarse = 1.0 - np.sin(np.linspace(0, np.pi, n_coarse))[None, :, None]
    n_fine -= n_fine % n_intervals  # windows are of whole samples
    fine = ddsp.core.resample(coarse, n_fine, method=method, add_endpoint=add_endpoint)
    assert fine.shape == (1, n_fine, 1)
    hop = n_fine // n_intervals
    got = fine.numpy()[0, ::hop, 0][:n_intervals]
    np.testing.assert_allclose(got, coarse[0, :n_intervals, 0], atol=2e-3)


def test_windows_never_overshoot():
    coarse = 1.0 - np.sin(np.linspace(0, np.pi, 5))[None, :, None]
    smooth = ddsp.core.upsample_with_windows(coarse, 16000, add_endpoint=False)
    again = ddsp.core.resample(coarse, 16000, method="window", add_endpoint=False)
    np.testing.assert_array_equal(smooth, again)
    assert smooth.numpy().min() >= -1e-6 and smooth.numpy().max() <= 1 + 1e-6
    held = ddsp.core.upsample_with_windows(coarse, 16000).numpy()[0, :, 0]
    np.testing.assert_allclose(held[-100:], coarse[0, -1, 0], atol=1e-3)


@pytest.mark.parametrize("add_endpoint, last", [(False, 1.0), (True, 8 / 9)])
def test_resampling_down_takes_points(add_endpoint, last):
    fine = 1.0 - np.sin(np.linspace(0, np.pi, 16000))[None, :, None]
    coarse = ddsp.core.resample(fine, 9, add_endpoint=add_endpoint).numpy()[0, :, 0]
    expected = 1.0 - np.sin(np.linspace(0, np.pi * last, 9))
    np.testing.assert_allclose(coarse, expected, atol=1e-3)
