"""The benchmark measures what it says; how fast anything is, no test asks."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import against_magenta as benchmark
from benchmarks import cases


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
