"""The benchmark measures what it says; how fast anything is, no test asks."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import against_magenta as benchmark
from benchmarks import cases, preparation, process_tree, recordings


def test_the_interval_is_that_of_the_ratio_of_medians():
    rng = np.random.default_rng(0)
    times = np.stack([rng.normal(3.0, 0.1, 200), rng.normal(1.5, 0.05, 200)])
    low, high = benchmark.interval(times)
    assert 1.9 < low < 2.0 < high < 2.1
    assert benchmark.interval(np.array([[4.0, 4.0], [2.0, 2.0]])) == (2.0, 2.0)


def test_the_table_has_a_row_for_each_case():
    rows = [
        benchmark.Row(
            name, cases.describe(name), 3, (9, 3), (8, 2), (7, 1), 3, (2, 4), 4, (3, 5)
        )
        for name in cases.CASES
    ]
    lines = benchmark.table(rows).splitlines()
    assert len(lines) == len(cases.CASES) + 2
    assert len({line.count("|") for line in lines}) == 1
    assert "9 → 3 | 3.0 (2.0 to 4.0) | 8 → 2 | 4.0 (3.0 to 5.0) | 7 → 1" in lines[2]


@pytest.mark.slow
def test_two_workers_take_turns(monkeypatch):
    ours = {"magenta": "ddsp_core", "luthier": "ddsp_core"}
    monkeypatch.setattr(benchmark, "LIBRARIES", ours)
    pythons = dict.fromkeys(ours, Path(sys.executable))
    row = benchmark.measure("spectral_loss", pythons, 2, "loss")
    assert row.n_runs == 2
    assert min(*row.cpu_ms, *row.wall_ms, *row.peak_mb) > 0


def test_a_command_is_measured_with_its_children(tmp_path):
    child = "b = bytearray(200 << 20); import time; t = time.process_time()\n"
    child += "while time.process_time() < t + 0.5: pass"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    command = [sys.executable, "-c", parent + "; print('done')"]
    measured = process_tree.run(command, os.environ, tmp_path)
    assert measured.out == "done\n"
    assert measured.peak_mb > 200
    assert 0.4 < measured.cpu < measured.wall * (os.cpu_count() or 1)


def test_a_command_that_fails_is_not_measured(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such file')"]
    with pytest.raises(SystemExit, match="no such file"):
        process_tree.run(command, os.environ, tmp_path)


def test_recordings_are_as_long_as_they_are_said_to_be(tmp_path):
    source = tmp_path / "source.wav"
    rng = np.random.default_rng(0)
    soundfile.write(source, rng.uniform(-0.5, 0.5, 3 * 16_000), 16_000)
    made = {
        "minutes": recordings.write_minutes(tmp_path / "minutes", [source], 1.5),
        "long": recordings.write_long(tmp_path / "long" / "a.wav", [source], 0.2),
        "many": recordings.write_short(tmp_path / "many", [source], 5),
    }
    for name, secs in made.items():
        lengths = [soundfile.info(p).duration for p in (tmp_path / name).iterdir()]
        assert sum(lengths) == pytest.approx(secs, abs=1e-3)
    assert len(list((tmp_path / "minutes").iterdir())) == 2


def test_shares_are_those_of_the_processor_time_that_is_counted():
    out = 'a line\n{"metrics": {"cpu_f0_ms": 30, "cpu_write_ms": 10, "files_in": 7}}\n'
    measured = process_tree.Measured(1.0, 1.0, 1.0, out)
    assert preparation.shares(measured) == {"f0": 0.75, "write": 0.25}


def test_a_floor_that_is_missed_is_said():
    assert preparation.floor("x", 5.0, "speed").endswith("held")
    assert preparation.floor("x", 4.9, "speed").endswith("MISSED")
    assert preparation.floor("x", 1.6, "memory").endswith("MISSED")
