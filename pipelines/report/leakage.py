"""Is anything held out also trained on? Computed from the shards' own windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from ddsp_core.spec import ExampleSpec
from pipelines.elements import JoinedExample, ShardPlan

Ranges = dict[str, np.ndarray]
Pair = Sequence[int]


@dataclasses.dataclass(frozen=True)
class Leakage:
    """What the windows of both splits have in common.

    Args:
        n_ranges: Stretches of recordings that were compared.
        n_recordings: Recordings they are of, by content: copies are one.
        overlap_secs: Audio in both splits.
        nearest_secs: The least distance of a held-out stretch to a trained one in the
            same recording; None if no recording is in both splits.
    """

    n_ranges: int
    n_recordings: int
    overlap_secs: float
    nearest_secs: float | None


def leakage(shards: Iterable[ShardPlan], spec: ExampleSpec) -> Leakage:
    """Compare the sample ranges of both splits, recording by recording.

    Recordings are told apart by the digest of their samples, so a copy of a file under
    another name is the same recording here.
    """
    train: Ranges = {}
    held: Ranges = {}
    for shard in shards:
        for key, found in _ranges(shard, spec).items():
            side = held if shard.split == "eval" else train
            known = side.get(key, np.zeros((0, 2), np.int64))
            side[key] = _union(np.concatenate([known, found]))
    overlap, distances = 0, []
    for key in sorted(train.keys() & held.keys()):
        shared, distance = _between(train[key].tolist(), held[key].tolist())
        overlap += shared
        distances.append(distance)
    return Leakage(
        n_ranges=sum(map(len, train.values())) + sum(map(len, held.values())),
        n_recordings=len(train.keys() | held.keys()),
        overlap_secs=round(overlap / spec.frame_rate, 6),
        nearest_secs=round(min(distances) / spec.frame_rate, 6) if distances else None,
    )


def _ranges(shard: ShardPlan, spec: ExampleSpec) -> Ranges:
    """The stretches of each recording, in steps of time, [n, 2]."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for window in shard.windows:
        if isinstance(window, JoinedExample):
            for piece in window.pieces:
                stretch = (piece.start, piece.start + piece.n_frames)
                rows.setdefault(piece.place, []).append(stretch)
        else:
            place, start = window
            rows.setdefault(place, []).append((start, start + spec.n_intervals))
    return {
        shard.recordings[place].key: _union(np.array(found, np.int64))
        for place, found in rows.items()
    }


def _union(ranges: np.ndarray) -> np.ndarray:
    """Join stretches that touch; sorted."""
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ranges[:, 1])
    is_new = np.concatenate([[True], ranges[1:, 0] > reach[:-1]])
    stops = reach[np.concatenate([is_new[1:], [True]])]
    return np.stack([ranges[is_new, 0], stops], axis=1)


def _between(one: Sequence[Pair], other: Sequence[Pair]) -> tuple[int, int]:
    """Return how much two lists of stretches share, and their least distance."""
    shared, nearest, i, j = 0, None, 0, 0
    while i < len(one) and j < len(other):
        (a, b), (c, d) = one[i], other[j]
        shared += max(0, min(b, d) - max(a, c))
        gap = max(0, max(a, c) - min(b, d))
        nearest = gap if nearest is None else min(nearest, gap)
        if b <= d:
            i += 1
        else:
            j += 1
    return int(shared), int(nearest or 0)
