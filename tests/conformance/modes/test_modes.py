"""Every element in every mode: it conforms, or is listed and raises what is listed.

Each cell runs in a process of its own with a time limit (`server.py`). A sample runs
with the other tests; the whole table is slow.
"""

from __future__ import annotations

import inspect
import json
import os
import queue
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ddsp_core import dags, effects, losses, processors, synths, training
from ddsp_core.nn.keras import Layer
from ddsp_core.training import models
from tests.conformance.modes.elements import ELEMENTS
from tests.conformance.modes.exceptions import EXCEPTIONS
from tests.conformance.modes.modes import MODES

ROOT = Path(__file__).parents[3]
N_SERVERS = 2
LIMIT_SECS = 300.0  # many times what the slowest takes, on a busy machine

Cell = tuple[str, str]  # element, mode
CELLS: list[Cell] = [(element, mode) for element in ELEMENTS for mode in MODES]
SAMPLE: list[Cell] = [
    ("Harmonic", "tf.function"),
    ("Harmonic", "jit"),
    ("Harmonic", "TFLite"),
    ("FilteredNoise", "two replicas"),
    ("FilteredNoise", "SavedModel"),
    ("Reverb learned", "unknown batch"),
    ("SpectralLoss", "tf.function without autograph"),
    ("KDEConsistencyLoss", "batch of 1"),
    ("FcStack", "jit"),
    ("Rnn gru", "jit"),
    ("RnnFcDecoder", "TFLite"),
    ("F0PowerPreprocessor", "eager"),
]
# Bases, of which elements are made, and what is not called with tensors.
NOT_ELEMENTS = {"Processor", "Loss", "DictLayer", "OutputSplitsLayer", "ZEncoder"}
NOT_ELEMENTS |= {"Dense", "Model", "Layer"}
CONFORMS = "conform"


class Servers:
    """Processes that run cells, and what came of each."""

    def __init__(self) -> None:
        self.outcomes: dict[Cell, str] = {}
        self._pool = ThreadPoolExecutor(N_SERVERS)
        self._idle: queue.Queue[subprocess.Popen[str]] = queue.Queue()
        self._futures: dict[Cell, Future[dict[str, Any]]] = {}

    def start(self, cells: list[Cell]) -> None:
        """Start the processes, and run cells as they become idle."""
        env = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        for _ in range(min(N_SERVERS, len(cells))):
            self._idle.put(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.conformance.modes.server"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    cwd=ROOT,
                    env=env,
                )
            )
        self._futures = {cell: self._pool.submit(self._run, cell) for cell in cells}

    def result(self, cell: Cell) -> dict[str, Any]:
        """Wait for a cell."""
        return self._futures[cell].result()

    def stop(self) -> None:
        """Drop what has not begun, and end the processes."""
        self._pool.shutdown(cancel_futures=True)
        while not self._idle.empty():
            server = self._idle.get()
            server.stdin.close()
            server.wait()
            server.stdout.close()

    def _run(self, cell: Cell) -> dict[str, Any]:
        server = self._idle.get()
        try:
            server.stdin.write(json.dumps([*cell, LIMIT_SECS]) + "\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())
        finally:
            self._idle.put(server)


@pytest.fixture(scope="module")
def servers(request):
    """Servers that have begun with all cells of this session."""
    items = [i for i in request.session.items if i.path == request.path]
    wanted = [i.callspec.params for i in items if hasattr(i, "callspec")]
    cells = [params["cell"] for params in wanted if "cell" in params]
    servers = Servers()
    servers.start(list(dict.fromkeys(cells)))
    yield servers
    servers.stop()


def check(servers: Servers, cell: Cell) -> None:
    """Compare how a cell ended with how it must end."""
    result, listed = servers.result(cell), EXCEPTIONS.get(cell)
    message = result["message"]
    where = f"{cell[0]}, {cell[1]}: {result['error']} after {result['secs']} s"
    where = f"{where}\n{message[-4000:]}"
    if listed is None:
        assert result["error"] is None, where
        servers.outcomes[cell] = CONFORMS
        return
    is_as_listed = listed.error in result["bases"] and listed.words in message
    assert is_as_listed, where
    servers.outcomes[cell] = f"raise {listed.error}: {listed.reason}"


@pytest.mark.parametrize("cell", SAMPLE, ids=" | ".join)
def test_a_sample_conforms(servers, cell):
    check(servers, cell)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=" | ".join)
def test_conforms(servers, cell):
    check(servers, cell)


@pytest.mark.slow
def test_the_counts(servers, capsys):
    """Says how many cells ended in which way; run it with the whole table."""
    if len(servers.outcomes) < len(CELLS):
        pytest.skip("only a part of the cells was run, or conforms")
    counts = Counter(servers.outcomes.values())
    with capsys.disabled():
        lines = [f"  {n:4d} {outcome}" for outcome, n in counts.most_common()]
        print(f"\n{len(CELLS)} cells:", *lines, sep="\n")  # noqa: T201
    assert counts[CONFORMS] == len(CELLS) - len(EXCEPTIONS)


def test_every_class_of_the_library_is_an_element():
    names = {name.split()[0] for name in ELEMENTS} | NOT_ELEMENTS
    modules = (dags, effects, losses, processors, synths, models)
    modules += (training.nn, training.encoders, training.decoders)
    modules += (training.preprocessing,)
    for module in modules:
        for name, value in vars(module).items():
            if inspect.isclass(value) and issubclass(value, Layer):
                assert name in names, f"{module.__name__}.{name}"


def test_what_is_listed_exists():
    assert set(EXCEPTIONS) <= set(CELLS)
    assert set(SAMPLE) <= set(CELLS)


@pytest.mark.parametrize("mode", ["a hang", "a crash"])
def test_a_cell_that_hangs_or_crashes_is_named_and_loses_no_other(mode):
    code = (
        "import os, time; from tests.conformance.modes import server;"
        " server.MODES |= {'a hang': lambda e: time.sleep(60),"
        " 'a crash': lambda e: os.abort(), 'none': lambda e: None};"
        " server.main()"
    )
    asked = "".join(json.dumps(["Add", name, 2.0]) + "\n" for name in (mode, "none"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["error"] == {"a hang": "Hang", "a crash": "Crash"}[mode]
    assert first["secs"] < 20
    assert second["error"] is None
