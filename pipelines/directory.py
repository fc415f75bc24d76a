"""The output directory of a preparation: what may be there, and how it is replaced."""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ddsp_core import io
from ddsp_core.errors import DatasetError, StorageError, UsageError
from ddsp_core.manifest import MANIFEST_NAME, DatasetManifest
from ddsp_core.postprocessing.pickled import PICKLE_NAME
from ddsp_core.statistics import STATISTICS_NAME
from pipelines.finish import JOINED_NAME, REJECTED_NAME, SOURCES_NAME
from pipelines.tfds_folder import FEATURES_NAME, INFO_NAME

WORK_NAME: Final = ".prepare"
STORE_NAME: Final = ".features"
LOCK_NAME: Final = ".lock"
# Also what later versions and `luthier adopt` put beside the shards.
OUR_NAMES: Final = frozenset(
    {
        MANIFEST_NAME,
        SOURCES_NAME,
        REJECTED_NAME,
        JOINED_NAME,
        STATISTICS_NAME,
        PICKLE_NAME,
        FEATURES_NAME,
        INFO_NAME,
        "report.html",
    }
)
# What every preparation writes beside the shards and the manifest.
BESIDE_SHARDS: Final = (
    SOURCES_NAME,
    REJECTED_NAME,
    JOINED_NAME,
    STATISTICS_NAME,
    PICKLE_NAME,
    FEATURES_NAME,
    INFO_NAME,
)
_SHARD = re.compile(r"(train|eval)\.tfrecord-\d{5}-of-\d{5}")


def check_output(out: Path) -> None:
    """See that `out` is or can become a dataset directory.

    Raises:
        UsageError: It is a file, or holds what is not a dataset's.
    """
    if out.is_dir():
        foreign = sorted(path.name for path in out.iterdir() if not _is_ours(path.name))
        if foreign:
            raise UsageError(
                f"{out} holds other files ({foreign[0]!r} and {len(foreign) - 1} more);"
                " give --out a new or empty folder"
            )
    elif out.exists() or not _first_existing(out).is_dir():
        raise UsageError(f"--out {out} is not a folder and cannot become one")


def check_store(store: str | None) -> None:
    """See that the feature store is or can become a folder.

    Raises:
        UsageError: It cannot.
    """
    if store is None or "://" in store:
        return
    place = _first_existing(Path(store))
    if not place.is_dir():
        raise UsageError(
            f"--store {store} cannot be a folder: {place} is a file; give another place"
        )


@contextlib.contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Hold the output directory, made if need be, for one preparation at a time.

    Raises:
        StorageError: Another preparation is writing there.
    """
    is_new = not out.exists()
    with io.storage_errors(f"making {out}"):
        out.mkdir(parents=True, exist_ok=True)
        lock = open(out / LOCK_NAME, "w", encoding="utf-8")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another preparation is writing to {out}; wait until it has ended"
            ) from error
        try:
            yield
        finally:
            (out / LOCK_NAME).unlink(missing_ok=True)
            if is_new and not any(out.iterdir()):
                out.rmdir()


def present(out: Path) -> DatasetManifest | None:
    """Return the manifest of the dataset that is there, or None.

    Raises:
        DatasetError: `dataset.json` is there and damaged.
    """
    return DatasetManifest.load(out) if (out / MANIFEST_NAME).exists() else None


def go_on(out: Path) -> None:
    """Put a whole dataset in place that an interrupted preparation left in `out`."""
    work = out / WORK_NAME
    if (work / MANIFEST_NAME).exists():
        with contextlib.suppress(DatasetError):
            commit(work, out)


def commit(work: Path, out: Path) -> DatasetManifest:
    """Move the whole dataset in `work` to `out`, its manifest last.

    The old manifest goes first, so that nobody reads a mixture. Stopped half-way, it
    does the rest when called again.

    Raises:
        DatasetError: What is in `work` is not whole.
    """
    manifest = DatasetManifest.load(work)
    shards = [shard.name for shards in manifest.shards.values() for shard in shards]
    names = [*shards, *BESIDE_SHARDS]
    missing = [n for n in names if not ((work / n).exists() or (out / n).exists())]
    if missing:
        raise DatasetError(f"{work} lacks {missing[0]}; prepare the dataset again")
    with io.storage_errors(f"moving the dataset into {out}"):
        (out / MANIFEST_NAME).unlink(missing_ok=True)
        for name in names:
            if (work / name).exists():
                (work / name).replace(out / name)
        for path in out.iterdir():
            if _SHARD.fullmatch(path.name) and path.name not in shards:
                path.unlink()
        (work / MANIFEST_NAME).replace(out / MANIFEST_NAME)
    shutil.rmtree(work)
    return manifest


def leave_reasons(work: Path, out: Path) -> None:
    """Where no dataset came out and none was there: keep the list of reasons."""
    reasons = work / REJECTED_NAME
    if reasons.exists() and not (out / MANIFEST_NAME).exists():
        reasons.replace(out / REJECTED_NAME)


def _is_ours(name: str) -> bool:
    """Hidden names are ours or nobody's."""
    return (
        name in OUR_NAMES or name.startswith(".") or _SHARD.fullmatch(name) is not None
    )


def _first_existing(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
