"""Files on a local disk, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ddsp_core.errors import StorageError
from ddsp_core.io.addresses import Entry


@contextlib.contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn failures of the disk or the network inside the block into `StorageError`.

    Args:
        doing: What was being done, for the message: "writing /data/x.json".
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
        raise  # the path is wrong, not the disk
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{doing}: {error.strerror or error}; make room or choose another place,"
            " then run the same command again"
        ) from error


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it when the block succeeds."""
    with storage_errors(f"writing {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        # mkstemp makes private files; the result is to be as readable as any other.
        os.chmod(name, 0o666 & ~_umask())
        try:
            yield Path(name)
            with open(name, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise


def entry(path: Path) -> Entry:
    """Return what is known of a file.

    Raises:
        FileNotFoundError: It is not there.
    """
    status = path.stat()
    return Entry(os.fspath(path), status.st_size, status.st_mtime_ns)


def entries(folder: Path) -> Iterator[Entry]:
    """Yield all files below a folder, at any depth; links to folders end there.

    A file that vanishes meanwhile is not listed.
    """
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            with contextlib.suppress(FileNotFoundError):
                yield entry(Path(path, name))


def move(source: Path, target: Path) -> None:
    """Rename a file, over what is there."""
    with storage_errors(f"moving {source} to {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with storage_errors(f"removing {path}"):
        path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it, if it is there."""
    with storage_errors(f"removing {folder}"), contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
