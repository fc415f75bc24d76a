"""A recording's features as the store has them, and f0 without holes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from ddsp_core.errors import StorageError
from ddsp_core.features.continuous import (
    Beyond,
    continuous_f0,
    first_voiced,
    last_voiced,
)
from ddsp_core.features.extract import Features, sounding
from pipelines.elements import Recording
from pipelines.store import FeatureStore

FILL_REVISION: Final = 1  # grows whenever f0 would be filled differently


@dataclasses.dataclass(frozen=True)
class _Edges:
    """What the blocks around must know of one block."""

    n_frames: int
    first: Beyond | None
    last: Beyond | None


class StoredFeatures:
    """The features of one recording, block by block.

    What fills a gap may lie in another block, however long the rest between: the result
    does not depend on which block is asked for.

    Args:
        recording: Which.
        store: Has its features.
    """

    def __init__(self, recording: Recording, store: FeatureStore) -> None:
        self._recording = recording
        self._store = store
        self._edges: dict[int, _Edges] = {}

    def raw(self, index: int) -> Features:
        """Return the features of a block as they were computed.

        Raises:
            StorageError: They are gone.
        """
        features = self._store.get(self._recording.key, index)
        if features is None:
            raise StorageError(
                f"{self._recording.source!r}: features of block {index} are gone from"
                " the feature store; no dataset was written; run the same command again"
            )
        return features

    def filled(self, index: int) -> Features:
        """Return the features of a block with f0 filled where no note sounds.

        Raises:
            StorageError: Features are gone.
        """
        features = self.raw(index)
        f0_hz = continuous_f0(
            features.f0_hz,
            sounding(features),
            self._store.frame_rate,
            before=self._nearest("last", range(index - 1, -1, -1)),
            after=self._nearest("first", range(index + 1, self._recording.n_blocks)),
        )
        return dataclasses.replace(features, f0_hz=f0_hz)

    def _nearest(self, side: str, indices: Iterable[int]) -> Beyond | None:
        """Return the nearest frame with a pitch in the blocks on one side."""
        n_between = 0
        for index in indices:
            edges = self._edges_of(index)
            found: Beyond | None = getattr(edges, side)
            if found is not None:
                return Beyond(found.f0_hz, found.n_frames + n_between)
            n_between += edges.n_frames
        return None

    def _edges_of(self, index: int) -> _Edges:
        if index not in self._edges:
            features = self.raw(index)
            f0_hz, is_voiced = features.f0_hz, sounding(features)
            self._edges[index] = _Edges(
                len(f0_hz),
                first_voiced(f0_hz, is_voiced),
                last_voiced(f0_hz, is_voiced),
            )
        return self._edges[index]
