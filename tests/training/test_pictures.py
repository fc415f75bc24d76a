"""The spectrogram picture shows what is there, where it is."""

import numpy as np
import pytest

from training.pictures import spectrogram_figure

RATE = 16000


def panels(target, output):
    figure = spectrogram_figure(target, output, RATE, step=300)
    return figure, [axis for axis in figure.axes if axis.images]


def test_a_tone_is_brightest_at_its_frequency_from_its_start():
    time = np.arange(RATE) / RATE
    target = np.where(time < 0.5, 0, np.sin(2 * np.pi * 2000 * time))
    _, (axis, _) = panels(target, target)
    image = axis.images[0]
    pixels = np.asarray(image.get_array())  # [n_bins, n_frames]
    left, right, bottom, top = image.get_extent()
    n_bins, n_frames = pixels.shape
    row, column = np.unravel_index(np.argmax(pixels), pixels.shape)
    assert bottom + (row / (n_bins - 1)) * (top - bottom) == pytest.approx(2, abs=0.02)
    started = np.argmax(pixels.max(0) > -40) / (n_frames - 1) * (right - left)
    assert started == pytest.approx(0.5, abs=0.04)
    assert column > n_frames // 2


def test_a_quieter_reconstruction_is_darker_by_as_much():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    _, axes = panels(tone, tone / 10)
    target, output = (np.asarray(axis.images[0].get_array()) for axis in axes)
    assert target.max() == pytest.approx(0)
    assert output.max() == pytest.approx(-20, abs=0.1)


def test_silence_is_drawn_dark():
    silence = np.zeros(RATE)
    _, axes = panels(silence, silence)
    assert all(np.asarray(axis.images[0].get_array()).max() < -50 for axis in axes)


def test_axes_say_what_they_are():
    tone = np.sin(np.arange(RATE) / 3)
    figure, (target, output) = panels(tone, tone)
    assert (target.get_title(), output.get_title()) == (
        "target",
        "reconstruction at step 300",
    )
    assert output.get_xlabel() == "time (s)"
    assert target.get_ylabel() == output.get_ylabel() == "frequency (kHz)"
    assert target.get_xlim() == (0, 1)
    assert target.get_ylim() == (0, 8)
    (bar,) = [axis for axis in figure.axes if axis not in (target, output)]
    assert "dB" in bar.get_ylabel()
