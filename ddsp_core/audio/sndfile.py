"""The libsndfile decoder: wav, flac, aiff, ogg, mp3 and many more."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from ddsp_core.audio.info import (
    AudioInfo,
    DecodeError,
    Decoder,
    UnknownFormatError,
    reading,
)
from ddsp_core.errors import StorageError

# A failing read gives nothing, so at most this many good samples before it are lost.
READ_SAMPLES: Final = 1024
# Containers and codings in which every sample has its own place in the file; FLAC has
# exact seeking by design. Everything else carries state from one block to the next.
EXACT_CONTAINERS: Final = frozenset(
    "WAV WAVEX RF64 W64 AIFF AU CAF NIST SVX VOC AVR IRCAM".split()
)
EXACT_CODINGS: Final = frozenset(
    "PCM_S8 PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW".split()
)
NO_LENGTH: Final = 2**62  # libsndfile's "unknown" is the largest 64-bit number
# In libsndfile's log of a WAV or AIFF header: the bytes of samples it promises, and
# those that are there, where these are fewer.
DATA_SIZE: Final = re.compile(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)$", re.M)
STREAMED: Final = 2**31 - 2**16  # such a size means that it was not known when written
# A recorder that was cut off has not filled in the size: what follows is no chunk.
UNFINISHED: Final = re.compile(r"^data : 0\n(?:\*\*\* Unknown chunk|Have 0 )", re.M)
SYSTEM_ERROR: Final = 2  # libsndfile's SF_ERR_SYSTEM: the read itself failed


class _InOrder(soundfile.SoundFile):
    """A file read from front to end: no seek after each read, no trust in its size."""

    def seekable(self) -> bool:
        """Say no, else python-soundfile cuts reads at the header's length."""
        return False


def probe(path: Path) -> AudioInfo:
    """Return what the file's header says.

    Raises:
        UnknownFormatError: libsndfile cannot read it, or sees no samples in a file that
            its recorder never finished.
        AudioError: The file is missing, a folder, or not readable for this user.
        StorageError: The disk or the network failed.
    """
    with _opened(path) as file:
        log = file.extra_info
        if UNFINISHED.search(log):
            raise UnknownFormatError(
                f"{os.fspath(path)!r} says that it holds no samples, but data follow"
            )
        exact = file.format == "FLAC" or (
            file.format in EXACT_CONTAINERS and file.subtype in EXACT_CODINGS
        )
        return AudioInfo(
            path=path,
            codec=file.format.lower(),
            sample_rate=file.samplerate,
            n_channels=file.channels,
            sample_format=file.subtype.lower(),
            n_samples=file.frames if 0 <= file.frames < NO_LENGTH else None,
            seekable=exact,
            decoder=Decoder.SNDFILE,
            remark=_missing(log),
        )


def pieces(info: AudioInfo, start: int = 0) -> Iterator[np.ndarray]:
    """Yield the decoded samples in order, in small pieces.

    Args:
        info: Of a file that `probe` accepted.
        start: First sample; other than 0 only if `info.seekable`.

    Yields:
        Samples as stored, not clipped, [n, n_channels] float32, n > 0.

    Raises:
        DecodeError: The decoder failed after `n_decoded` samples.
        StorageError: The disk or the network failed.
    """
    n_decoded = 0
    with _opened(info.path) as file:
        try:
            if start:
                file.seek(start)
            while True:
                piece = file.read(READ_SAMPLES, dtype="float32", always_2d=True)
                if not len(piece):
                    return
                n_decoded += len(piece)
                yield piece
        except soundfile.LibsndfileError as error:
            _raise_if_system(error, info.path)
            raise DecodeError(
                "the file is damaged or cut short there", n_decoded
            ) from error


def _missing(log: str) -> str:
    """Say how much of what a header promises is there, if not all."""
    found = DATA_SIZE.search(log)
    if found is None or int(found[1]) >= STREAMED:
        return ""
    share = int(found[2]) / int(found[1])
    return f"the file ends after {share:.0%} of what its header promises"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a file; by descriptor, so that any file name works."""
    with contextlib.ExitStack() as stack:
        with reading(path):
            handle = stack.enter_context(open(path, "rb", buffering=0))
        try:
            file = stack.enter_context(_InOrder(handle.fileno(), closefd=False))
        except soundfile.LibsndfileError as error:
            _raise_if_system(error, path)
            raise UnknownFormatError(
                f"{os.fspath(path)!r} is not of a format that libsndfile reads"
            ) from error
        yield file


def _raise_if_system(error: soundfile.LibsndfileError, path: Path) -> None:
    if error.code == SYSTEM_ERROR:
        raise StorageError(
            f"reading {os.fspath(path)!r} failed; check the disk or the network, then"
            " run the same command again"
        ) from error
