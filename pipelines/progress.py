"""How far a preparation is: workers leave counts in files, the launcher shows them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from ddsp_core.io import local_path

_LOGGER = logging.getLogger(__name__)
WRITE_EVERY_SECS: Final = 1.0
POLL_SECS: Final = 0.5
LINE_EVERY_SECS: Final = 10.0  # where there is no terminal: a log, not a bar


class ProgressWriter:
    """Counts of one worker, in a file of its own; losing them costs nothing.

    Args:
        directory: A local folder that the launcher polls.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._path = local_path(directory) / f"{os.getpid()}-{id(self)}.json"
        self._counts: Counter[str] = Counter()
        self._written = 0.0

    def add(self, name: str, amount: float) -> None:
        """Count, and tell the launcher about once a second."""
        self._counts[name] += amount  # type: ignore[assignment]
        if time.monotonic() - self._written > WRITE_EVERY_SECS:
            self.flush()

    def flush(self) -> None:
        """Tell the launcher now."""
        self._written = time.monotonic()
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._counts), encoding="utf-8")
            part.replace(self._path)


def read_progress(directory: str | os.PathLike[str]) -> dict[str, float]:
    """Return the sum of what all workers have counted so far."""
    total: Counter[str] = Counter()
    for path in local_path(directory).glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            total.update(json.loads(path.read_text(encoding="utf-8")))
    return dict(total)


class ProgressDisplay:
    """Shows the counts while the block runs: a bar on a terminal, else lines.

    Args:
        directory: Where the workers leave their counts.
        n_files: Files to be read.
    """

    def __init__(self, directory: str | os.PathLike[str], n_files: int) -> None:
        self._directory = Path(directory)
        self._n_files = n_files
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._shown = ""

    def __enter__(self) -> ProgressDisplay:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        bar = _bar() if sys.stderr.isatty() else None
        next_line = time.monotonic() + LINE_EVERY_SECS
        while not self._done.wait(POLL_SECS):
            text, share = describe(read_progress(self._directory), self._n_files)
            if bar is not None:
                bar.n = round(100 * share)
                bar.set_description_str(text)
            elif time.monotonic() >= next_line and text != self._shown:
                _LOGGER.info("%s", text)
                self._shown = text
                next_line = time.monotonic() + LINE_EVERY_SECS
        if bar is not None:
            bar.close()


def describe(counts: dict[str, float], n_files: int) -> tuple[str, float]:
    """Return a line for people and the share that is done of the present stage.

    >>> describe({"scanned": 2, "secs": 120, "measured_secs": 60}, 2)
    ('pitch and loudness: 1.0 of 2.0 min', 0.5)
    """
    scanned = int(counts.get("scanned", 0))
    secs, measured = counts.get("secs", 0.0), counts.get("measured_secs", 0.0)
    planned, written = counts.get("planned", 0), counts.get("written", 0)
    if planned:
        return f"writing: {written} of {planned} examples", min(1.0, written / planned)
    if measured and secs:
        share = min(1.0, measured / secs)
        return f"pitch and loudness: {measured / 60:.1f} of {secs / 60:.1f} min", share
    return f"reading: {scanned} of {n_files} files", scanned / max(1, n_files)


def _bar() -> Any:
    from tqdm import tqdm

    return tqdm(
        total=100,
        bar_format="{desc} |{bar}| {n:.0f} % {elapsed}",
        leave=False,
        dynamic_ncols=True,
    )
