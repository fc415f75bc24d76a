"""Local copies of remote files: bounded on disk, shared by the threads of a process."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from ddsp_core.errors import StorageError
from ddsp_core.io.addresses import Entry, is_remote, local_path, name
from ddsp_core.io.disk import storage_errors
from ddsp_core.io.settings import setting

PREFIX: Final = "luthier-copies-"
LOCK_NAME: Final = "lock"


@contextlib.contextmanager
def local_copy(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a local path that holds a file's bytes, for as long as the block lasts.

    A local file is itself. A remote one is downloaded, checked by its crc32c, and kept
    for the next who asks for the same generation, until its room is needed: copies of
    one process take `LUTHIER_COPIES_GB` in the system's folder for temporary files,
    and are removed when it ends.

    Raises:
        FileNotFoundError: There is no such remote file.
        StorageError: The network or the disk failed, or the file is larger than all
            the room for copies.
    """
    if not is_remote(path):
        yield local_path(path)
        return
    from ddsp_core.io import gcs

    with _copies(os.getpid()).holding(gcs.entry(os.fspath(path))) as copy:
        yield copy


@dataclasses.dataclass
class _Copy:
    """One file: its place, its size, who reads it, and whether it has arrived."""

    path: Path
    size: int
    n_readers: int = 0
    arrived: threading.Event = dataclasses.field(default_factory=threading.Event)
    failed: BaseException | None = None


class _Copies:
    """The copies of one process, the longest unused first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies: OrderedDict[tuple[str, int], _Copy] = OrderedDict()
        self._changed = threading.Condition()
        self._mine = threading.local()

    @contextlib.contextmanager
    def holding(self, one: Entry) -> Iterator[Path]:
        """Yield the copy of a file, downloaded if need be."""
        copy, is_new = self._claim(one)
        try:
            if is_new:
                self._download(one, copy)
            copy.arrived.wait()
            if copy.failed is not None:
                raise copy.failed
            yield copy.path
        finally:
            self._release(copy)

    def _claim(self, one: Entry) -> tuple[_Copy, bool]:
        """Return the place of a copy, and whether it is to be filled."""
        limit = setting("LUTHIER_COPIES_GB") * 1e9
        if one.size > limit:
            raise StorageError(
                f"{one.path} has {one.size / 1e9:.3g} GB, copies of remote files may"
                f" take {limit / 1e9:.3g} GB; set LUTHIER_COPIES_GB in the environment"
                " to more, then run the same command again"
            )
        key = (one.path, one.version)
        with self._changed:
            while key not in self._copies and not self._has_room(one.size, limit):
                self._changed.wait()
            is_new = key not in self._copies
            if is_new:
                self._copies[key] = _Copy(self._place(one), one.size)
            copy = self._copies[key]
            self._copies.move_to_end(key)
            copy.n_readers += 1
            self._mine.n = getattr(self._mine, "n", 0) + 1
        return copy, is_new

    def _has_room(self, size: int, limit: float) -> bool:
        """Drop what nobody reads, the longest unused first, until there is room."""
        for key, copy in list(self._copies.items()):
            if self._used() + size <= limit:
                return True
            if not copy.n_readers:
                copy.path.unlink(missing_ok=True)
                del self._copies[key]
        # Who holds a copy already does not wait for himself.
        return self._used() + size <= limit or getattr(self._mine, "n", 0) > 0

    def _used(self) -> int:
        return sum(copy.size for copy in self._copies.values())

    def _place(self, one: Entry) -> Path:
        digest = hashlib.sha256(f"{one.path}\n{one.version}".encode()).hexdigest()[:16]
        # Decoders look at the extension, people at the name.
        return self._folder / f"{digest}-{name(one.path)[-100:]}"

    def _download(self, one: Entry, copy: _Copy) -> None:
        from ddsp_core.io import gcs

        try:
            with storage_errors(f"downloading {one.path} to {copy.path}"):
                try:
                    gcs.download(one, os.fspath(copy.path))
                except gcs.ChangedError as error:
                    raise FileNotFoundError(f"{one.path!r} has changed") from error
        except BaseException as error:
            copy.failed = error
            raise
        finally:
            copy.arrived.set()

    def _release(self, copy: _Copy) -> None:
        with self._changed:
            copy.n_readers -= 1
            self._mine.n -= 1
            if copy.failed is not None:
                copy.path.unlink(missing_ok=True)
                for key in [k for k, c in self._copies.items() if c is copy]:
                    del self._copies[key]
            self._changed.notify_all()


@functools.lru_cache(maxsize=1)
def _copies(pid: int) -> _Copies:
    """The copies of this process; a fork makes its own."""
    with storage_errors("making a folder for copies of remote files"):
        remove_left_copies()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = open(folder / LOCK_NAME, "w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(_leave, pid, folder, lock)
    return _Copies(folder)


def _leave(pid: int, folder: Path, lock: IO[str]) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def remove_left_copies() -> None:
    """Remove the copies of processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            with open(folder / LOCK_NAME, encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
