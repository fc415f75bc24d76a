"""Scans of files that were read before, by the content of the file.

A preparation that goes on, or is given one file more, hashes the files it knows and
decodes only the new ones.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Final

from ddsp_core import io
from ddsp_core.audio.scan import SCAN_REVISION, Scan
from ddsp_core.errors import AudioError
from pipelines.store import read_entry, write_entry

SUFFIX: Final = ".scan"
DECODERS: Final = ("soundfile", "av")  # another version may decode otherwise


def scan_name(file_sha256: str) -> str:
    """Return the name of the scan of a file in the store."""
    versions = [f"{one}={importlib.metadata.version(one)}" for one in DECODERS]
    parts = [file_sha256, str(SCAN_REVISION), *versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class ScanStore:
    """Scans in files beside the features.

    Args:
        root: Folder of the feature store, local or on `gs://`.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.fspath(root)

    def path(self, file_sha256: str) -> str:
        """Return where the scan of a file is or would be."""
        name = scan_name(file_sha256)
        return io.join(self._root, name[:2], f"{name}{SUFFIX}")

    def get(self, file_sha256: str, file: str) -> Scan | None:
        """Return the scan of a file as of its present path, or None if it is absent.

        Args:
            file_sha256: Of the file's bytes.
            file: Where the file lies now.
        """
        payload = read_entry(self.path(file_sha256))
        if payload is None:
            return None
        try:
            found = Scan.from_json(json.loads(payload))
        except (AudioError, ValueError):
            return None
        info = dataclasses.replace(found.info, path=Path(file))
        return dataclasses.replace(found, info=info)

    def put(self, file_sha256: str, scan: Scan) -> None:
        """Keep a scan; one that ended in an error names the path and is not kept.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        if scan.error is None:
            text = json.dumps(scan.to_json(), sort_keys=True)
            write_entry(self.path(file_sha256), text.encode())
