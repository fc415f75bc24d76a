"""`Found`: the rules by which a file in a folder is tried, refused or left out."""

from __future__ import annotations

import dataclasses
import os
from typing import Final

from ddsp_core import io
from pipelines.elements import Candidate, Rejected

# What libsndfile or PyAV open; found in a folder, anything else is not tried.
AUDIO_EXTENSIONS: Final = frozenset(
    ".aac .ac3 .aif .aifc .aiff .alac .amr .ape .au .avr .caf .dts .flac .m4a .m4b .mka"
    " .mp2 .mp3 .mp4 .mpc .oga .ogg .opus .ra .rf64 .snd .spx .tta .voc .w64 .wav .wave"
    " .webm .wma .wv".split()
)


@dataclasses.dataclass
class Found:
    """What was found so far; a path stands in one of both.

    Args:
        candidates: Files to be tried.
        rejected: Files and folders that are refused by their look.
    """

    candidates: dict[str, Candidate] = dataclasses.field(default_factory=dict)
    rejected: dict[str, Rejected] = dataclasses.field(default_factory=dict)

    def reject(self, path: str, reason: str, is_audio: bool = True) -> None:
        """Refuse a file or folder."""
        self.rejected[path] = Rejected(path, "find", reason, is_audio)

    def file(self, path: str, size: int, named: bool = False) -> None:
        """Take or refuse a file; one that was `named` is tried whatever its name."""
        name = io.name(path)
        if name.startswith(".") and not named:
            self.reject(path, "a hidden file", False)
        elif not has_audio_name(name) and not named:
            kind = _extension(name) or "no extension"
            self.reject(path, f"not an audio file ({kind})", False)
        elif size == 0:
            self.reject(path, "the file is empty (0 bytes)")
        else:
            self.candidates[path] = Candidate(path)

    def searches(self, folder: str) -> bool:
        """Is a folder searched? One with the name of an audio file is remarked on."""
        name = io.name(folder)
        if name.startswith("."):
            self.reject(folder, "a hidden folder is not searched", False)
            return False
        if has_audio_name(name):
            self.reject(folder, "a folder with the name of an audio file, not a file")
        return True

    def rows(self) -> tuple[list[Candidate], list[Rejected]]:
        """Return both, sorted by path."""
        for path in self.candidates:  # named as an input and met in a folder as well
            self.rejected.pop(path, None)
        return (
            [self.candidates[path] for path in sorted(self.candidates)],
            [self.rejected[path] for path in sorted(self.rejected)],
        )


def has_audio_name(name: str) -> bool:
    """Does a file name end as one of a recording?

    >>> has_audio_name("Take 1.WAV"), has_audio_name("notes.csv")
    (True, False)
    """
    return _extension(name) in AUDIO_EXTENSIONS


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
