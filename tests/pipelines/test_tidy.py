"""The feature store's commands: what it holds, and what may go."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from ddsp_core.audio.scan import scan
from ddsp_core.errors import UsageError
from pipelines import cli
from pipelines.prepare import prepare
from pipelines.scans import ScanStore
from pipelines.tidy import contents, prune, store_of
from tests.pipelines.preparations import options, sha256s
from tests.pipelines.recordings import melody, write

LONG_AGO = time.time() - 10 * 24 * 3600


@pytest.fixture
def shared(corpus, dataset, tmp_path):
    """A store with the features of the corpus, and of a file that no dataset has."""
    store = tmp_path / "store"
    shutil.copytree(dataset / ".features", store)
    other = write(tmp_path / "other.wav", melody(30, 16_000, seed=9), 16_000)
    prepare(options(other, tmp_path / "other", store=str(store)))
    return store


def run(capsys, *args):
    assert cli.main(["store", *map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_dataset_keeps_what_it_was_made_of(corpus, dataset, shared, tmp_path, capsys):
    before = run(capsys, shared)
    pruned = run(capsys, shared, "--prune", "--keep", dataset)
    assert pruned["n_removed"] > 0 and pruned["bytes"] < before["bytes"]
    again = options(corpus, tmp_path / "again", store=str(shared))
    held = {path: path.stat().st_mtime_ns for path in shared.rglob("*.features")}
    prepare(again)
    assert sha256s(tmp_path / "again") == sha256s(dataset)
    after = {path: path.stat().st_mtime_ns for path in shared.rglob("*.features")}
    assert after == held


def test_a_dry_run_removes_nothing(dataset, shared, capsys):
    before = sorted(shared.rglob("*"))
    told = run(capsys, shared, "--prune", "--keep", dataset, "--dry-run")
    assert told["n_removed"] > 0 and sorted(shared.rglob("*")) == before


def test_what_a_killed_process_left_goes_and_what_is_not_ours_stays(dataset, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(dataset / ".features", store)
    entry = next(store.rglob("*.features"))
    old, new = (entry.with_name(f".{entry.name}.{name}") for name in ("abcd", "efgh"))
    foreign = entry.with_name("thesis.txt")
    for path in (old, new, foreign):
        path.write_bytes(b"half")
        os.utime(path, (LONG_AGO, LONG_AGO))
    os.utime(new)
    pruned = prune(str(store), [str(dataset)])
    assert pruned.n_files == 1 and not old.exists()
    assert new.exists() and foreign.exists() and entry.exists()


def test_age_alone_decides_where_no_dataset_is_kept(dataset, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(dataset / ".features", store)
    entries = [path for path in store.rglob("*") if path.is_file()]
    for path in entries:
        os.utime(path)
    os.utime(entries[0], (LONG_AGO, LONG_AGO))
    assert prune(str(store), [], older_than_secs=24 * 3600.0).n_files == 1
    assert not entries[0].exists() and entries[1].exists()


def test_nothing_is_emptied_or_mistaken_for_a_store(dataset, tmp_path):
    with pytest.raises(UsageError, match="empty the store"):
        prune(str(dataset / ".features"), [])
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"no feature store: it holds 'mother\.txt'"):
        store_of(str(tmp_path / "letters"))
    with pytest.raises(UsageError, match="neither a dataset directory nor"):
        store_of(str(tmp_path / "nowhere"))
    root, own = store_of(str(dataset))
    assert Path(root).name == ".features" and own == (str(dataset),)
    assert contents(root)["features"]["files"] > 0


def test_a_scan_is_kept_by_content_and_read_for_any_path(tmp_path):
    one = write(tmp_path / "a.wav", melody(2, 16_000), 16_000)
    found, scans = scan(one), ScanStore(tmp_path / "store")
    assert scans.get("0" * 64, str(one)) is None
    scans.put("0" * 64, found)
    moved = scans.get("0" * 64, "elsewhere/b.wav")
    assert moved.info.path == Path("elsewhere/b.wav")
    assert moved.source_key == found.source_key and moved.peak == found.peak
    Path(scans.path("0" * 64)).write_bytes(b"damaged")
    assert scans.get("0" * 64, str(one)) is None
