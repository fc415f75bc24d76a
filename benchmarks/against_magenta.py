"""Times Luthier and Magenta's package in turn, and prints the ratios.

python -m benchmarks.against_magenta [--json FILE] [--cases NAME,...] [--runs N]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peer

ROOT = Path(__file__).parent.parent
LIBRARIES = {"magenta": "ddsp", "luthier": "ddsp_core"}
N_BOOTSTRAP = 2000
INTERVAL = (5.0, 95.0)  # percentiles: 90 %


@dataclasses.dataclass(frozen=True)
class Row:
    """What came of one case; times in ms, medians over the runs.

    Args:
        case: Its name.
        what: Its words.
        n_runs: Runs of each library, in turn.
        cpu_ms: Process CPU time of (Magenta, Luthier).
        wall_ms: Wall clock of both.
        peak_mb: Growth of the peak memory of both, first runs included.
        cpu_ratio: Magenta / Luthier.
        cpu_interval: 90 % of that ratio, by bootstrap over the pairs of runs.
        wall_ratio: Magenta / Luthier.
        wall_interval: Likewise.
    """

    case: str
    what: str
    n_runs: int
    cpu_ms: tuple[float, float]
    wall_ms: tuple[float, float]
    peak_mb: tuple[float, float]
    cpu_ratio: float
    cpu_interval: tuple[float, float]
    wall_ratio: float
    wall_interval: tuple[float, float]


def measure(case: str, pythons: dict[str, Path], n_runs: int, what: str) -> Row:
    """Time both libraries in turn, each in a process of its own."""
    workers = {name: _start(pythons[name], LIBRARIES[name], case) for name in LIBRARIES}
    try:
        peaks = [_answer(worker)["peak_growth_mb"] for worker in workers.values()]
        times: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for i in range(n_runs):
            order = list(workers) if i % 2 else list(reversed(workers))
            for name in order:
                times[name].append(_time(workers[name]))
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    columns = {
        kind: np.array([[t[kind] for t in times[name]] for name in LIBRARIES])
        for kind in ("cpu", "wall")
    }
    medians = {k: 1e3 * np.median(v, axis=1) for k, v in columns.items()}
    return Row(
        case=case,
        what=what,
        n_runs=n_runs,
        cpu_ms=tuple(medians["cpu"].tolist()),
        wall_ms=tuple(medians["wall"].tolist()),
        peak_mb=(peaks[0], peaks[1]),
        cpu_ratio=float(medians["cpu"][0] / medians["cpu"][1]),
        cpu_interval=interval(columns["cpu"]),
        wall_ratio=float(medians["wall"][0] / medians["wall"][1]),
        wall_interval=interval(columns["wall"]),
    )


def interval(times: np.ndarray) -> tuple[float, float]:
    """Return the 90 % interval of the ratio of medians.

    Args:
        times: Of both libraries, run by run, [2, n_runs].
    """
    draw = np.random.default_rng(0)
    picked = draw.integers(0, times.shape[1], [N_BOOTSTRAP, times.shape[1]])
    medians = np.median(times[:, picked], axis=-1)  # [2, n_bootstrap]
    low, high = np.percentile(medians[0] / medians[1], INTERVAL)
    return float(low), float(high)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for people."""
    head = [
        "Magenta → Luthier",
        "CPU ms",
        "CPU ratio (90 %)",
        "wall ms",
        "wall ratio (90 %)",
        "peak memory growth, MB",
        "runs",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = (
            row.what,
            _pair(row.cpu_ms),
            _ratio(row.cpu_ratio, row.cpu_interval),
            _pair(row.wall_ms),
            _ratio(row.wall_ratio, row.wall_interval),
            _pair(row.peak_mb),
            str(row.n_runs),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "n_cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases and print the table."""
    from benchmarks import cases

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it")
    parser.add_argument("--cases", help=f"of {', '.join(cases.CASES)}", metavar="NAME,")
    parser.add_argument("--runs", type=int, default=15, help="of each case")
    parser.add_argument(
        "--env", type=Path, default=peer.DEFAULT, help="of Magenta's package"
    )
    options = parser.parse_args(arguments)
    pythons = {
        "magenta": peer.peer_python(options.env),
        "luthier": Path(sys.executable),
    }
    names = options.cases.split(",") if options.cases else list(cases.CASES)
    rows = []
    for name in names:
        rows.append(measure(name, pythons, options.runs, cases.describe(name)))
        print(f"{rows[-1].what}: {rows[-1].cpu_ratio:.2f}x", file=sys.stderr)
    about = machine()
    print(table(rows))
    print("\n" + ", ".join(f"{key}: {value}" for key, value in about.items()))
    if options.json:
        found = {"machine": about, "rows": [dataclasses.asdict(r) for r in rows]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _start(python: Path, library: str, case: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(python), "-m", "benchmarks.worker", library, case],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        cwd=ROOT,
    )


def _answer(worker: subprocess.Popen[str]) -> dict[str, float]:
    assert worker.stdout  # noqa: S101 - it is a pipe
    line = worker.stdout.readline()
    if not line:
        command = " ".join(map(str, worker.args))  # type: ignore[arg-type]
        raise SystemExit(f"a worker ended early; run it by hand to see why: {command}")
    return json.loads(line)


def _time(worker: subprocess.Popen[str]) -> dict[str, float]:
    assert worker.stdin  # noqa: S101 - it is a pipe
    worker.stdin.write("run\n")
    worker.stdin.flush()
    return _answer(worker)


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:.0f} → {values[1]:.0f}"


def _ratio(ratio: float, bounds: tuple[float, float]) -> str:
    return f"{ratio:.1f} ({bounds[0]:.1f} to {bounds[1]:.1f})"


if __name__ == "__main__":
    main()
