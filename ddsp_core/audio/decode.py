"""Decoding of any audio file, in order and in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ddsp_core.audio import libav, sndfile
from ddsp_core.audio.info import (
    AudioInfo,
    DecodeError,
    Decoder,
    UnknownFormatError,
    check_regular,
    reading,
)
from ddsp_core.errors import AudioError
from ddsp_core.io import local_path

__all__ = ["AudioInfo", "DecodeError", "Decoder", "probe", "stream"]

CHUNK_SAMPLES: Final = 2**16  # 1.5 s at 44.1 kHz: small, and few Python steps a second
SNIFF_BYTES: Final = 2**12  # enough to tell text from data


def probe(path: str | os.PathLike[str]) -> AudioInfo:
    """Return what an audio file says about itself; nothing of it is trusted later.

    libsndfile is tried first, FFmpeg reads the rest. A valid file that holds no samples
    is not an error here.

    Args:
        path: A local file.

    Raises:
        AudioError: It is missing, a folder, empty, text, damaged, or of a format that
            nothing reads; the message says which.
        StorageError: The disk or the network failed.

    >>> probe("/")
    Traceback (most recent call last):
    ddsp_core.errors.AudioError: '/' is a folder; needed an audio file
    """
    local = local_path(path)
    check_regular(local)
    for decoder in (sndfile, libav):
        try:
            return decoder.probe(local)
        except UnknownFormatError:
            continue
    raise AudioError(_why_unknown(local))


def stream(
    path: str | os.PathLike[str],
    chunk_samples: int = CHUNK_SAMPLES,
    start: int = 0,
) -> Iterator[np.ndarray]:
    """Yield the samples of an audio file in order, in bounded memory.

    Nothing is clipped, resampled or replaced: samples over full scale and NaN come as
    they are stored.

    Args:
        path: A local file.
        chunk_samples: Samples per channel of all chunks but the last. The samples do
            not depend on it.
        start: First sample; other than 0 only if `probe(path).seekable`.

    Yields:
        Chunks of shape [n, n_channels], float32, n > 0.

    Raises:
        AudioError: As `probe`; or, after everything that could be decoded has been
            yielded, the decoder failed (`DecodeError`, whose `n_decoded` counts the
            samples that were yielded).
        StorageError: The disk or the network failed.
    """
    info = probe(path)
    if start and not info.seekable:
        raise AudioError(
            f"{os.fspath(path)!r} ({info.codec}) cannot be decoded from sample {start};"
            " start at 0"
        )
    is_sndfile = info.decoder is Decoder.SNDFILE
    pieces = sndfile.pieces(info, start) if is_sndfile else libav.pieces(info)
    waiting: list[np.ndarray] = []
    n_waiting = 0
    failure: DecodeError | None = None
    try:
        for piece in pieces:
            waiting.append(piece)
            n_waiting += len(piece)
            if n_waiting >= chunk_samples:
                ready = np.concatenate(waiting)
                n_whole = n_waiting - n_waiting % chunk_samples
                yield from np.split(ready[:n_whole], n_whole // chunk_samples)
                waiting, n_waiting = [ready[n_whole:]], n_waiting - n_whole
    except DecodeError as error:
        failure = error
    if n_waiting:
        yield np.concatenate(waiting)
    if failure is not None:
        secs = (start + failure.n_decoded) / info.sample_rate
        raise DecodeError(
            f"{os.fspath(path)!r} cannot be decoded beyond {secs:.2f} s: {failure}",
            failure.n_decoded,
        ) from failure


def _why_unknown(path: Path) -> str:
    """Say in a musician's words why no decoder takes the file."""
    with reading(path), open(path, "rb") as file:
        head = file.read(SNIFF_BYTES)
    name = os.fspath(path)
    if _is_text(head):
        return f"{name!r} holds text, not audio; was a note saved under its name?"
    if not any(head):
        return f"{name!r} holds only zero bytes, not audio; copy it again"
    return (
        f"{name!r} is not audio that can be decoded: its header is damaged or its"
        " format is unknown; convert or export it again as WAV or FLAC"
    )


def _is_text(head: bytes) -> bool:
    """Say if bytes are UTF-8 text; a character may be cut at their end."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return all(c.isprintable() or c in "\t\r\n\f" for c in text)
