"""Recordings made up for tests: with and without files."""

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile

from ddsp_core.audio.blocks import Scan
from ddsp_core.audio.info import AudioInfo, Decoder
from ddsp_core.features.extract import Features
from ddsp_core.spec import FEATURE_RATE, Padding
from pipelines.elements import BlockMeasures, Mask, Recording, Stamp

BLOCK_SECS = 20


def recording(name, n_samples, rate=16_000, seekable=True, nonfinite=(), error=None):
    """A recording without a file: what a scan would have said."""
    info = AudioInfo(
        Path(name), "wav", rate, 1, "pcm_16", n_samples, seekable, Decoder.SNDFILE
    )
    scan = Scan(
        info=info,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        n_samples=n_samples,
        peak=0.5,
        dc=0.0,
        n_nonfinite=sum(stop - start for start, stop in nonfinite),
        nonfinite=tuple(nonfinite),
        error=error,
    )
    return Recording(name, "0" * 64, Stamp(1, 1), scan)


def measures(one, loud, sounding, frame_rate=250):
    """Masks of a whole recording, cut into its blocks in reverse order."""
    size = BLOCK_SECS * frame_rate
    return [
        BlockMeasures(
            one.key,
            index,
            Mask.of(loud[index * size : (index + 1) * size]),
            Mask.of(sounding[index * size : (index + 1) * size]),
        )
        for index in reversed(range(-(-len(loud) // size)))
    ]


def melody(secs, rate, seed=0):
    """A tone that changes its pitch every half second, with overtones; float32."""
    rng = np.random.default_rng(seed)
    n = int(secs * rate)
    f0_hz = np.repeat(
        220 * 2 ** (rng.integers(0, 12, int(secs * 2) + 1) / 12), rate // 2
    )
    phase = 2 * np.pi * np.cumsum(f0_hz[:n] / rate)
    audio = sum(np.sin(k * phase) / k for k in range(1, 5)) * 0.2
    return audio.astype(np.float32)


def write(path, audio, rate, **options):
    """Write audio as the extension says."""
    soundfile.write(path, audio, rate, **options)
    return path


class FakeExtractor:
    """Features that tell where they come from: the RMS and the mean of each hop."""

    versions: ClassVar = {"f0": "crepe-tiny-viterbi/1", "loudness": "power-2022"}

    def __init__(self, frame_rate=250):
        self.frame_rate = frame_rate
        self.n_calls = 0

    def extract_blocks(self, blocks):
        return [self._extract(block) for block in blocks]

    def _extract(self, block):
        self.n_calls += 1
        audio_16k, n_before, n_core = block.audio_16k, block.n_before, block.n_core
        hop = FEATURE_RATE // self.frame_rate
        n_frames = n_core // hop
        core = audio_16k[n_before : n_before + n_frames * hop].reshape(n_frames, hop)
        rms = np.sqrt(np.mean(core**2, axis=1))
        if block.padding is Padding.CENTER:
            core, rms = np.append(core, core[-1:], axis=0), np.append(rms, rms[-1])
        is_tone = (rms > 1e-4).astype(np.float32)
        return Features(
            f0_hz=(440 + core.mean(axis=1)).astype(np.float32),
            f0_confidence=is_tone,
            loudness_db=(20 * np.log10(np.maximum(rms, 1e-4))).astype(np.float32),
        )
