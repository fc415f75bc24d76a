"""Runs cells of the table, each in a process of its own with a time limit.

TensorFlow is imported once and each cell's process is forked from there: before the
fork nothing has been computed, so no thread or device of TensorFlow's exists. Reads a
JSON list [element, mode, seconds] a line, and answers with a JSON dictionary.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from tests.conformance.modes.elements import ELEMENTS
from tests.conformance.modes.modes import MODES

N_DEVICES = 2


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        print(json.dumps(outcome(*json.loads(line))), file=answers, flush=True)


def outcome(element: str, mode: str, limit_secs: float) -> dict[str, Any]:
    """Run a cell in a fork.

    Returns:
        How long it took, 'error': None or the name of what was raised, 'bases': the
        names of its classes, 'message'.
    """
    start = time.monotonic()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _run(element, mode, writer)
    os.close(writer)
    content = _read(reader, limit_secs)
    is_over = content is None
    if is_over:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(reader)
    secs = round(time.monotonic() - start, 2)
    if is_over:
        return _failure(secs, "Hang", f"was killed after {limit_secs} s")
    if not content:
        return _failure(secs, "Crash", f"ended with status {status}")
    return {"secs": secs, **json.loads(content)}


def _failure(secs: float, error: str, message: str) -> dict[str, Any]:
    return {"secs": secs, "error": error, "bases": [], "message": message}


def _run(element: str, mode: str, writer: int) -> None:
    """Run a cell, write how it ended, and end the process."""
    result: dict[str, Any] = {"error": None, "bases": [], "message": ""}
    try:
        (cpu,) = tf.config.list_physical_devices("CPU")
        devices = [tf.config.LogicalDeviceConfiguration()] * N_DEVICES
        tf.config.set_logical_device_configuration(cpu, devices)
        MODES[mode](ELEMENTS[element])
    except BaseException as error:
        bases = [c.__name__ for c in type(error).__mro__]
        message = "".join(traceback.format_exception(error))
        result = {"error": bases[0], "bases": bases, "message": message}
    finally:
        with os.fdopen(writer, "w", encoding="utf-8") as stream:
            json.dump(result, stream)
        os._exit(0)


def _read(reader: int, limit_secs: float) -> str | None:
    """Read to the end, or None if that takes longer."""
    end, content = time.monotonic() + limit_secs, b""
    while True:
        remaining = max(0.0, end - time.monotonic())
        if not select.select([reader], [], [], remaining)[0]:
            return None
        chunk = os.read(reader, 65536)
        if not chunk:
            return content.decode()
        content += chunk


if __name__ == "__main__":
    main()
