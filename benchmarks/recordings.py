"""What the benchmark of preparation prepares: WAV files made of real or rendered notes.

The same arguments give the same files. No stretch of one is the copy of another: levels
differ, so that nothing is a duplicate.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from ddsp_core.audio.resample import resample

RATE = 44_100  # of most recordings that people have
FOLDERS = ("solo_sax_phrases", "solo_flute_render")


def sources(scratch: Path) -> list[Path]:
    """Return recordings to cut from: those of LUTHIER_TEST_DATA, or rendered ones."""
    data = os.environ.get("LUTHIER_TEST_DATA")
    if data:
        found = [
            p for name in FOLDERS for p in Path(data, "audio", name).glob("*.flac")
        ]
        return sorted(found)
    from pipelines.demo import make_recordings

    scratch.mkdir(parents=True, exist_ok=True)
    return make_recordings(scratch)


def write_minutes(folder: Path, found: list[Path], minutes: float) -> float:
    """Write recordings of a minute until there are so many; return the seconds."""
    folder.mkdir(parents=True)
    left, k = round(minutes * 60 * RATE), 0
    stretches = _stretches(found)
    while left > 0:
        n = min(left, 60 * RATE)
        _write(folder / f"{k:04d}.wav", stretches, n)
        left, k = left - n, k + 1
    return minutes * 60


def write_long(path: Path, found: list[Path], minutes: float) -> float:
    """Write one recording of any length, in bounded memory; return its seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, _stretches(found), round(minutes * 60 * RATE))
    return minutes * 60


def write_short(folder: Path, found: list[Path], n_files: int) -> float:
    """Write takes of 0.3 to 3 s; return the sum of their seconds."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    lengths = draw.uniform(0.3, 3.0, n_files) * RATE
    stretches = _stretches(found)
    for k, n in enumerate(lengths.astype(int)):
        _write(folder / f"{k:05d}.wav", stretches, int(n))
    return float(lengths.sum()) / RATE


def _write(path: Path, stretches: Iterator[np.ndarray], n_samples: int) -> None:
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while n_samples > 0:
            part = next(stretches)[:n_samples]
            file.write(part)
            n_samples -= len(part)


def _stretches(found: list[Path]) -> Iterator[np.ndarray]:
    """Yield the recordings in pieces, over and over, each time at another level."""
    draw = np.random.default_rng(0)
    while True:
        for path in found:
            gain = draw.uniform(0.3, 1.0)
            audio, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = resample(gain * audio.mean(axis=1), own_rate, RATE)
            for start in range(0, len(mono), RATE):
                yield mono[start : start + RATE]
