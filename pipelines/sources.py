"""Which files the inputs of a preparation name: each is a candidate or has a reason."""

from __future__ import annotations

import dataclasses
import glob
import os
import stat
from collections.abc import Iterable

from ddsp_core import io
from ddsp_core.errors import UsageError
from pipelines.buckets import find_objects
from pipelines.elements import Candidate, Rejected
from pipelines.found import Found, has_audio_name
from pipelines.tfds_address import is_tfds


@dataclasses.dataclass
class _Walk:
    """A search of folders on a disk.

    Args:
        found: Is added to.
        skip: Folder that is not searched.
        visited: Device and number of the folders that were.
    """

    found: Found
    skip: str | None
    visited: set[tuple[int, int]] = dataclasses.field(default_factory=set)


def divided(inputs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the inputs that are files, folders and globs, and those of TFDS."""
    inputs = list(inputs)
    examples = [one for one in inputs if is_tfds(one)]
    return [one for one in inputs if not is_tfds(one)], examples


def find_sources(
    inputs: Iterable[str], out: str | None = None
) -> tuple[list[Candidate], list[Rejected]]:
    """Expand files, folders and globs; nothing they name is lost in silence.

    Args:
        inputs: As given, local or on `gs://`. A path that exists is taken as it is,
            also if it looks like a glob.
        out: A folder that is not searched: the output of this preparation.

    Returns:
        Files to be tried, and files and folders that are refused by their look; both
        sorted by path, so that the order on disk and of the inputs does not matter.

    Raises:
        UsageError: An input matches nothing.
        StorageError: A bucket cannot be read.
    """
    found = Found()
    is_local = out is not None and not io.is_remote(out)
    walk = _Walk(found, os.path.realpath(out) if out and is_local else None)
    for given in sorted(inputs):
        if io.is_remote(given):
            is_there = find_objects(given, found, skip=out)
        else:
            is_there = _find_files(os.fspath(io.local_path(given)), walk)
        if not is_there:
            raise UsageError(
                f"{given!r} matches no file or folder; check the name, and quote globs"
            )
    return found.rows()


def _find_files(text: str, walk: _Walk) -> bool:
    """Add what a path or glob names; return whether that is anything."""
    is_there = os.path.lexists(text)
    matches = [text] if is_there else sorted(glob.glob(text, recursive=True))
    for path in matches:
        if os.path.isdir(path):
            _search(path, walk)
        else:
            _look_at(path, walk.found, named=is_there)
    return bool(matches)


def _search(folder: str, walk: _Walk) -> None:
    """Look at all that a folder holds, at any depth; loops of links end here."""
    pending, found = [folder], walk.found
    while pending:
        path = pending.pop()
        try:
            status = os.stat(path)
            names = sorted(os.listdir(path))
        except OSError as error:
            found.reject(path, f"this folder cannot be read: {error.strerror}")
            continue
        if os.path.realpath(path) == walk.skip:
            continue
        if (status.st_dev, status.st_ino) in walk.visited:
            if os.path.islink(path):
                found.reject(path, "a link to a folder that is searched already", False)
            continue
        walk.visited.add((status.st_dev, status.st_ino))
        entries = [os.path.join(path, name) for name in names]
        for entry in entries:
            if not os.path.isdir(entry):
                _look_at(entry, found)
            elif os.path.realpath(entry) != walk.skip and found.searches(entry):
                pending.append(entry)


def _look_at(path: str, found: Found, named: bool = False) -> None:
    """Take or refuse one file; one that was `named` is tried whatever its name."""
    try:
        status = os.stat(path)
    except OSError as error:
        broken = os.path.islink(path) and not os.path.exists(path)
        reason = (
            "a link that leads nowhere" if broken else f"not readable: {error.strerror}"
        )
        found.reject(path, reason, has_audio_name(os.path.basename(path)))
        return
    if stat.S_ISREG(status.st_mode):
        found.file(path, status.st_size, named)
    else:
        found.reject(path, "neither a file nor a folder (a pipe, socket or device)")
