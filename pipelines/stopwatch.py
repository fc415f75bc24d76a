"""A stopwatch for processor time: what a step spends on each of its activities."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Adds up the processor time of this process, by activity.

    Threads that work side by side are counted in each other's time: the shares of a
    busy process are right, its sums too large.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def on(self, activity: str) -> Iterator[None]:
        """Count the block as time spent on an activity."""
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[activity] += time.process_time() - start  # type: ignore[assignment]

    def through(self, activity: str, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`, counting the time that it takes to make each.

        >>> watch = Stopwatch()
        >>> list(watch.through("decode", [1, 2])), list(watch.seconds)
        ([1, 2], ['decode'])
        """
        iterator = iter(items)
        while True:
            with self.on(activity):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item


class Spent:
    """What somebody who counts for a whole process has spent, told once to each asker.

    Args:
        seconds: By activity; goes on growing.
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds
        self._told: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self) -> Counter[str]:
        """Return what was added since anybody asked last.

        >>> seconds = {"f0": 1.0}
        >>> spent = Spent(seconds)
        >>> seconds["f0"] = 3.0
        >>> spent.take()["f0"], spent.take()["f0"]
        (3.0, 0.0)
        """
        with self._lock:
            now = Counter(dict(self._seconds))
            new = Counter({name: now[name] - self._told[name] for name in now})
            self._told = now
        return new
