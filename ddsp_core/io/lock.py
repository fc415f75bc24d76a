"""Locks that one process holds at a time: `flock` on a disk, a lease in a bucket."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ddsp_core.errors import StorageError
from ddsp_core.io.addresses import is_remote, local_path
from ddsp_core.io.disk import storage_errors

REFRESH_SECS: Final = 60.0
# Ten refreshes: a holder that is silent so long has died, or its network has.
STALE_SECS: Final = 600.0


@dataclasses.dataclass
class Lock:
    """A lock that is held.

    Args:
        path: Its file or object.
        lost: Why it is held no more; None while it is.
    """

    path: str
    lost: str | None = None

    def check(self) -> None:
        """See that the lock is still held, before what only its holder may do.

        Raises:
            StorageError: Another took it, since no refresh reached the bucket for long.
        """
        if self.lost is not None:
            raise StorageError(
                f"{self.path}: this lock was lost ({self.lost}); nothing was put in"
                " place; run the same command again"
            )


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], doing: str) -> Iterator[Lock]:
    """Hold a lock; its file is removed afterwards.

    Args:
        path: Of the lock's own file or object.
        doing: What only one may do, for the message: "preparing /data".

    Raises:
        StorageError: Another process holds it.
    """
    text = os.fspath(path)
    with _lease(text, doing) if is_remote(text) else _flock(text, doing) as lock:
        yield lock


@contextlib.contextmanager
def _flock(path: str, doing: str) -> Iterator[Lock]:
    with storage_errors(f"writing {path}"):
        file = open(local_path(path), "w", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another process is {doing}; wait until it has ended"
            ) from error
        try:
            yield Lock(path)
        finally:
            Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def _lease(address: str, doing: str) -> Iterator[Lock]:
    """Hold an object that only one can make, and that its holder keeps young."""
    lease = _Lease(address)
    lease.take(doing)
    keeper = threading.Thread(target=lease.keep, daemon=True)
    keeper.start()
    try:
        yield lease.lock
    finally:
        lease.end()
        keeper.join()


class _Lease:
    """An object with its holder's name in it, rewritten now and then."""

    def __init__(self, address: str) -> None:
        from ddsp_core.io import gcs

        self.lock = Lock(address)
        self._gcs = gcs
        self._token = uuid.uuid4().hex
        self._generation = 0
        self._refreshed = time.monotonic()
        self._ended = threading.Event()

    def take(self, doing: str) -> None:
        """Make the object, or take over one whose holder has died.

        Raises:
            StorageError: Another process holds it.
        """
        for _ in range(3):  # it may vanish or change hands while it is looked at
            with contextlib.suppress(self._gcs.ChangedError):
                return self._write()
            with contextlib.suppress(self._gcs.ChangedError, FileNotFoundError):
                owner = self._look()
                if owner["token"] == self._token:
                    return None
                age = max(time.time() - owner["time"], 0)
                if not (age > STALE_SECS or _has_died(owner)):
                    raise StorageError(
                        f"another process is {doing}: {owner['host']}, process"
                        f" {owner['pid']}, heard of {age:.0f} s ago; wait until it has"
                        f" ended, or {STALE_SECS:.0f} s if it was killed"
                    )
                return self._write()
        raise StorageError(f"another process is {doing}; wait until it has ended")

    def keep(self) -> None:
        """Refresh the object until the end, or until another has taken it."""
        while self.lock.lost is None and not self._ended.wait(REFRESH_SECS):
            try:
                self._refresh()
            except (self._gcs.ChangedError, FileNotFoundError):
                self.lock.lost = "another process took it"
            except StorageError as error:
                if time.monotonic() - self._refreshed > STALE_SECS / 2:
                    self.lock.lost = f"it could not be refreshed: {error}"

    def end(self) -> None:
        """Give the object up, if it is held."""
        self._ended.set()
        if self.lock.lost is None:
            self._gcs.remove(self.lock.path, self._generation)

    def _refresh(self) -> None:
        try:
            self._write()
        except self._gcs.ChangedError:
            # Perhaps by us: the answer was lost on the way, and the call repeated.
            if self._look()["token"] != self._token:
                raise

    def _write(self) -> None:
        """Write the object over the generation that was seen last."""
        data = json.dumps(_owner() | {"token": self._token}).encode()
        self._generation = self._gcs.replace(self.lock.path, data, self._generation)
        self._refreshed = time.monotonic()

    def _look(self) -> dict[str, Any]:
        """Return whose the object is, and remember its generation."""
        self._generation = self._gcs.entry(self.lock.path).version
        owner: dict[str, Any] = json.loads(self._gcs.read(self.lock.path))
        return owner


def _owner() -> dict[str, Any]:
    host = f"{socket.gethostname()}-{uuid.getnode():x}"
    return {"host": host, "pid": os.getpid(), "time": time.time()}


def _has_died(owner: dict[str, Any]) -> bool:
    """Did the holder run on this machine, and runs no more?"""
    if owner["host"] != _owner()["host"]:
        return False
    if owner["pid"] == os.getpid():  # a container was started again
        return True
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
