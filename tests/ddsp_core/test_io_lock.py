"""Locks: one process at a time, on a disk and in a bucket."""

import os
import subprocess
import sys
import time

import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError
from tests import gcs_server as server

HOLD = """
import sys
from ddsp_core import io
with io.locked(sys.argv[1], "preparing it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["disk", "bucket"])
def lock_path(request, tmp_path):
    if request.param == "disk":
        return str(tmp_path / ".lock")
    return f"{request.getfixturevalue('bucket')}/out/.lock"


def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_is_held_by_one_process_and_freed_at_its_end(lock_path):
    process = holder(lock_path)
    with pytest.raises(StorageError, match="another process is preparing"):
        with io.locked(lock_path, "preparing it"):
            pass
    process.communicate(b"")
    with io.locked(lock_path, "preparing it") as lock:
        lock.check()
    assert not io.is_file(lock_path)


def test_a_lock_of_a_killed_process_on_this_machine_is_free(lock_path):
    process = holder(lock_path)
    process.kill()
    process.wait()
    with io.locked(lock_path, "preparing it"):
        pass


def lease(monkeypatch, path, host="elsewhere", age=0.0):
    """Leave the lease of a process on another machine."""
    owner = {"host": host, "pid": 1, "token": "x", "time": time.time() - age}
    io.write_json(path, owner)


def test_a_lease_that_nobody_refreshes_is_taken_over(bucket, monkeypatch):
    path = f"{bucket}/.lock"
    lease(monkeypatch, path, age=500)
    with pytest.raises(StorageError, match="elsewhere, process 1, heard of 500 s ago"):
        with io.locked(path, "preparing it"):
            pass
    lease(monkeypatch, path, age=700)
    with io.locked(path, "preparing it"):
        assert io.read_json(path)["pid"] == os.getpid()


def test_a_lease_is_kept_young_and_its_loss_is_noticed(bucket, monkeypatch):
    monkeypatch.setattr("ddsp_core.io.lock.REFRESH_SECS", 0.05)
    path = f"{bucket}/.lock"
    with io.locked(path, "preparing it") as lock:
        seen = {io.entry(path).version}
        while len(seen) < 3:
            seen.add(io.entry(path).version)
        lock.check()
        lease(monkeypatch, path)
        while lock.lost is None:
            time.sleep(0.01)
        with pytest.raises(StorageError, match=r"lost.*another process took it"):
            lock.check()
    assert io.read_json(path)["host"] == "elsewhere"


@pytest.mark.parametrize("kind", [server.LOSE, server.CUT])
def test_a_lease_whose_answer_was_lost_is_held(bucket, gcs_proxy, soon, kind):
    gcs_proxy.fault = server.faults((kind,))
    with io.locked(f"{bucket}/.lock", "preparing it") as lock:
        lock.check()
    assert list(io.entries(bucket)) == []
