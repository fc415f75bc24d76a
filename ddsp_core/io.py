"""Reading and writing files, whole or not at all.

The one place that turns a path into bytes outside Beam and TensorFlow. Local paths
work; `gs://` is recognised and refused by name, so that no command half-works on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ddsp_core.errors import StorageError


def local_path(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a local path.

    Raises:
        StorageError: It is an address such as `gs://...`.
    """
    text = os.fspath(path)
    if "://" in text:
        raise StorageError(
            f"{text}: this version reads and writes local paths only; copy it to a"
            " local folder first (for example with `gcloud storage cp -r`)"
        )
    return Path(text)


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
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block succeeds.

    A reader sees the old file or the new one, never a part; on an error the old one
    stays as it was and the temporary one is removed.
    """
    target = local_path(path)
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


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as temporary:
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


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a UTF-8 file."""
    return local_path(path).read_text(encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; `ValueError` if it is not JSON."""
    return json.loads(read_text(path))


def read_jsonl(path: str | os.PathLike[str]) -> list[Any]:
    """Read a file of one JSON object a line."""
    # Not splitlines: a name may hold U+2028 and its like, which JSON leaves alone.
    return [json.loads(line) for line in read_text(path).split("\n") if line]


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the hex sha256 of a file's bytes."""
    with open(local_path(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(data: Any) -> str:
    """Return 16 hex digits that change when plain JSON values change."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
