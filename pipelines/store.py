"""The feature store: features of a block under a digest of all that defines them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

import numpy as np

from ddsp_core import io
from ddsp_core.audio.measures import MEASURES_VERSION, AudioMeasures
from ddsp_core.features.extract import Features

_DIGEST_LENGTH = 32  # bytes of a sha256
_COUNT_LENGTH = 4  # bytes of a frame count


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

    Jobs may share a store at the same time: what two of them write under one name is
    the same.

    Args:
        root: Folder, local or on `gs://`; made when the first entry is written.
        versions: Of each feature, and whatever else they depend on.
        frame_rate: In Hz.
    """

    def __init__(
        self, root: str | os.PathLike[str], versions: Mapping[str, str], frame_rate: int
    ) -> None:
        self._root = os.fspath(root)
        self._versions = dict(versions)
        self._frame_rate = frame_rate

    @property
    def frame_rate(self) -> int:
        """Of the features, in Hz."""
        return self._frame_rate

    def path(self, source_key: str, block: int) -> str:
        """Return where the features of a block are or would be."""
        key = entry_key(source_key, block, self._versions, self._frame_rate)
        return io.join(self._root, key[:2], f"{key}.features")

    def get(self, source_key: str, block: int) -> Features | None:
        """Return the features of a block, or None if they are absent or damaged."""
        payload = read_entry(self.path(source_key, block))
        if payload is None or len(payload) % 12:
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
        write_entry(self.path(source_key, block), payload)

    def measures_path(self, source_key: str, block: int) -> str:
        """Return where the measures of a block's sound are or would be."""
        versions = {"measures": MEASURES_VERSION}
        key = entry_key(source_key, block, versions, self._frame_rate)
        return io.join(self._root, key[:2], f"{key}.measures")

    def get_measures(self, source_key: str, block: int) -> AudioMeasures | None:
        """Return the measures of a block, or None if they are absent or damaged."""
        payload = read_entry(self.measures_path(source_key, block))
        if payload is None:
            return None
        n_frames = int.from_bytes(payload[:_COUNT_LENGTH], "little")
        return AudioMeasures.from_bytes(payload[_COUNT_LENGTH:], n_frames)

    def put_measures(
        self, source_key: str, block: int, measures: AudioMeasures
    ) -> None:
        """Keep the measures of a block, whatever hears its pitch.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        count = len(measures.level).to_bytes(_COUNT_LENGTH, "little")
        write_entry(self.measures_path(source_key, block), count + measures.to_bytes())


def read_entry(path: str) -> bytes | None:
    """Return what `write_entry` wrote, or None if it is absent or damaged.

    Raises:
        StorageError: The network failed: what is there is not known.
    """
    try:
        raw = io.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    digest, payload = raw[:_DIGEST_LENGTH], raw[_DIGEST_LENGTH:]
    return payload if hashlib.sha256(payload).digest() == digest else None


def write_entry(path: str, payload: bytes) -> None:
    """Keep bytes behind their digest.

    Raises:
        StorageError: The disk is full or cannot be written.
    """
    io.write_bytes(path, hashlib.sha256(payload).digest() + payload)
