"""What a feature store holds, and what of it no dataset needs any more."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ddsp_core import io
from ddsp_core.audio.blocks import n_blocks_for
from ddsp_core.errors import UsageError
from ddsp_core.io import Entry
from ddsp_core.manifest import DatasetManifest
from pipelines import directory
from pipelines.finish import REJECTED_NAME, SOURCES_NAME
from pipelines.scans import SUFFIX, ScanStore
from pipelines.store import FeatureStore
from pipelines.tfds_address import SCHEME
from pipelines.tfds_export import MEDIA_NAME

KINDS: Final = {".features": "features", ".measures": "measures", SUFFIX: "scans"}
# An entry, or what is left of one that was being written: nothing else is ever removed.
_OURS = re.compile(r"[0-9a-f]{2}/\.?[0-9a-f]{64}\.\w+(\.\w+)?")
# What a process that was killed left half-written; a living one is done in a day.
LEFT_OVER_SECS: Final = 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What was, or would be, removed.

    Args:
        n_files: Entries.
        n_bytes: Of them.
    """

    n_files: int
    n_bytes: int


def store_of(place: str) -> tuple[str, tuple[str, ...]]:
    """Return the store that a path means, and the dataset that it belongs to, if any.

    Args:
        place: A dataset directory, or the folder of a store.

    Raises:
        UsageError: It is neither.
    """
    if directory.has_manifest(place):
        return io.join(place, directory.STORE_NAME), (place,)
    if not io.is_dir(place):
        raise UsageError(
            f"{place!r} is neither a dataset directory nor a feature store; give the"
            " folder that `prepare --store` was given, or a dataset directory"
        )
    foreign = [name for name in io.names(place) if not _is_ours(name)]
    if foreign:
        raise UsageError(
            f"{place!r} is no feature store: it holds {foreign[0]!r}; nothing was done"
        )
    return place, ()


def contents(root: str) -> dict[str, dict[str, int]]:
    """Return files and bytes of each kind of entry."""
    found = {kind: {"files": 0, "bytes": 0} for kind in (*KINDS.values(), "media")}
    found["left over"] = {"files": 0, "bytes": 0}
    for entry in _entries(root):
        kind = found[_kind(entry, root)]
        kind["files"] += 1
        kind["bytes"] += entry.size
    return found


def prune(
    root: str,
    keep: Sequence[str],
    older_than_secs: float | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Remove what no dataset needs.

    Args:
        root: Of the store.
        keep: Dataset directories whose features stay.
        older_than_secs: Remove only what was last written so long ago, in seconds.
        dry_run: Only count.

    Raises:
        DatasetError: A dataset to be kept is not whole.
        UsageError: Neither a dataset nor an age is given, or ages in a bucket.
        StorageError: The disk or the network failed.
    """
    if not keep and older_than_secs is None:
        raise UsageError(
            "that would empty the store; say what to keep (--keep DATASET) or how old"
            " an entry must be to go (--older-than DAYS)"
        )
    if older_than_secs is not None and io.is_remote(root):
        raise UsageError(
            "--older-than works on a local store; give a bucket a lifecycle rule"
        )
    needed = set(_needed(root, keep))
    has_media = any(_has_media(one) for one in keep)
    removed = [
        entry
        for entry in _entries(root)
        if entry.path not in needed
        and not (has_media and _kind(entry, root) == "media")
        and _age_secs(entry, root) >= _least_age(entry, root, older_than_secs)
    ]
    for entry in removed if not dry_run else ():
        io.remove(entry.path)
    return Pruned(len(removed), sum(entry.size for entry in removed))


def _entries(root: str) -> Iterator[Entry]:
    """Yield what is a store's own."""
    media = io.join(root, MEDIA_NAME, "")
    start = len(io.join(root, ""))
    for entry in io.entries(root):
        if entry.path.startswith(media) or _OURS.fullmatch(entry.path[start:]):
            yield entry


def _needed(root: str, keep: Iterable[str]) -> Iterator[str]:
    """Yield the paths of all entries that datasets were made of."""
    scans = ScanStore(root)
    for place in keep:
        spec = DatasetManifest.load(place).spec
        versions = {"f0": spec.f0, "loudness": str(spec.loudness)}
        store = FeatureStore(root, versions, spec.frame_rate)
        for row in io.read_jsonl(io.join(place, SOURCES_NAME)):
            yield scans.path(row["file_sha256"])
            key = row["source_key"]
            for block in range(n_blocks_for(row["n_samples"], row["sample_rate"])):
                yield store.path(key, block)
                yield store.measures_path(key, block)


def _has_media(place: str) -> bool:
    """Does a dataset hold examples of TFDS, whose audio lies in the store?"""
    names = (SOURCES_NAME, REJECTED_NAME)
    rows: list[dict[str, Any]] = [
        row for name in names for row in io.read_jsonl(io.join(place, name))
    ]
    return any(str(row["source"]).startswith(SCHEME) for row in rows)


def _kind(entry: Entry, root: str) -> str:
    name = io.name(entry.path)
    if name.startswith("."):
        return "left over"
    if entry.path.startswith(io.join(root, MEDIA_NAME, "")):
        return "media"
    return KINDS.get(name[name.rfind(".") :], "left over")


def _age_secs(entry: Entry, root: str) -> float:
    """Seconds since it was written; of a bucket's objects it is not known."""
    return 0.0 if io.is_remote(root) else time.time() - entry.version / 1e9


def _least_age(entry: Entry, root: str, older_than_secs: float | None) -> float:
    if _kind(entry, root) == "left over" and not io.is_remote(root):
        return LEFT_OVER_SECS
    return older_than_secs or 0.0


def _is_ours(name: str) -> bool:
    """The folders of a store: two hex digits, or the media of TFDS."""
    is_hex = len(name) == 2 and set(name) <= set("0123456789abcdef")
    return is_hex or name == MEDIA_NAME
