"""The feature store: features of a block under a digest of all that defines them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ddsp_core import io
from ddsp_core.features.extract import Features

_DIGEST_LENGTH = 32  # bytes of a sha256


def entry_key(
    source_key: str, block: int, versions: Mapping[str, str], frame_rate: int
) -> str:
    """Return the name of the features of one block.

    Args:
        source_key: Digest of the recording's samples.
        block: Number of the block on the grid from the recording's start.
        versions: Of each feature, and whatever else they depend on.
        frame_rate: In Hz.
    """
    parts = [source_key, str(block), str(frame_rate)]
    parts += [f"{name}={versions[name]}" for name in sorted(versions)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class FeatureStore:
    """Features in files, written whole or not at all; a damaged one counts as absent.

    Args:
        root: Local folder; made when the first entry is written.
        versions: Of each feature, and whatever else they depend on.
        frame_rate: In Hz.
    """

    def __init__(
        self, root: str | os.PathLike[str], versions: Mapping[str, str], frame_rate: int
    ) -> None:
        self._root = io.local_path(root)
        self._versions = dict(versions)
        self._frame_rate = frame_rate

    def path(self, source_key: str, block: int) -> Path:
        """Return where the features of a block are or would be."""
        key = entry_key(source_key, block, self._versions, self._frame_rate)
        return self._root / key[:2] / f"{key}.features"

    def get(self, source_key: str, block: int) -> Features | None:
        """Return the features of a block, or None if they are absent or damaged."""
        try:
            raw = self.path(source_key, block).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        digest, payload = raw[:_DIGEST_LENGTH], raw[_DIGEST_LENGTH:]
        if len(payload) % 12 or hashlib.sha256(payload).digest() != digest:
            return None
        rows = np.frombuffer(payload, "<f4").reshape(3, -1)
        return Features(*(row.copy() for row in rows))

    def put(self, source_key: str, block: int, features: Features) -> None:
        """Keep the features of a block.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        rows = (features.f0_hz, features.f0_confidence, features.loudness_db)
        payload = np.stack(rows).astype("<f4").tobytes()
        data = hashlib.sha256(payload).digest() + payload
        io.write_bytes(self.path(source_key, block), data)
