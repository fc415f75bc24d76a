"""The output directory of a preparation: what may be there, and how it is replaced."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ddsp_core import io
from ddsp_core.errors import DatasetError, UsageError
from ddsp_core.manifest import (
    MANIFEST_NAME,
    NUMBERS_NAME,
    REPORT_NAME,
    DatasetManifest,
)
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
        REPORT_NAME,
        NUMBERS_NAME,
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
# What `luthier prepare` writes too, of a dataset and of why there is none.
OF_REPORT: Final = (REPORT_NAME, NUMBERS_NAME)
_SHARD = re.compile(r"(train|eval)\.tfrecord-\d{5}-of-\d{5}")


def check_output(out: str) -> None:
    """See that `out` is or can become a dataset directory.

    Raises:
        UsageError: It is a file, or holds what is not a dataset's; or its bucket is
            not there.
    """
    if io.is_remote(out) or os.path.isdir(out):
        foreign = [name for name in io.names(out) if not _is_ours(name)]
        if foreign:
            raise UsageError(
                f"{out} holds other files ({foreign[0]!r} and {len(foreign) - 1} more);"
                " give --out a new or empty folder"
            )
    elif os.path.exists(out) or not _first_existing(io.local_path(out)).is_dir():
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
def exclusive(out: str) -> Iterator[io.Lock]:
    """Hold the output directory, made if need be, for one preparation at a time.

    Raises:
        StorageError: Another preparation is writing there.
    """
    is_new = not io.is_dir(out)
    io.make_folder(out)
    try:
        with io.locked(io.join(out, LOCK_NAME), f"writing to {out}") as lock:
            yield lock
    finally:
        if is_new and not io.is_remote(out) and not io.names(out):
            os.rmdir(out)


def present(out: str) -> DatasetManifest | None:
    """Return the manifest of the dataset that is there, or None.

    Raises:
        DatasetError: `dataset.json` is there and damaged.
    """
    return DatasetManifest.load(out) if has_manifest(out) else None


def has_manifest(folder: str) -> bool:
    """Is there a `dataset.json`?"""
    return io.is_file(io.join(folder, MANIFEST_NAME))


def go_on(out: str, lock: io.Lock) -> None:
    """Put a whole dataset in place that an interrupted preparation left in `out`."""
    work = io.join(out, WORK_NAME)
    if has_manifest(work):
        with contextlib.suppress(DatasetError):
            commit(work, out, lock)


def commit(work: str, out: str, lock: io.Lock) -> DatasetManifest:
    """Move the whole dataset in `work` to `out`, its manifest last.

    The old manifest goes first, so that nobody reads a mixture. Stopped half-way, it
    does the rest when called again.

    Raises:
        DatasetError: What is in `work` is not whole.
        StorageError: The lock was lost, the disk or the network failed.
    """
    manifest = DatasetManifest.load(work)
    shards = [shard.name for shards in manifest.shards.values() for shard in shards]
    names = [*shards, *BESIDE_SHARDS]
    names += OF_REPORT if manifest.details.get("has_report") else ()
    new, old = set(io.names(work)), set(io.names(out))
    missing = [name for name in names if name not in new | old]
    if missing:
        raise DatasetError(f"{work} lacks {missing[0]}; prepare the dataset again")
    lock.check()
    with io.storage_errors(f"moving the dataset into {out}"):
        io.remove(io.join(out, MANIFEST_NAME))
        for name in names:
            if name in new:
                io.move(io.join(work, name), io.join(out, name))
        for name in old - set(names):
            if _SHARD.fullmatch(name) or name in OF_REPORT:
                io.remove(io.join(out, name))
        lock.check()
        io.move(io.join(work, MANIFEST_NAME), io.join(out, MANIFEST_NAME))
    io.remove_tree(work)
    return manifest


def leave_reasons(work: str, out: str) -> None:
    """Where no dataset came out and none was there: keep list of reasons and report."""
    if has_manifest(out):
        return
    for name in (REJECTED_NAME, *OF_REPORT):
        if io.is_file(io.join(work, name)):
            io.move(io.join(work, name), io.join(out, name))


def _is_ours(name: str) -> bool:
    """Hidden names are ours or nobody's."""
    return (
        name in OUR_NAMES or name.startswith(".") or _SHARD.fullmatch(name) is not None
    )


def _first_existing(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
