"""Local copies of objects: downloaded once, in bounded room, gone in the end."""

import itertools
import os
import signal
import subprocess
import sys
import threading

import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError


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
