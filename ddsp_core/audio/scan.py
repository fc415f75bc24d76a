"""`scan`: one pass over a recording that finds its true length and its key."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import Final

import numpy as np

from ddsp_core.audio.decode import AudioInfo, DecodeError, probe, stream
from ddsp_core.spec import SOURCE_KEY_LENGTH

# A file of alternating good and bad samples must not fill the memory: beyond this many
# stretches the nearest are joined, so that a range may then hold good samples too.
MAX_NONFINITE_RANGES: Final = 256


@dataclasses.dataclass(frozen=True)
class Scan:
    """What one decoding of a whole recording found.

    Args:
        info: What the file says about itself.
        sha256: Hex digest over rate, channel count and the float32 samples.
        n_samples: Decoded length per channel, in samples at the file's rate.
        peak: Largest finite absolute sample of any channel; may exceed 1.
        dc: Mean of the finite samples of the mono mix.
        n_nonfinite: Samples of the mono mix that are NaN or infinite.
        nonfinite: Where they are: sorted, disjoint (start, stop) in samples at the
            file's rate, at most `MAX_NONFINITE_RANGES`; beyond that the nearest ranges
            are joined, so they always cover all non-finite samples.
        error: Why the decoder failed after `n_samples`, or None. What came before it
            is usable.
    """

    info: AudioInfo
    sha256: str
    n_samples: int
    peak: float
    dc: float
    n_nonfinite: int
    nonfinite: tuple[tuple[int, int], ...]
    error: str | None

    @property
    def source_key(self) -> str:
        """The recording's content as 32 hex digits: equal for equal samples."""
        return self.sha256[:SOURCE_KEY_LENGTH]


def scan(path: str | os.PathLike[str]) -> Scan:
    """Decode a recording once, in order, and report what is in it.

    Args:
        path: A local file.

    Raises:
        AudioError: The file cannot be opened as audio at all (`probe`).
        StorageError: The disk or the network failed.
    """
    info = probe(path)
    digest = hashlib.sha256(f"{info.sample_rate} {info.n_channels}\n".encode())
    n_samples, n_nonfinite, peak, total = 0, 0, 0.0, 0.0
    ranges = np.zeros((0, 2), np.int64)
    error: str | None = None
    try:
        for chunk in stream(path):
            digest.update(chunk.astype("<f4", copy=False).tobytes())
            mono = mono_mix(chunk)
            bad = ~np.isfinite(mono)
            if bad.any():
                n_nonfinite += int(bad.sum())
                ranges = _merged(np.concatenate([ranges, n_samples + _runs(bad)]))
            finite = np.abs(chunk[np.isfinite(chunk)])
            peak = max(peak, float(finite.max(initial=0.0)))
            total += float(mono[~bad].sum(dtype=np.float64))
            n_samples += len(chunk)
    except DecodeError as failure:
        error = str(failure)
    return Scan(
        info=info,
        sha256=digest.hexdigest(),
        n_samples=n_samples,
        peak=peak,
        dc=total / max(1, n_samples - n_nonfinite),
        n_nonfinite=n_nonfinite,
        nonfinite=tuple((int(start), int(stop)) for start, stop in ranges),
        error=error,
    )


def mono_mix(audio: np.ndarray) -> np.ndarray:
    """Return the mean of the channels.

    Args:
        audio: [n, n_channels] float32.

    Returns:
        [n] float32; not finite where any channel is not.

    >>> mono_mix(np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)).tolist()
    [0.5, 0.5]
    """
    if audio.shape[1] == 1:
        return audio[:, 0]
    # In float64, so that the sum of loud channels cannot overflow.
    return audio.mean(axis=1, dtype=np.float64).astype(np.float32)


def _runs(bad: np.ndarray) -> np.ndarray:
    """Return (start, stop) of the stretches of True, [n_runs, 2]."""
    edges = np.flatnonzero(np.diff(bad.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def _merged(ranges: np.ndarray) -> np.ndarray:
    """Join ranges that touch, and the nearest ones while there are too many."""
    gaps = ranges[1:, 0] - ranges[:-1, 1]
    n_extra = len(ranges) - MAX_NONFINITE_RANGES
    widest_joined = np.sort(gaps)[n_extra - 1] if n_extra > 0 else 0
    is_new = gaps > widest_joined
    starts = ranges[np.concatenate([[True], is_new]), 0]
    stops = ranges[np.concatenate([is_new, [True]]), 1]
    return np.stack([starts, stops], axis=1)
