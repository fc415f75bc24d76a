"""Writing of WAV files, whole or not at all."""

from __future__ import annotations

import os

import numpy as np
import soundfile

from ddsp_core.errors import AudioError, StorageError
from ddsp_core.io import replacing


def write_wav(
    path: str | os.PathLike[str],
    audio: np.ndarray,
    sample_rate: int,
    subtype: str = "PCM_24",
) -> None:
    """Write audio as WAV; integer formats clip what exceeds full scale.

    Args:
        path: Where; an existing file stays until the new one is complete.
        audio: [n_samples] or [n_samples, n_channels], in [-1, 1].
        sample_rate: In Hz.
        subtype: libsndfile's name of the sample format, such as "PCM_16" or "FLOAT".

    Raises:
        AudioError: A sample is NaN or infinite.
        StorageError: The disk is full or failed.
    """
    audio = np.asarray(audio, np.float32)
    bad = np.flatnonzero(~np.isfinite(audio).reshape(len(audio), -1).all(axis=1))
    if len(bad):
        raise AudioError(
            f"{os.fspath(path)!r}: {len(bad)} samples are NaN or infinite, the first at"
            f" {bad[0] / sample_rate:.3f} s; needed finite audio to write"
        )
    with replacing(path) as temporary:
        try:
            soundfile.write(temporary, audio, sample_rate, subtype, format="WAV")
        except soundfile.LibsndfileError as error:
            raise StorageError(
                f"writing {os.fspath(path)!r} failed; make room or choose another place"
            ) from error
