"""The FFmpeg decoder (through PyAV): m4a, opus, wma and what libsndfile cannot read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from ddsp_core.audio.info import (
    AudioInfo,
    DecodeError,
    Decoder,
    UnknownFormatError,
    reading,
)

# Files only: FFmpeg also "reads" playlists, which would open other files or addresses.
CONTAINERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,aac,mp3,flac,wav,w64,aiff,au,caf,asf,amr,"
    "ape,wv,tta,tak,dsf,mpc,mpc8,ac3,eac3,dts,avi,mpegts,mpeg,flv,rm,oma,voc,xwma"
)
# Value of the largest step, and of zero, by FFmpeg's name of an integer sample.
INTEGER_SCALES: Final = {"u8": (128.0, 128), "s16": (2.0**15, 0), "s32": (2.0**31, 0)}


def probe(path: Path) -> AudioInfo:
    """Return what the container and the first decoded frame say.

    The header's rate is not enough: in HE-AAC the decoder doubles it.

    Raises:
        UnknownFormatError: FFmpeg cannot read it, or it has no sound in it.
        AudioError: The file is missing, a folder, or not readable for this user.
        StorageError: The disk or the network failed.
    """
    with reading(path), open(path, "rb") as file, _opened(file, path) as container:
        stream = container.streams.audio[0]
        codec = stream.codec_context
        rate, layout, form = codec.sample_rate, codec.layout, codec.format
        try:
            first = next(container.decode(stream), None)
        except av.error.FFmpegError as error:
            raise _unknown(path) from error
        if first is not None:
            rate, layout, form = first.sample_rate, first.layout, first.format
        if not rate or not layout.nb_channels or form is None:
            raise _unknown(path)
        secs = stream.duration and float(stream.duration * stream.time_base)
        return AudioInfo(
            path=path,
            codec=codec.name,
            sample_rate=rate,
            n_channels=layout.nb_channels,
            sample_format=form.name,
            n_samples=round(secs * rate) if secs else None,
            seekable=False,
            decoder=Decoder.FFMPEG,
        )


def pieces(info: AudioInfo) -> Iterator[np.ndarray]:
    """Yield the decoded samples in order, in small pieces.

    What an encoder put before time 0 (its priming) is left out, so that the samples
    line up with those of the recording that was encoded.

    Args:
        info: Of a file that `probe` accepted.

    Yields:
        Samples as decoded, not clipped, [n, n_channels] float32, n > 0.

    Raises:
        DecodeError: The decoder failed after `n_decoded` samples.
        StorageError: The disk or the network failed.
    """
    path, n_decoded = info.path, 0
    with reading(path), open(path, "rb") as file, _opened(file, path) as container:
        try:
            for frame in container.decode(container.streams.audio[0]):
                if frame.sample_rate != info.sample_rate or (
                    frame.layout.nb_channels != info.n_channels
                ):
                    raise DecodeError(
                        f"it changes there from {info.sample_rate} Hz and"
                        f" {info.n_channels} channels to {frame.sample_rate} Hz and"
                        f" {frame.layout.nb_channels}",
                        n_decoded,
                    )
                piece = _samples(frame)[_n_before_zero(frame) :]
                if len(piece):
                    n_decoded += len(piece)
                    yield piece
        except av.error.FFmpegError as error:
            raise DecodeError(
                "the file is damaged or cut short there", n_decoded
            ) from error


def _opened(file: Any, path: Path) -> Any:
    """Open a container that has sound in it."""
    try:
        container = av.open(
            file,
            options={"format_whitelist": CONTAINERS},
            metadata_errors="ignore",
        )
    except av.error.FFmpegError as error:
        raise _unknown(path) from error
    if not container.streams.audio:
        container.close()
        raise UnknownFormatError(f"{os.fspath(path)!r} has no sound in it")
    return container


def _unknown(path: Path) -> UnknownFormatError:
    return UnknownFormatError(
        f"{os.fspath(path)!r} is not of a format that FFmpeg reads"
    )


def _samples(frame: Any) -> np.ndarray:
    """Return the samples of a decoded frame, [n, n_channels] float32."""
    data = frame.to_ndarray()
    if frame.format.is_planar:
        data = data.T
    data = data.reshape(frame.samples, frame.layout.nb_channels)
    scale, zero = INTEGER_SCALES.get(frame.format.name.removesuffix("p"), (1.0, 0))
    if zero or scale != 1.0:
        data = (data.astype(np.float64) - zero) / scale
    return np.ascontiguousarray(data, np.float32)


def _n_before_zero(frame: Any) -> int:
    """Count the samples of a frame that lie before time 0."""
    if frame.pts is None or frame.pts >= 0:
        return 0
    return round(float(-frame.pts * frame.time_base * frame.sample_rate))
