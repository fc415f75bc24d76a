"""Objects in a bucket: as files, whole or not at all, whatever the network does."""

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import google_crc32c
import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError, UsageError
from ddsp_core.io import gcs
from tests import gcs_server as server


@pytest.fixture
def quick(monkeypatch):
    """A short patience, so that failures end soon."""
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "0.5")
    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "0.3")
    monkeypatch.setattr(gcs, "FIRST_PAUSE_SECS", 0.01)


@pytest.fixture
def soon(monkeypatch):
    """The usual deadline with short pauses."""
    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "0.5")
    monkeypatch.setattr(gcs, "FIRST_PAUSE_SECS", 0.01)


def faults(*kinds, of=""):
    """Break the first requests whose path holds `of`, each in its own way."""
    pending = list(kinds)

    def fault(method, path):
        return pending.pop(0) if pending and of in path else None

    return fault


def objects(bucket):
    return [one.path.removeprefix(f"{bucket}/") for one in io.entries(bucket)]


NAMES = [
    "a.wav",
    "take #1?.wav",
    "100 %25.wav",
    "Ñandú ナイ.wav",
    "a+b&c=d.wav",
    "line\u2028end.wav",
    "\x01\x7f.wav",
    "two//slashes.wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_object_of_any_name_comes_back_to_the_byte(bucket, name):
    path = f"{bucket}/in/{name}"
    data = bytes(range(256)) * 3
    io.write_bytes(path, data)
    assert io.read_bytes(path) == data
    assert io.read_range(path, 250, 10) == data[250:260]
    assert io.read_range(path, 760, 100) == data[760:]
    assert io.read_range(path, 4, 0) == b""
    assert [one.path for one in io.entries(f"{bucket}/in")] == [path]
    assert io.entry(path).size == len(data)
    assert io.sha256_file(path) == hashlib.sha256(data).hexdigest()
    io.move(path, f"{bucket}/moved/{name}")
    assert objects(bucket) == [f"moved/{name}"]
    io.remove(f"{bucket}/moved/{name}")
    assert objects(bucket) == []


def test_a_folder_is_what_holds_something(bucket):
    for key in ("a/b/1", "a/b/2", "a/3", "ab/4", "a/"):
        io.write_bytes(f"{bucket}/{key}", b"x")
    assert io.is_dir(f"{bucket}/a") and io.is_dir(f"{bucket}/a/b/")
    assert not io.is_dir(f"{bucket}/a/3") and not io.is_dir(f"{bucket}/b")
    assert io.is_file(f"{bucket}/a/3") and not io.is_file(f"{bucket}/a/b")
    assert io.names(bucket) == ["a", "ab"]
    assert io.names(f"{bucket}/a") == ["3", "b"]
    io.remove_tree(f"{bucket}/a")
    assert objects(bucket) == ["ab/4"]


def test_what_is_not_there_is_said_as_on_a_disk(bucket, tmp_path):
    for folder in (bucket, tmp_path):
        with pytest.raises(FileNotFoundError):
            io.read_bytes(io.join(folder, "none"))
        with pytest.raises(FileNotFoundError):
            io.entry(io.join(folder, "none"))
        with pytest.raises(FileNotFoundError):
            io.sha256_file(io.join(folder, "none"))
        io.remove(io.join(folder, "none"))
        io.remove_tree(io.join(folder, "none"))
        assert io.names(io.join(folder, "none")) == []


def test_a_missing_bucket_is_named_with_the_remedy(bucket):
    with pytest.raises(UsageError, match=r"no bucket 'nobody-has-it'.*buckets create"):
        io.write_bytes("gs://nobody-has-it/a", b"x")
    with pytest.raises(UsageError, match="no bucket 'nobody-has-it'"):
        list(io.entries("gs://nobody-has-it/a"))
    with pytest.raises(UsageError, match="names no bucket"):
        io.read_bytes("gs:///a")


def test_bytes_that_no_object_can_be_named_by_are_refused():
    with pytest.raises(UsageError, match="not UTF-8"):
        io.read_bytes(os.fsdecode(b"gs://bucket/\xff.wav"))


def test_a_version_changes_with_the_bytes(bucket, tmp_path):
    for folder in (bucket, str(tmp_path)):
        path = io.join(folder, "a")
        io.write_bytes(path, b"one")
        before = io.entry(path)
        io.write_bytes(path, b"two")
        assert io.entry(path).version != before.version


def test_an_error_while_a_file_is_made_leaves_the_old_object(bucket):
    path = f"{bucket}/a"
    io.write_bytes(path, b"old")
    with pytest.raises(RuntimeError), io.replacing(path) as temporary:
        temporary.write_bytes(b"half of the new")
        raise RuntimeError
    assert not temporary.exists()
    assert io.read_bytes(path) == b"old"
    with io.replacing(path) as temporary:
        temporary.write_bytes(b"new")
    assert io.read_bytes(path) == b"new" and not temporary.exists()


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
        gcs_proxy.fault = faults(fault)
        result = call()
        gcs_proxy.fault = faults()
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


def test_a_download_that_breaks_again_and_again_arrives_whole(bucket, gcs_proxy, soon):
    data = os.urandom(2_000_000)
    io.write_bytes(f"{bucket}/a", data)
    gcs_proxy.fault = faults(
        (server.CUT,), (server.CUT,), (server.CUT,), of="/download"
    )
    with io.local_copy(f"{bucket}/a") as copy:
        assert copy.read_bytes() == data
    assert gcs_proxy.n_faults() == 3


@pytest.mark.parametrize(
    "fault", [(server.STATUS, 503), (server.REFUSE,), (server.STALL,)], ids=str
)
def test_what_does_not_pass_is_a_storage_error_and_leaves_nothing(
    bucket, gcs_proxy, quick, fault
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


def test_a_copy_is_downloaded_once_for_each_generation(bucket, gcs_proxy):
    path = f"{bucket}/a.wav"
    io.write_bytes(path, b"one")
    for _ in range(3):
        with io.local_copy(path) as copy:
            assert copy.read_bytes() == b"one" and copy.name.endswith("-a.wav")
    io.write_bytes(path, b"two")
    with io.local_copy(path) as copy:
        assert copy.read_bytes() == b"two"
    downloads = [path for _, path, _ in gcs_proxy.requests if "alt=media" in path]
    assert len(downloads) == 2


def test_copies_keep_to_their_room(bucket, monkeypatch):
    monkeypatch.setenv("LUTHIER_COPIES_GB", "2.5e-6")  # 2500 bytes
    folders = set()
    for k in range(6):
        io.write_bytes(f"{bucket}/{k}", bytes(1000))
        with io.local_copy(f"{bucket}/{k}") as copy:
            folders.add(copy.parent)
            sizes = [p.stat().st_size for p in copy.parent.iterdir()]
            assert sum(sizes) <= 2500
    assert len(folders) == 1
    io.write_bytes(f"{bucket}/large", bytes(2501))
    with pytest.raises(StorageError, match="LUTHIER_COPIES_GB"):
        with io.local_copy(f"{bucket}/large"):
            pass


def test_threads_share_copies_and_wait_for_room(bucket, monkeypatch):
    monkeypatch.setenv("LUTHIER_COPIES_GB", "2.5e-6")
    data = {f"{bucket}/{k}": bytes([k]) * 1000 for k in range(4)}
    for path, content in data.items():
        io.write_bytes(path, content)
    wrong = []

    def reads():
        for path in itertools.islice(itertools.cycle(data), 12):
            with io.local_copy(path) as copy:
                if copy.read_bytes() != data[path]:
                    wrong.append(path)

    threads = [threading.Thread(target=reads) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


LEFT = """
import os, signal, sys
from ddsp_core import io
with io.local_copy(sys.argv[1]) as copy:
    print(copy.parent, flush=True)
    if len(sys.argv) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_copies_go_with_their_process_however_it_ends(bucket):
    io.write_bytes(f"{bucket}/a", b"x")
    run = [sys.executable, "-c", LEFT, f"{bucket}/a"]
    ended = subprocess.run(run, capture_output=True, text=True, check=True)
    assert not os.path.exists(ended.stdout.strip())
    killed = subprocess.run([*run, "kill"], check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    assert os.path.exists(killed.stdout.strip())
    io.remove_left_copies()
    assert not os.path.exists(killed.stdout.strip())


def test_a_limit_in_the_environment_must_be_a_number(bucket, monkeypatch):
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "soon")
    with pytest.raises(UsageError, match="LUTHIER_GCS_DEADLINE_SECS='soon'"):
        io.read_bytes(f"{bucket}/a")


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
    gcs_proxy.fault = faults((kind,))
    with io.locked(f"{bucket}/.lock", "preparing it") as lock:
        lock.check()
    assert objects(bucket) == []
