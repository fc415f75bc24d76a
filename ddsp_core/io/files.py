"""Reading and writing files on a disk or in a bucket, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ddsp_core.io import disk
from ddsp_core.io.addresses import Entry, is_remote, join, local_path
from ddsp_core.io.copies import local_copy


def entry(path: str | os.PathLike[str]) -> Entry:
    """Return size and version of a file without reading it.

    Raises:
        FileNotFoundError: It is not there.
        StorageError: The disk or the network failed, or permissions lack; all
            functions here may raise it.
    """
    if is_remote(path):
        return _gcs().entry(os.fspath(path))
    return disk.entry(local_path(path))


def entries(folder: str | os.PathLike[str]) -> Iterator[Entry]:
    """Yield all files below a folder, at any depth, in the order of their names.

    Raises:
        UsageError: There is no such bucket.
    """
    if is_remote(folder):
        yield from _gcs().entries(os.fspath(folder))
    else:
        yield from disk.entries(local_path(folder))


def names(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of what stands right in a folder, sorted; none if it is not.

    Raises:
        UsageError: There is no such bucket.
    """
    if is_remote(folder):
        return list(_gcs().names(os.fspath(folder)))
    try:
        return sorted(os.listdir(local_path(folder)))
    except FileNotFoundError:
        return []


def is_file(path: str | os.PathLike[str]) -> bool:
    """Is there a file of this name?"""
    if not is_remote(path):
        return local_path(path).is_file()
    try:
        entry(path)
    except FileNotFoundError:
        return False
    return True


def is_dir(path: str | os.PathLike[str]) -> bool:
    """Is there a folder of this name? In a bucket that is one that holds something.

    Raises:
        UsageError: There is no such bucket.
    """
    if is_remote(path):
        return bool(_gcs().is_folder(os.fspath(path)))
    return local_path(path).is_dir()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary local path; put the file in place when the block succeeds.

    A reader sees the old file or the new one, never a part; on an error the old one
    stays as it was and the temporary one is removed.
    """
    if not is_remote(path):
        with disk.replacing(local_path(path)) as temporary:
            yield temporary
        return
    address = os.fspath(path)
    with (
        disk.storage_errors(f"writing {address}"),
        tempfile.TemporaryDirectory(prefix="luthier-") as folder,
    ):
        temporary = Path(folder, "upload")
        temporary.touch()
        yield temporary
        _gcs().upload(address, os.fspath(temporary))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all."""
    if is_remote(path):
        _gcs().write(os.fspath(path), data)
        return
    with disk.replacing(local_path(path)) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write readable JSON with sorted keys; NaN is refused, since JSON has none."""
    text = json.dumps(
        data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    write_text(path, text + "\n")


def write_jsonl(path: str | os.PathLike[str], rows: list[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    lines = (json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)
    # Names of any bytes come as surrogate escapes, written as \udcXX: nothing is lost.
    write_bytes(path, "".join(lines).encode(errors="backslashreplace"))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file.

    Raises:
        FileNotFoundError: It is not there.
    """
    if is_remote(path):
        data: bytes = _gcs().read(os.fspath(path))
        return data
    return local_path(path).read_bytes()


def read_range(path: str | os.PathLike[str], start: int, length: int) -> bytes:
    """Read `length` bytes of a file from byte `start`; fewer at its end.

    Raises:
        FileNotFoundError: It is not there.
    """
    if is_remote(path):
        data: bytes = _gcs().read(os.fspath(path), start, start + length)
        return data
    with open(local_path(path), "rb") as file:
        file.seek(start)
        return file.read(length)


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a UTF-8 file."""
    return read_bytes(path).decode()


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; `ValueError` if it is not JSON."""
    return json.loads(read_text(path))


def read_jsonl(path: str | os.PathLike[str]) -> list[Any]:
    """Read a file of one JSON object a line."""
    # Not splitlines: a name may hold U+2028 and its like, which JSON leaves alone.
    return [json.loads(line) for line in read_text(path).split("\n") if line]


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the hex sha256 of a file's bytes."""
    with local_copy(path) as local, open(local, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Move a file within one storage, over what is there; no bytes travel.

    In a bucket it is copied whole, then removed: stopped between, both are there.

    Raises:
        FileNotFoundError: It is not there.
    """
    if is_remote(source) and is_remote(target):
        _gcs().copy(os.fspath(source), os.fspath(target))
        _gcs().remove(os.fspath(source))
    else:
        disk.move(local_path(source), local_path(target))


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, where they are needed to write into."""
    if not is_remote(folder):
        with disk.storage_errors(f"making {os.fspath(folder)}"):
            local_path(folder).mkdir(parents=True, exist_ok=True)


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a file, if it is there."""
    if is_remote(path):
        _gcs().remove(os.fspath(path))
    else:
        disk.remove(local_path(path))


def remove_tree(folder: str | os.PathLike[str]) -> None:
    """Remove a folder and all in it, if it is there."""
    if not is_remote(folder):
        disk.remove_tree(local_path(folder))
        return
    for one in _gcs().entries(join(folder)):
        _gcs().remove(one.path)


def fingerprint(data: Any) -> str:
    """Return 16 hex digits that change when plain JSON values change."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _gcs() -> ModuleType:
    """Google's client takes a second to import: only who needs it waits."""
    from ddsp_core.io import gcs

    return gcs
