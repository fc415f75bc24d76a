"""Workers leave counts, the launcher shows their sum."""

import logging

from pipelines import progress
from pipelines.progress import (
    ProgressDisplay,
    ProgressWriter,
    describe,
    read_progress,
)


def test_the_counts_of_all_workers_are_added(tmp_path):
    for k in (1, 2):
        writer = ProgressWriter(tmp_path / "progress")
        writer._path = writer._path.with_name(f"{k}.json")
        writer.add("scanned", k)
        writer.add("scanned", 1)
        writer.flush()
    assert read_progress(tmp_path / "progress") == {"scanned": 5}


def test_a_damaged_or_missing_count_costs_nothing(tmp_path):
    assert read_progress(tmp_path) == {}
    (tmp_path / "1.json").write_text("{")
    assert read_progress(tmp_path) == {}


def test_the_stages_follow_each_other_and_shares_end_at_one():
    assert describe({}, 4) == ("reading: 0 of 4 files", 0.0)
    assert describe({"scanned": 4}, 4)[1] == 1.0
    measured = {"scanned": 4, "secs": 60.0, "measured_secs": 66.0}
    assert describe(measured, 4) == ("pitch and loudness: 1.1 of 1.0 min", 1.0)
    writing = measured | {"planned": 10, "written": 5}
    assert describe(writing, 4) == ("writing: 5 of 10 examples", 0.5)


def test_where_there_is_no_terminal_lines_are_logged(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(progress, "POLL_SECS", 0.01)
    monkeypatch.setattr(progress, "LINE_EVERY_SECS", 0.0)
    writer = ProgressWriter(tmp_path)
    writer.add("scanned", 1)
    with caplog.at_level(logging.INFO), ProgressDisplay(tmp_path, 2) as display:
        while not display._shown:
            pass
    assert caplog.messages == ["reading: 1 of 2 files"]
