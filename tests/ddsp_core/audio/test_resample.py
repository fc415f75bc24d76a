"""Resampling: no aliases, exact time, and the same block by block."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp_core.audio.blocks import Block
from ddsp_core.audio.resample import resample, resample_block
from ddsp_core.errors import AudioError

RATES = [44_100, 48_000, 22_050, 11_025, 8000, 96_000]
PAIRS = [(a, b) for b in (16_000, 44_100) for a in RATES if a != b]


def sine(hz, rate, secs):
    return np.sin(2 * np.pi * hz * np.arange(secs * rate) / rate).astype(np.float32)


def middle(audio):
    return audio[len(audio) // 4 : -len(audio) // 4]


@pytest.mark.parametrize(("rate_in", "rate_out"), [p for p in PAIRS if p[0] > p[1]])
def test_what_lies_above_the_new_nyquist_is_80_db_down(rate_in, rate_out):
    for hz in np.linspace(1.001 * rate_out / 2, 0.98 * rate_in / 2, 7):
        aliases = middle(resample(sine(hz, rate_in, 1), rate_in, rate_out))
        assert 20 * np.log10(np.abs(aliases).max() + 1e-12) < -80


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_a_sine_stays_the_sine_of_the_closed_form(rate_in, rate_out):
    for hz in (100.0, 997.0, 0.4 * min(rate_in, rate_out)):
        audio = resample(sine(hz, rate_in, 2), rate_in, rate_out)
        assert len(audio) == 2 * rate_out
        error = middle(audio) - middle(sine(hz, rate_out, 2))
        assert np.abs(error).max() < 1e-3  # so phase and level are within 1e-3


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_block_by_block_is_the_whole_within_1e_4(rate_in, rate_out):
    # Noise up to the Nyquist, the hardest; 7 s cut in blocks of 2 s with 1 s context.
    n_core = 2 * rate_in
    audio = np.random.default_rng(0).uniform(-1, 1, 7 * rate_in - 123)
    audio = audio.astype(np.float32)
    whole = resample(audio, rate_in, rate_out)
    parts = []
    for index, start in enumerate(range(0, len(audio), n_core)):
        begin, end = max(0, start - rate_in), min(start + n_core, len(audio))
        block = Block(
            index, audio[begin : end + rate_in], rate_in, start - begin, end - start
        )
        out, n_before, n_out = resample_block(block, rate_out)
        parts.append(out[n_before : n_before + n_out])
    joined = np.concatenate(parts)
    assert len(joined) == len(whole) == len(audio) * rate_out // rate_in
    assert np.abs(joined - whole).max() < 1e-4


def test_the_same_rate_changes_nothing():
    audio = np.random.default_rng(0).normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(resample(audio, 16_000, 16_000), audio)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_the_shortest_audio_has_the_length_of_the_rule(n):
    audio = np.ones(n, np.float32)
    assert len(resample(audio, 44_100, 16_000)) == n * 16_000 // 44_100
    assert len(resample(audio, 16_000, 44_100)) == n * 44_100 // 16_000


def test_stereo_is_refused_by_shape():
    with pytest.raises(AudioError, match=r"shape \(2, 5\)"):
        resample(np.zeros((2, 5), np.float32), 44_100, 16_000)
