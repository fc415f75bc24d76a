"""`AudioInfo`: what a file says about itself, and the errors of reading one."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ddsp_core.errors import AudioError, StorageError


class Decoder(enum.StrEnum):
    """The library that reads a file."""

    SNDFILE = "libsndfile"
    FFMPEG = "ffmpeg"


@dataclasses.dataclass(frozen=True)
class AudioInfo:
    """What a file says about itself before it is decoded.

    Args:
        path: The file.
        codec: Container and coding, such as "wav" or "aac".
        sample_rate: In Hz.
        n_channels: Channels.
        sample_format: How one sample is stored, such as "pcm_16" or "fltp".
        n_samples: The length per channel that the header claims, which is often
            wrong; None if it claims none. Only decoding counts (`scan`).
        seekable: True if decoding can start at any sample and gives the very samples
            that decoding from the start gives.
        decoder: The library that reads it.
        remark: What is odd about the file though it can be used; for people.
    """

    path: Path
    codec: str
    sample_rate: int
    n_channels: int
    sample_format: str
    n_samples: int | None
    seekable: bool
    decoder: Decoder
    remark: str = ""


class UnknownFormatError(AudioError):
    """A decoder does not recognise the file; another may."""


class DecodeError(AudioError):
    """A decoder failed part-way.

    Args:
        message: What happened.
        n_decoded: Samples per channel that were delivered before it.
    """

    def __init__(self, message: str, n_decoded: int) -> None:
        super().__init__(message)
        self.n_decoded = n_decoded


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's errors while `path` is read into typed ones.

    Raises:
        AudioError: The file is missing, a folder, or not readable for this user.
        StorageError: The disk or the network failed.
    """
    name = os.fspath(path)
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioError(
            f"{name!r} does not exist; was it moved or deleted?"
        ) from error
    except IsADirectoryError as error:
        raise AudioError(f"{name!r} is a folder; needed an audio file") from error
    except PermissionError as error:
        raise AudioError(
            f"{name!r} may not be read by this user; change its permissions"
        ) from error
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"reading {name!r}: {error.strerror or error}; check the disk or the"
            " network, then run the same command again"
        ) from error


def check_regular(path: Path) -> int:
    """Return the size of a regular file in bytes.

    Raises:
        AudioError: It is missing, empty, a folder, or a pipe or device, from which
            reading could wait for ever.
        StorageError: The disk or the network failed.
    """
    with reading(path):
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(
            f"{os.fspath(path)!r} is a pipe or device; needed an audio file"
        )
    if not status.st_size:
        raise AudioError(
            f"{os.fspath(path)!r} is empty (0 bytes); export or copy it again"
        )
    return status.st_size
