"""Times `luthier prepare` beside Magenta's `ddsp_prepare_tfrecord`, in turn.

python -m benchmarks.preparation [--json FILE] [--runs N] [--part speed|memory|many]

Three parts: speed on some minutes of recordings, memory on a long file against a short
one, and many short files. CREPE is tiny in both libraries.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peer, process_tree, recordings
from benchmarks.against_magenta import interval, machine
from benchmarks.process_tree import Measured

ROOT = Path(__file__).parent.parent
START_SECS = 5.0  # of a recording that takes no longer than starting does
FLOORS = {"speed": 5.0, "real time": 10.0, "memory": 1.5, "memory, MB": 2048.0}
PEER_OPTIONS = "--runner=DirectRunner,--direct_num_workers={}"
MANY = ",--direct_running_mode=multi_processing"
# Beam metrics of ours that hold processor time, in ms.
CPU_METRIC = "cpu_"


@dataclasses.dataclass(frozen=True)
class Program:
    """One way to prepare.

    Args:
        name: For the table.
        library: 'magenta' or 'luthier'.
        workers: Processes.
        options: Further options of ours.
    """

    name: str
    library: str
    workers: int = 1
    options: tuple[str, ...] = ()


MAGENTA = Program("Magenta 3.7", "magenta")
LUTHIER = Program("Luthier", "luthier")
PROGRAMS = (
    MAGENTA,
    LUTHIER,
    Program("Luthier, f0 at every frame", "luthier", options=("--f0-step", "1")),
    Program("Magenta 3.7, 2 workers", "magenta", 2),
    Program("Luthier, 2 workers", "luthier", 2),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """What came of one program; medians over the runs.

    Args:
        name: Of the program.
        wall: Seconds of each run.
        cpu: Processor seconds of each run.
        peak_mb: Largest of the runs.
        start: Seconds that starting takes: the same on `START_SECS` of audio.
        start_cpu: The same in processor seconds.
        real_time: Audio seconds in a second, start-up included.
        real_time_inside: The same without start-up; 0 where that is all there is.
        shares: Of our processor time by stage; empty for Magenta.
    """

    name: str
    wall: list[float]
    cpu: list[float]
    peak_mb: float
    start: float
    start_cpu: float
    real_time: float
    real_time_inside: float
    shares: dict[str, float]


class Bench:
    """Runs programs on folders, each time as if for the first time.

    Args:
        scratch: Folder for recordings and datasets.
        environment: Folder of Magenta's environment.
    """

    def __init__(self, scratch: Path, environment: Path) -> None:
        self._scratch = scratch
        self._peer = environment

    def run(self, program: Program, folder: Path) -> Measured:
        """Prepare the recordings of a folder once."""
        out = self._scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        variables = os.environ | {
            "TF_USE_LEGACY_KERAS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CREPE_CAPACITY": "tiny",
        }
        command = self._command(program, folder, out)
        try:
            return process_tree.run(command, variables, ROOT)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def _command(self, program: Program, folder: Path, out: Path) -> list[str]:
        if program.library == "magenta":
            if not shutil.which("ffprobe"):
                raise SystemExit("Magenta's preparation calls ffprobe; install ffmpeg")
            python = peer.peer_python(self._peer)
            out.mkdir()
            options = PEER_OPTIONS.format(program.workers)
            return [
                str(python),
                str(python.parent / "ddsp_prepare_tfrecord"),
                f"--input_audio_filepatterns={folder}/*.wav",
                f"--output_tfrecord_path={out}/train.tfrecord",
                "--num_shards=2",
                f"--pipeline_options={options + MANY * (program.workers > 1)}",
            ]
        line = [sys.executable, "-m", "pipelines.cli", "prepare", str(folder), "--json"]
        line += ["--out", str(out), "--workers", str(program.workers)]
        return [*line, *program.options]


def speed(bench: Bench, scratch: Path, minutes: float, n_runs: int) -> dict[str, Any]:
    """Time all programs in turn on the same recordings."""
    found = recordings.sources(scratch / "notes")
    secs = recordings.write_minutes(scratch / "speed", found, minutes)
    recordings.write_minutes(scratch / "start", found, START_SECS / 60)
    starts = {p: bench.run(p, scratch / "start") for p in PROGRAMS}
    runs: dict[Program, list[Measured]] = {p: [] for p in PROGRAMS}
    for i in range(n_runs):
        for program in PROGRAMS if i % 2 else reversed(PROGRAMS):
            runs[program].append(bench.run(program, scratch / "speed"))
            one = runs[program][-1]
            text = f"{program.name}: {one.wall:.1f} s, {one.cpu:.1f} s of processor"
            print(text, file=sys.stderr, flush=True)
    rows = [_row(p, runs[p], starts[p], secs) for p in PROGRAMS]
    both = (MAGENTA, LUTHIER)
    ratios = {
        "start-up included": _ratio([[r.wall for r in runs[p]] for p in both]),
        "processor time": _ratio([[r.cpu for r in runs[p]] for p in both]),
        "processor time without start-up": _ratio(
            [[r.cpu - starts[p].cpu for r in runs[p]] for p in both]
        ),
    }
    return {
        "minutes": minutes,
        "rows": [dataclasses.asdict(row) for row in rows],
        "ratios": ratios,
    }


def memory(bench: Bench, scratch: Path, minutes: float) -> dict[str, Any]:
    """Measure the peak memory on a long recording and on one of 3 minutes."""
    found = recordings.sources(scratch / "notes")
    result: dict[str, Any] = {}
    for name, length in (("short", 3.0), ("long", minutes)):
        folder = scratch / name
        secs = recordings.write_long(folder / "take.wav", found, length)
        measured = bench.run(LUTHIER, folder)
        shutil.rmtree(folder)
        result[name] = {
            "minutes": length,
            "peak_mb": measured.peak_mb,
            "wall": measured.wall,
            "cpu": measured.cpu,
            "real_time": secs / measured.wall,
        }
    result["ratio"] = result["long"]["peak_mb"] / result["short"]["peak_mb"]
    return result


def many(bench: Bench, scratch: Path, n_files: int) -> dict[str, Any]:
    """Prepare many short files."""
    found = recordings.sources(scratch / "notes")
    secs = recordings.write_short(scratch / "many", found, n_files)
    measured = bench.run(LUTHIER, scratch / "many")
    result = json.loads(measured.out.strip().splitlines()[-1])
    return {
        "n_files": n_files,
        "n_sources": result["n_sources"],
        "minutes": secs / 60,
        "wall": measured.wall,
        "cpu": measured.cpu,
        "peak_mb": measured.peak_mb,
        "files_per_sec": n_files / measured.wall,
        "real_time": secs / measured.wall,
        "shares": shares(measured),
    }


def report(found: dict[str, Any]) -> str:
    """Return what was found as tables for people, with the floors."""
    lines: list[str] = []
    if "speed" in found:
        lines += _speed_lines(found["speed"])
    if "memory" in found:
        one, two = found["memory"]["short"], found["memory"]["long"]
        text = (
            f"memory: {one['peak_mb']:.0f} MB on {one['minutes']:g} min,"
            f" {two['peak_mb']:.0f} MB on {two['minutes']:g} min;"
            f" {two['real_time']:.1f} times real time on the long one"
        )
        lines += [
            "",
            text,
            floor("memory, long against short", found["memory"]["ratio"], "memory"),
            floor("peak on the long one, MB", two["peak_mb"], "memory, MB"),
        ]
    if "many" in found:
        one = found["many"]
        text = (
            f"{one['n_files']} files of {one['minutes']:.1f} min together:"
            f" {one['wall']:.0f} s, {one['files_per_sec']:.0f} files/s,"
            f" {one['cpu']:.0f} s of processor time, {one['peak_mb']:.0f} MB"
            f" ({_percent(one['shares'])})"
        )
        lines += ["", text]
    return "\n".join(lines)


def _speed_lines(found: dict[str, Any]) -> list[str]:
    head = ["", "min of audio per min", "without start-up", "CPU s per min of audio"]
    head += ["CPU s to start", "peak memory, MB", "processor time"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in found["rows"]:
        cells = [
            row["name"],
            f"{row['real_time']:.1f}",
            f"{row['real_time_inside']:.1f}",
            f"{np.median(row['cpu']) / found['minutes']:.1f}",
            f"{row['start_cpu']:.1f}",
            f"{row['peak_mb']:.0f}",
            _percent(row["shares"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for name, (ratio, low, high) in found["ratios"].items():
        lines.append(
            f"Magenta / Luthier, {name}: {ratio:.1f} ({low:.1f} to {high:.1f})"
        )
    ours = next(row for row in found["rows"] if row["name"] == PROGRAMS[-1].name)
    lines += [
        floor("times Magenta", found["ratios"]["start-up included"][0], "speed"),
        floor("times real time, 2 workers", ours["real_time"], "real time"),
    ]
    return lines


def floor(what: str, value: float, name: str) -> str:
    """Say if a floor holds; memory has ceilings."""
    limit = FLOORS[name]
    is_met = value <= limit if name.startswith("memory") else value >= limit
    word = "at most" if name.startswith("memory") else "at least"
    return f"{what}: {value:.2f}, {word} {limit:g}: {'held' if is_met else 'MISSED'}"


def _row(program: Program, runs: list[Measured], start: Measured, secs: float) -> Row:
    wall = float(np.median([one.wall for one in runs]))
    inside = wall - start.wall
    is_ours = program.library == "luthier"
    return Row(
        name=program.name,
        wall=[one.wall for one in runs],
        cpu=[one.cpu for one in runs],
        peak_mb=max(one.peak_mb for one in runs),
        start=start.wall,
        start_cpu=start.cpu,
        real_time=secs / wall,
        real_time_inside=(secs - START_SECS) / inside if inside > 0 else 0.0,
        shares=shares(runs[-1]) if is_ours else {},
    )


def shares(measured: Measured) -> dict[str, float]:
    """Return the share of each stage in the processor time that our metrics count."""
    metrics = json.loads(measured.out.strip().splitlines()[-1]).get("metrics", {})
    times = {
        name.removeprefix(CPU_METRIC).removesuffix("_ms"): value
        for name, value in metrics.items()
        if name.startswith(CPU_METRIC)
    }
    total = sum(times.values())
    return {name: value / total for name, value in times.items()} if total else {}


def _percent(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _ratio(times: list[list[float]]) -> tuple[float, float, float]:
    """Return the ratio of the medians, Magenta's over ours, and its 90 % interval."""
    theirs, ours = np.median(times, axis=1)
    return float(theirs / ours), *interval(np.array(times))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--part", choices=["speed", "memory", "many"], help="only one (default: all)")
    add("--json", type=Path, metavar="FILE", help="write all of it")
    add("--runs", type=int, default=3, help="of each program, for speed")
    add("--minutes", type=float, default=10.0, help="of recordings, for speed")
    add("--long", type=float, default=180.0, help="minutes of the long file")
    add("--files", type=int, default=2000, help="short files")
    add("--env", type=Path, default=peer.DEFAULT, help="of Magenta's package")
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        bench = Bench(scratch, options.env)
        if options.part in (None, "speed"):
            found["speed"] = speed(bench, scratch, options.minutes, options.runs)
        if options.part in (None, "memory"):
            found["memory"] = memory(bench, scratch, options.long)
        if options.part in (None, "many"):
            found["many"] = many(bench, scratch, options.files)
    print(report(found))
    print(
        "\n" + ", ".join(f"{key}: {value}" for key, value in found["machine"].items())
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
