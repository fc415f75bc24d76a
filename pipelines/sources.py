"""Which files the inputs of a preparation name: each is a candidate or has a reason."""

from __future__ import annotations

import dataclasses
import glob
import os
import stat
from collections.abc import Iterable
from typing import Final

from ddsp_core import io
from ddsp_core.errors import UsageError
from pipelines.elements import Candidate, Rejected
from pipelines.tfds_address import is_tfds

# What libsndfile or PyAV open; found in a folder, anything else is not tried.
AUDIO_EXTENSIONS: Final = frozenset(
    ".aac .ac3 .aif .aifc .aiff .alac .amr .ape .au .avr .caf .dts .flac .m4a .m4b .mka"
    " .mp2 .mp3 .mp4 .mpc .oga .ogg .opus .ra .rf64 .snd .spx .tta .voc .w64 .wav .wave"
    " .webm .wma .wv".split()
)


@dataclasses.dataclass
class _Found:
    candidates: dict[str, Candidate] = dataclasses.field(default_factory=dict)
    rejected: dict[str, Rejected] = dataclasses.field(default_factory=dict)
    visited: set[tuple[int, int]] = dataclasses.field(default_factory=set)
    skip: str | None = None

    def reject(self, path: str, reason: str, is_audio: bool = True) -> None:
        self.rejected[path] = Rejected(path, "find", reason, is_audio)


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
        inputs: As given. A path that exists is taken as it is, also if it looks like a
            glob.
        out: A folder that is not searched: the output of this preparation.

    Returns:
        Files to be tried, and files and folders that are refused by their look; both
        sorted by path, so that the order on disk and of the inputs does not matter.

    Raises:
        UsageError: An input matches nothing.
    """
    found = _Found(skip=os.path.realpath(out) if out else None)
    for given in sorted(inputs):
        text = os.fspath(io.local_path(given))
        matches = (
            [text] if os.path.lexists(text) else sorted(glob.glob(text, recursive=True))
        )
        if not matches:
            raise UsageError(
                f"{given!r} matches no file or folder; check the name, and quote globs"
            )
        for path in matches:
            if os.path.isdir(path):
                _search(path, found)
            else:
                _look_at(path, found, named=text == path)
    for path in found.candidates:
        found.rejected.pop(path, None)  # named as an input and met in a folder as well
    return (
        [found.candidates[path] for path in sorted(found.candidates)],
        [found.rejected[path] for path in sorted(found.rejected)],
    )


def _search(folder: str, found: _Found) -> None:
    """Look at all that a folder holds, at any depth; loops of links end here."""
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
            status = os.stat(path)
            names = sorted(os.listdir(path))
        except OSError as error:
            found.reject(path, f"this folder cannot be read: {error.strerror}")
            continue
        if os.path.realpath(path) == found.skip:
            continue
        if (status.st_dev, status.st_ino) in found.visited:
            if os.path.islink(path):
                found.reject(path, "a link to a folder that is searched already", False)
            continue
        found.visited.add((status.st_dev, status.st_ino))
        entries = [os.path.join(path, name) for name in names]
        folders = [entry for entry in entries if os.path.isdir(entry)]
        pending += [entry for entry in folders if _is_searched(entry, found)]
        for entry in entries:
            if not os.path.isdir(entry):
                _look_at(entry, found)


def _is_searched(folder: str, found: _Found) -> bool:
    """Hidden folders are not; one with the name of an audio file is remarked on."""
    name = os.path.basename(folder)
    if os.path.realpath(folder) == found.skip:
        return False
    if name.startswith("."):
        found.reject(folder, "a hidden folder is not searched", False)
        return False
    if _extension(name) in AUDIO_EXTENSIONS:
        found.reject(folder, "a folder with the name of an audio file, not a file")
    return True


def _look_at(path: str, found: _Found, named: bool = False) -> None:
    """Take or refuse one file; one that was `named` is tried whatever its name."""
    name = os.path.basename(path)
    try:
        status = os.stat(path)
    except OSError as error:
        broken = os.path.islink(path) and not os.path.exists(path)
        reason = (
            "a link that leads nowhere" if broken else f"not readable: {error.strerror}"
        )
        found.reject(path, reason, _extension(name) in AUDIO_EXTENSIONS)
        return
    if not stat.S_ISREG(status.st_mode):
        found.reject(path, "neither a file nor a folder (a pipe, socket or device)")
    elif name.startswith(".") and not named:
        found.reject(path, "a hidden file", False)
    elif _extension(name) not in AUDIO_EXTENSIONS and not named:
        kind = _extension(name) or "no extension"
        found.reject(path, f"not an audio file ({kind})", False)
    elif status.st_size == 0:
        found.reject(path, "the file is empty (0 bytes)")
    else:
        found.candidates[path] = Candidate(path)


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
