"""Names of files and folders: local paths and `gs://bucket/key` alike."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Final

from ddsp_core.errors import StorageError, UsageError

SCHEME: Final = "gs://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file that is there, as its storage tells without reading it.

    Args:
        path: Path or address.
        size: In bytes.
        version: Changes whenever the bytes do: the time of the last change of a local
            file, in ns, or the generation of an object.
    """

    path: str
    size: int
    version: int


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Is this an address in a bucket?

    >>> is_remote("gs://bucket/flute"), is_remote("flute")
    (True, False)
    """
    return os.fspath(path).startswith(SCHEME)


def local_path(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a local path.

    Raises:
        StorageError: It is an address such as `gs://...`.
    """
    text = os.fspath(path)
    if "://" in text:
        raise StorageError(
            f"{text}: local paths only are read and written here; copy it to a"
            " local folder first (for example with `gcloud storage cp -r`)"
        )
    return Path(text)


def split(address: str) -> tuple[str, str]:
    """Return the bucket and the key of an address; a key may be empty.

    >>> split("gs://bucket/flute/a b#1.wav")
    ('bucket', 'flute/a b#1.wav')

    Raises:
        UsageError: It names no bucket, or holds bytes that no key can.
    """
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{address!r} names no bucket; needed gs://BUCKET/PATH")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{address!r} is not UTF-8, and the name of an object must be; check how"
            " it was typed"
        ) from error
    return bucket, key


def join(folder: str | os.PathLike[str], *names: str) -> str:
    """Return the path or address of something in a folder.

    >>> join("gs://bucket/flute/", "a.wav"), join("flute", "low", "a.wav")
    ('gs://bucket/flute/a.wav', 'flute/low/a.wav')
    """
    text = os.fspath(folder)
    if is_remote(text):
        return "/".join([text.rstrip("/"), *names])
    return os.path.join(text, *names)


def parent(path: str | os.PathLike[str]) -> str:
    """Return the folder that holds a file or folder.

    >>> parent("gs://bucket/flute/a.wav"), parent("a.wav")
    ('gs://bucket/flute', '.')
    """
    text = os.fspath(path)
    if not is_remote(text):
        return str(Path(text).parent)
    bucket, key = split(text)
    return f"{SCHEME}{bucket}/{key.rstrip('/')}".rpartition("/")[0]


def name(path: str | os.PathLike[str]) -> str:
    """Return the last part of a path or address.

    >>> name("gs://bucket/flute/"), name("flute/a.wav")
    ('flute', 'a.wav')
    """
    return os.fspath(path).rstrip("/").rpartition("/")[2]
