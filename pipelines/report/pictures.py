"""A clip as picture and sound, both as text that a page can hold."""

from __future__ import annotations

import base64
import io as memory
from typing import Final

import numpy as np
import soundfile
from matplotlib import patheffects
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import signal

from ddsp_core.features.extract import Features, sounding
from ddsp_core.spec import FEATURE_RATE

WINDOW: Final = 1024  # 64 ms at 16 kHz: partials of a low voice are apart
STEP: Final = 128
RANGE_DB: Final = 80.0
LOWEST_TOP_HZ: Final = 2000.0
PARTIALS_SHOWN: Final = 6  # of the highest note


def picture(audio_16k: np.ndarray, features: Features, frame_rate: int) -> str:
    """Return the spectrogram with f0 drawn over it, as a data URI of a PNG.

    Args:
        audio_16k: Mono at 16 kHz, [n_samples].
        features: Of the same stretch, [n_frames].
        frame_rate: In Hz.
    """
    _, _, spectrum = signal.stft(
        audio_16k, FEATURE_RATE, nperseg=WINDOW, noverlap=WINDOW - STEP
    )
    level_db = 20 * np.log10(np.abs(spectrum) + 1e-7)
    secs = len(audio_16k) / FEATURE_RATE
    notes = sounding(features)
    figure = Figure(figsize=(4.0, 2.4), dpi=160)
    axes = figure.subplots()
    axes.imshow(
        level_db,
        aspect="auto",
        origin="lower",
        extent=(0, secs, 0, FEATURE_RATE / 2),
        cmap="magma",
        vmin=level_db.max() - RANGE_DB,
        vmax=level_db.max(),
    )
    f0_hz = np.where(notes, features.f0_hz, np.nan)
    outline = patheffects.withStroke(linewidth=3.6, foreground="black")
    axes.plot(
        np.arange(len(f0_hz)) / frame_rate,
        f0_hz,
        color="#39e6c8",
        linewidth=1.8,
        path_effects=[outline],
    )
    highest = float(np.nanmax(f0_hz)) if notes.any() else 0.0
    top_hz = max(LOWEST_TOP_HZ, PARTIALS_SHOWN * highest)
    axes.set_ylim(0, min(top_hz, FEATURE_RATE / 2))
    axes.set_xlim(0, secs)
    axes.set_xlabel("s", fontsize=9)
    axes.set_ylabel("Hz", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    figure.tight_layout(pad=0.4)
    data = memory.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    return _uri("image/png", data.getvalue())


def sound(audio: np.ndarray, sample_rate: int) -> str:
    """Return audio as a data URI of a 16-bit FLAC file, clipped to full scale.

    Args:
        audio: Mono, [n_samples].
        sample_rate: In Hz.
    """
    data = memory.BytesIO()
    soundfile.write(
        data, np.clip(audio, -1.0, 1.0), sample_rate, format="FLAC", subtype="PCM_16"
    )
    return _uri("audio/flac", data.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
