"""Inputs on `gs://`: objects, folders and globs, by the rules of files on a disk.

A bucket has no folders: one is what names have in common up to a `/`. So a whole
folder costs one listing, which also tells the sizes.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator

from ddsp_core import io
from pipelines.found import Found

_MAGIC = re.compile(r"[*?[]")


def find_objects(given: str, found: Found, skip: str | None = None) -> bool:
    """Add the objects that an address names: an object, a folder, or a glob.

    Args:
        given: The address. One that is there is taken as it is, also if it looks like a
            glob.
        found: Is added to.
        skip: A folder that is not searched: the output of this preparation.

    Returns:
        Is there any?

    Raises:
        UsageError: There is no such bucket.
        StorageError: The network failed or permissions lack.
    """
    is_there = False
    names_key = given.count("/") > 2 and not given.endswith("/")
    if names_key and io.is_file(given):
        found.file(given, io.entry(given).size, named=True)
        is_there = True
    if io.is_dir(given):
        _search(given.rstrip("/"), io.entries(given), found, skip)
        is_there = True
    return is_there or _glob(given, found, skip)


def _search(
    folder: str, entries: Iterable[io.Entry], found: Found, skip: str | None
) -> None:
    """Look at all objects below a folder; a hidden folder is left out as a whole."""
    searched: dict[str, bool] = {folder: True}

    def is_searched(path: str) -> bool:
        if path not in searched:
            above = is_searched(path.rpartition("/")[0])
            is_output = skip is not None and path == skip.rstrip("/")
            searched[path] = above and not is_output and found.searches(path)
        return searched[path]

    for one in entries:
        # An object whose name ends in a slash is how some tools mark a folder.
        if not one.path.endswith("/") and is_searched(one.path.rpartition("/")[0]):
            found.file(one.path, one.size)


def _glob(pattern: str, found: Found, skip: str | None) -> bool:
    """Add what a glob matches: objects as they are, folders to be searched."""
    magic = _MAGIC.search(pattern)
    if magic is None:
        return False
    # What stands before the first wildcard is listed, up to its last slash.
    top = pattern[: magic.start()].rpartition("/")[0]
    if top in ("gs:", "gs:/"):  # the bucket's own name is not searched for
        return False
    entries = list(io.entries(top))
    parts = pattern.removeprefix(f"{top}/").rstrip("/").split("/")
    matches: dict[str, io.Entry | None] = {}
    for one in entries:
        for path in _with_folders(one.path, top):
            if _is_match(path.removeprefix(f"{top}/").split("/"), parts):
                matches[path] = one if path == one.path else None
    if entries and _is_match([], parts):  # "**" is also the folder it begins in
        matches[top] = None
    for path, match in sorted(matches.items()):
        if match is None:
            below = [one for one in entries if one.path.startswith(f"{path}/")]
            _search(path, below, found, skip)
        elif not path.endswith("/"):
            found.file(path, match.size)
    return bool(matches)


def _with_folders(path: str, top: str) -> Iterator[str]:
    """Yield an object's address and those of the folders it is in, below `top`."""
    while len(path) > len(top):
        yield path
        path = path.rpartition("/")[0]


def _is_match(names: list[str], parts: list[str]) -> bool:
    """Does a path match, part by part, as `glob.glob(..., recursive=True)` has it?

    >>> _is_match(["a", "b", "c.wav"], ["**", "*.wav"])
    True
    """
    if not parts:
        return not names
    if parts[0] == "**":
        if _is_match(names, parts[1:]):
            return True
        is_open = bool(names) and not names[0].startswith(".")
        return is_open and _is_match(names[1:], parts)
    if not names:
        return False
    hidden = names[0].startswith(".") and not parts[0].startswith(".")
    fits = fnmatch.fnmatchcase(names[0], parts[0]) and not hidden
    return fits and _is_match(names[1:], parts[1:])
