"""Pictures for the run's page."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

WINDOW_SECS = 0.064  # resolves the harmonics of a low note and keeps onsets sharp
LOWEST_DB = -80.0  # below the loudest point; less is not heard beside it
SILENCE_DB = -40.0  # of the transform: a target below it is drawn as silence


def spectrogram_figure(
    target: np.ndarray, output: np.ndarray, sample_rate: int, step: int
) -> Figure:
    """Draw the spectrogram of a recording above that of its reconstruction.

    Both share one scale of level, 0 dB being the target's loudest point, so that a
    reconstruction that is too quiet looks darker.

    Args:
        target: Audio, [n_samples].
        output: Audio of the same length.
        sample_rate: In Hz.
        step: Training steps so far, for the title.
    """
    size = 2 ** round(np.log2(WINDOW_SECS * sample_rate))
    levels = [_level_db(audio, size) for audio in (target, output)]
    top = max(float(levels[0].max()), SILENCE_DB)
    figure = Figure(figsize=(9, 6), dpi=110, layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    extent = (0, len(target) / sample_rate, 0, sample_rate / 2000)
    for axis, level_db, title in zip(
        axes, levels, ("target", f"reconstruction at step {step}"), strict=True
    ):
        image = axis.imshow(
            level_db.T - top,
            origin="lower",
            aspect="auto",
            extent=extent,
            vmin=LOWEST_DB,
            vmax=0,
            cmap="magma",
            interpolation="nearest",
        )
        axis.set_title(title)
        axis.set_ylabel("frequency (kHz)")
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, label="level (dB; 0 is the target's loudest)")
    return figure


def _level_db(audio: np.ndarray, size: int) -> np.ndarray:
    """Spectrogram in dB, [n_frames, n_bins]; time 0 is the centre of frame 0."""
    padded = np.pad(np.asarray(audio, np.float32), size // 2)
    power = np.abs(tf.signal.stft(padded, size, size // 4).numpy()) ** 2
    return 10 * np.log10(power + 1e-10)
