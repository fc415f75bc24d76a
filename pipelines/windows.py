"""`Starts`: where the windows of a recording start, in frames, kept small."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from ddsp_core.spec import ExampleSpec


class Starts(Sequence[int]):
    """Ascending numbers of frames, kept as few ranges.

    A recording of ten hours has 36,000 windows, mostly one hop apart: as ranges they
    travel between stages in some bytes.

    >>> Starts([0, 250, 500, 620])
    Starts([0, 250, 500, 620])
    >>> Starts([0, 250, 500, 620])[-1]
    620
    """

    __slots__ = ("_ends", "_ranges")

    def __init__(self, values: Iterable[int] = ()) -> None:
        ranges: list[range] = []
        for value in values:
            last = ranges[-1] if ranges else None
            if last is None or (len(last) > 1 and value != last[-1] + last.step):
                ranges.append(range(value, value + 1))
            elif len(last) == 1 and value > last[0]:
                ranges[-1] = range(last[0], value + 1, value - last[0])
            else:
                ranges[-1] = range(last[0], value + 1, last.step)
        self._ranges = tuple(ranges)
        self._ends = tuple(itertools.accumulate(len(part) for part in ranges))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> Starts: ...

    def __getitem__(self, index: int | slice) -> int | Starts:
        if isinstance(index, slice):
            return Starts(itertools.islice(self, *index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        part = bisect.bisect_right(self._ends, place)
        before = self._ends[part - 1] if part else 0
        return self._ranges[part][place - before]

    def __iter__(self) -> Iterator[int]:
        return itertools.chain.from_iterable(self._ranges)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Starts):
            return self._ranges == other._ranges
        return isinstance(other, tuple | list) and [*self] == [*other]

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __repr__(self) -> str:
        return f"Starts({[*self]})"


def window_starts(n_frames: int, spec: ExampleSpec) -> list[int]:
    """Return where the windows of a recording start.

    They lie on a grid from its start; one more ends with it if the grid leaves a tail.

    >>> window_starts(1100, ExampleSpec())
    [0, 100]
    """
    last = n_frames - spec.n_frames
    if last < 0:
        return []
    starts = list(range(0, last + 1, spec.example_hop))
    return starts if starts[-1] == last else [*starts, last]


def covered_frames(starts: Iterable[int], n_frames: int) -> list[tuple[int, int]]:
    """Return the stretches that windows of `n_frames` cover, as (start, stop).

    >>> covered_frames([0, 5, 30], 10)
    [(0, 15), (30, 40)]
    """
    stretches: list[tuple[int, int]] = []
    for start in starts:
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], start + n_frames)
        else:
            stretches.append((start, start + n_frames))
    return stretches


def covered_secs(starts: Iterable[int], spec: ExampleSpec) -> float:
    """Return how many seconds of a recording windows cover."""
    stretches = covered_frames(starts, spec.n_intervals)
    return sum(stop - start for start, stop in stretches) / spec.frame_rate
