"""Objects in a bucket while the network fails: repeated, or nothing is left."""

import os
import signal
import subprocess
import sys
import threading

import google_crc32c
import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError
from ddsp_core.io import gcs
from tests import gcs_server as server


def objects(bucket):
    return [one.path.removeprefix(f"{bucket}/") for one in io.entries(bucket)]


TRANSIENT = [
    (server.STATUS, 429),
    (server.STATUS, 500),
    (server.STATUS, 502),
    (server.STATUS, 503),
    (server.STATUS, 504),
    (server.REFUSE,),
    (server.LOSE,),
    (server.CUT,),
    (server.STALL,),
]


@pytest.mark.parametrize(
    "fault", TRANSIENT, ids=lambda fault: "-".join(map(str, fault))
)
def test_every_call_outlives_what_passes(bucket, gcs_proxy, soon, fault):
    data = os.urandom(300_000)

    def each(call):
        gcs_proxy.fault = server.faults(fault)
        result = call()
        gcs_proxy.fault = server.faults()
        return result

    path, other = f"{bucket}/a/x", f"{bucket}/a/y"
    each(lambda: io.write_bytes(path, data))
    assert each(lambda: io.read_bytes(path)) == data
    assert each(lambda: io.read_range(path, 1000, 50_000)) == data[1000:51_000]
    assert each(lambda: io.entry(path)).size == len(data)
    assert each(lambda: io.names(bucket)) == ["a"]
    assert each(lambda: [one.path for one in io.entries(bucket)]) == [path]
    each(lambda: io.move(path, other))
    with io.local_copy(other) as copy:
        assert copy.read_bytes() == data
    each(lambda: io.remove(other))
    assert objects(bucket) == []
    assert gcs_proxy.n_faults() == 8


@pytest.fixture
def resumable(monkeypatch):
    """Files of more than 100 kB are uploaded as those of more than 8 MB are."""
    monkeypatch.setattr("google.cloud.storage.blob._MAX_MULTIPART_SIZE", 100_000)


@pytest.mark.parametrize("method", ["POST", "PUT"])  # its begin, and its data
@pytest.mark.parametrize(
    "fault",
    [*TRANSIENT, (server.STATUS, 404), (server.STATUS, 410)],
    ids=lambda fault: "-".join(map(str, fault)),
)
def test_a_large_upload_outlives_what_passes(
    bucket, gcs_proxy, soon, resumable, fault, method
):
    data, pending = os.urandom(900_000), [fault]
    gcs_proxy.fault = lambda verb, path: (
        pending.pop() if pending and verb == method else None
    )
    with io.replacing(f"{bucket}/a") as path:
        path.write_bytes(data)
    assert gcs_proxy.n_faults() == 1
    assert io.read_bytes(f"{bucket}/a") == data
    assert objects(bucket) == ["a"]


def test_a_download_that_breaks_again_and_again_arrives_whole(bucket, gcs_proxy, soon):
    data = os.urandom(2_000_000)
    io.write_bytes(f"{bucket}/a", data)
    gcs_proxy.fault = server.faults(
        (server.CUT,), (server.CUT,), (server.CUT,), of="/download"
    )
    with io.local_copy(f"{bucket}/a") as copy:
        assert copy.read_bytes() == data
    assert gcs_proxy.n_faults() == 3


@pytest.mark.parametrize(
    "fault", [(server.STATUS, 503), (server.REFUSE,), (server.STALL,)], ids=str
)
def test_what_does_not_pass_is_a_storage_error_and_leaves_nothing(
    bucket, gcs_proxy, impatient, fault
):
    path = f"{bucket}/a"
    gcs_proxy.fault = lambda method, path: fault
    with pytest.raises(StorageError, match=r"writing gs://.*gave up after 0.5 s.*same"):
        io.write_bytes(path, b"x")
    with pytest.raises(StorageError, match="gave up"), io.replacing(path) as temporary:
        temporary.write_bytes(b"x")
    assert not temporary.exists()
    with pytest.raises(StorageError, match=r"reading gs://.*gave up") as info:
        io.read_bytes(path)
    assert info.value.exit_code == 3
    gcs_proxy.reset()
    assert objects(bucket) == []


@pytest.mark.parametrize("code", [401, 403])
def test_a_refusal_names_the_login_and_is_not_repeated(bucket, gcs_proxy, code):
    gcs_proxy.fault = lambda method, path: (server.STATUS, code)
    with pytest.raises(
        StorageError,
        match=r"nobody is logged in.*gcloud auth application-default login",
    ):
        io.read_bytes(f"{bucket}/a")
    assert len([r for r in gcs_proxy.requests if r[2]]) == 1


def test_bytes_changed_on_the_way_are_not_taken(bucket, gcs_proxy, monkeypatch):
    """The server holds other bytes than were sent: it is told, and keeps none."""
    checksum = google_crc32c.Checksum(b"other")
    monkeypatch.setattr(
        gcs, "_text", lambda total: gcs.base64.b64encode(checksum.digest()).decode()
    )
    with pytest.raises(StorageError):
        io.write_bytes(f"{bucket}/a", b"x")
    assert objects(bucket) == []


KILLED = """
import os, sys
from ddsp_core import io
with io.replacing(sys.argv[1]) as path:
    path.write_bytes(os.urandom(12_000_000))
print("written")
"""


def test_a_process_killed_while_it_uploads_leaves_no_object(bucket, gcs_proxy):
    killed = threading.Event()

    def fault(method, path):
        if method == "PUT":  # the data of a resumable upload
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed.set()
            return (server.REFUSE,)
        return None

    gcs_proxy.fault = fault
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, f"{bucket}/a"], stdout=subprocess.PIPE
    )
    assert process.communicate()[0] == b"" and killed.is_set()
    gcs_proxy.reset()
    assert objects(bucket) == []
