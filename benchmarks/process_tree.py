"""Runs a command and measures it with all its children: time, processor, memory."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

SAMPLE_SECS = 0.05  # between two looks at the memory


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a command took.

    Args:
        wall: Seconds from start to end.
        cpu: Seconds of processor time, user and system, of all its processes.
        peak_mb: Largest sum of the resident memory of all its processes, in MiB, seen
            every 50 ms. What processes share is counted for each.
        out: What it wrote to stdout.
    """

    wall: float
    cpu: float
    peak_mb: float
    out: str


class _Watch(threading.Thread):
    """Looks at a process and its children until it is told to stop."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._ended = threading.Event()
        self._cpu: dict[tuple[int, float], float] = {}
        self.peak = 0

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECS):
            total = 0
            with contextlib.suppress(psutil.Error):
                for one in [self._process, *self._process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error), one.oneshot():
                        total += one.memory_info().rss
                        times = one.cpu_times()
                        key = (one.pid, one.create_time())
                        self._cpu[key] = times.user + times.system
            self.peak = max(self.peak, total)

    def stop(self) -> float:
        """Return the processor seconds that all processes had when last seen."""
        self._ended.set()
        self.join()
        return sum(self._cpu.values())


def run(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Measured:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        environment: All of its environment.
        folder: It runs there.

    Raises:
        SystemExit: It failed; its last lines are shown.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        start = time.perf_counter()
        process = psutil.Popen(
            list(command), env=dict(environment), cwd=folder, stdout=out, stderr=error
        )
        watch = _Watch(process)
        watch.start()
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            cpu = watch.stop()
        wall = time.perf_counter() - start
        if code:
            error.seek(0)
            last = "".join(error.readlines()[-20:])
            raise SystemExit(
                f"{subprocess.list2cmdline(command)} ended with {code}:\n{last}"
            )
        out.seek(0)
        return Measured(wall, cpu, watch.peak / 2**20, out.read())
