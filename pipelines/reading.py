"""A recording's file as a local one, wherever it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ddsp_core import io
from ddsp_core.audio.info import reading
from ddsp_core.errors import AudioError


@contextlib.contextmanager
def opened(file: str) -> Iterator[Path]:
    """Yield a local path with a file's bytes; errors name the file itself.

    What is on `gs://` is downloaded once for all that this process does with it, as
    long as there is room for it (`io.local_copy`).

    Raises:
        AudioError: There is no such file.
        StorageError: The disk or the network failed.
    """
    with contextlib.ExitStack() as stack:
        with reading(file):
            path = stack.enter_context(io.local_copy(file))
        if not io.is_remote(file):
            yield path
            return
        try:
            yield path
        except AudioError as error:
            raise AudioError(plain_name(str(error), path, file)) from error


def plain_name(text: str, path: Path, file: str) -> str:
    """Return a message about a local copy as one about the file it is of."""
    return text.replace(repr(str(path)), repr(file)).replace(str(path), file)
