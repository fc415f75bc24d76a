"""Preparations in a bucket while the network fails, for a while or for good."""

import itertools
import signal
import threading
import time

import pytest

from ddsp_core import io
from tests import gcs_server as server
from tests.pipelines import buckets

pytestmark = pytest.mark.slow

PASSING = [
    (server.STATUS, 429),
    (server.STATUS, 500),
    (server.STATUS, 503),
    (server.REFUSE,),
    (server.LOSE,),
    (server.CUT,),
    (server.STALL,),
]


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    place = tmp_path_factory.mktemp("gcs")
    buckets.make_corpus(place / "in")
    assert buckets.prepare(place) == 0
    return place


@pytest.fixture(scope="module")
def whole(on_disk):
    return buckets.shards_of(on_disk / "out")


@pytest.fixture
def filled(on_disk, bucket):
    buckets.put(on_disk / "in", f"{bucket}/in")
    return bucket


@pytest.fixture
def patient(soon, monkeypatch):
    """Longer than any answer takes, shorter than a stall."""
    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "1.5")


@pytest.mark.parametrize("every", [2, 5])
def test_faults_that_pass_change_no_byte(
    filled, gcs_proxy, patient, whole, every, figure
):
    kinds, numbers = itertools.cycle(PASSING), itertools.count(1)

    def fault(method, path):
        return next(kinds) if next(numbers) % every == 0 else None

    gcs_proxy.fault = fault
    assert buckets.prepare(filled) == 0
    figure("faults", gcs_proxy.n_faults())
    figure("requests", len(gcs_proxy.requests))
    gcs_proxy.reset()
    assert buckets.shards_of(f"{filled}/out") == whole


def test_each_request_may_fail_once(filled, gcs_proxy, patient, whole):
    kinds, seen = itertools.cycle(PASSING), set()

    def fault(method, path):
        if (method, path) in seen:
            return None
        seen.add((method, path))
        return next(kinds)

    gcs_proxy.fault = fault
    assert buckets.prepare(filled) == 0
    gcs_proxy.reset()
    assert buckets.shards_of(f"{filled}/out") == whole


class Broken:
    """Refuses every request from one on.

    Args:
        part: Of the path of the request.
        nth: Which of those that have it.
    """

    def __init__(self, part, nth):
        self.part, self.nth = part, nth
        self.began, self.numbers = False, itertools.count(1)
        self.codes = itertools.cycle([503, 429])

    def __call__(self, method, path):
        if self.part in path.replace("%2F", "/") and next(self.numbers) == self.nth:
            self.began = True
        return (server.STATUS, next(self.codes)) if self.began else None


BREAKS = [("", 1), ("", 30), ("upload/", 2), ("upload/", 5), ("upload/", 10)]
BREAKS += [("rewriteTo", 1), ("rewriteTo", 4), ("dataset.json/rewriteTo", 1)]


@pytest.mark.parametrize("point", BREAKS, ids=str)
def test_faults_that_stay_end_with_3_and_leave_nothing_half_written(
    filled, on_disk, gcs_proxy, monkeypatch, whole, point, capsys
):
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "2")
    buckets.put(on_disk / "store", f"{filled}/store")
    gcs_proxy.fault = broken = Broken(*point)
    assert buckets.prepare(filled) == 3
    assert broken.began
    assert "run the same command again" in capsys.readouterr().err
    gcs_proxy.reset()
    assert not io.is_file(f"{filled}/out/dataset.json")
    buckets.check_nothing_is_half_written(filled, whole[0])
    assert buckets.prepare(filled) == 0
    assert buckets.shards_of(f"{filled}/out") == whole


def test_a_fault_after_the_manifest_leaves_a_whole_dataset(
    filled, on_disk, gcs_proxy, monkeypatch, whole
):
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "2")
    buckets.put(on_disk / "store", f"{filled}/store")

    def fault(method, path):  # the work folder cannot be removed
        is_note = method == "DELETE" and ".finished" in path
        return (server.STATUS, 503) if is_note else None

    gcs_proxy.fault = fault
    assert buckets.prepare(filled) == 3
    gcs_proxy.reset()
    assert buckets.shards_of(f"{filled}/out") == whole
    assert buckets.prepare(filled) == 0
    assert buckets.shards_of(f"{filled}/out") == whole


KILLS = [("upload/", 1), ("upload/", 6), ("upload/", 12), ("upload/", 16)]
KILLS += [("rewriteTo", 1), ("dataset.json/rewriteTo", 1)]


class Kill:
    """Kills a process while a request is under way, which then never arrives.

    Args:
        part: Of the request's path.
        nth: Which of the requests that write and have it.
    """

    def __init__(self, part, nth):
        self.part, self.nth = part, nth
        self.process, self.done = None, threading.Event()
        self.numbers = itertools.count(1)

    def __call__(self, method, path):
        is_one = method != "GET" and self.part in path.replace("%2F", "/")
        if not self.done.is_set() and is_one and next(self.numbers) == self.nth:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.done.set()
        return (server.REFUSE,) if self.done.is_set() else None


def test_killed_at_any_upload_it_leaves_whole_objects_and_goes_on(
    filled, gcs_proxy, whole
):
    for part, nth in KILLS:
        gcs_proxy.fault = kill = Kill(part, nth)
        kill.process = buckets.process(filled)
        _, error = kill.process.communicate()
        assert kill.done.is_set(), (part, nth, error)
        gcs_proxy.reset()
        assert not io.is_file(f"{filled}/out/dataset.json")
        buckets.check_nothing_is_half_written(filled, whole[0])
    last = buckets.process(filled)
    _, error = last.communicate()
    assert last.returncode == 0, error
    assert buckets.shards_of(f"{filled}/out") == whole


def test_two_processes_in_a_bucket_make_the_same_bytes(filled, gcs_proxy, whole):
    numbers = itertools.count(1)
    gcs_proxy.fault = lambda method, path: (
        (server.STATUS, 503) if next(numbers) % 10 == 0 else None
    )
    running = buckets.process(filled, "--workers", "2")
    _, error = running.communicate()
    assert running.returncode == 0, error
    assert gcs_proxy.n_faults() > 0
    gcs_proxy.reset()
    assert buckets.shards_of(f"{filled}/out") == whole


def test_two_jobs_may_share_a_store_and_not_an_output(filled, whole, capsys):
    first = buckets.process(filled)
    while not io.is_file(f"{filled}/out/.lock"):
        assert first.poll() is None
        time.sleep(0.1)
    second = buckets.process(filled, "--out", f"{filled}/other")
    assert buckets.prepare(filled) == 3
    assert "another process is writing" in capsys.readouterr().err
    for running, out in ((first, "out"), (second, "other")):
        _, error = running.communicate()
        assert running.returncode == 0, error
        assert buckets.shards_of(f"{filled}/{out}") == whole
