"""What several commands take as an argument."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddsp_core import io
from ddsp_core.errors import StorageError


def local_path(text: str) -> Path:
    """Return an argument as a path of this machine.

    Raises:
        argparse.ArgumentTypeError: It is an address such as `gs://...`.
    """
    try:
        return io.local_path(text)
    except StorageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
