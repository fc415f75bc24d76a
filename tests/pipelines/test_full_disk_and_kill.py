"""A disk that is really full, and a forced preparation that is killed.

Each runs the command in a process of its own.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ddsp_core.manifest import MANIFEST_NAME, DatasetManifest
from tests.pipelines.preparations import sha256s
from tests.pipelines.recordings import melody, write

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPEC = ["--example-secs", "2", "--example-hop-secs", "0.5", "--frame-rate", "50"]


def run(*arguments, preamble=""):
    """Run `luthier prepare` in a process, after some lines of Python."""
    line = ["prepare", *map(str, arguments), *SPEC]
    code = (
        f"{preamble}\nimport sys\nfrom pipelines import cli\nsys.exit(cli.main({line}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two folders of recordings of half a minute."""
    folders = []
    for k in range(2):
        folders.append(tmp_path_factory.mktemp(f"in {k}"))
        write(folders[k] / "a.wav", melody(30, 16_000, seed=k), 16_000)
    return folders


@pytest.fixture(scope="module")
def fresh(corpora, tmp_path_factory):
    """The first corpus prepared where nothing goes wrong."""
    out = tmp_path_factory.mktemp("fresh") / "out"
    assert run(corpora[0], "--out", out).returncode == 0
    return out


@pytest.fixture(scope="module")
def replaced(corpora, fresh, tmp_path_factory):
    """The same directory after the second corpus took its place undisturbed."""
    out = tmp_path_factory.mktemp("replaced") / "out"
    shutil.copytree(fresh, out)
    assert run(corpora[1], "--out", out, "--force").returncode == 0
    return out


def kilobytes_of(folder):
    return sum(path.stat().st_blocks for path in folder.rglob("*")) // 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system whose size can be set, in kB."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(kilobytes, *how):
        how = ["-o", f"{','.join([*how, f'size={kilobytes}k'])}"]
        command = ["mount", "-t", "tmpfs", *how, "tmpfs", str(path)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("a file system can be mounted only by root")

    mount(64)
    try:
        yield path, lambda kilobytes: mount(kilobytes, "remount")
    finally:
        subprocess.run(["umount", str(path)], check=True)


def check_full(found):
    """It ended with 3 and one line that says what to do."""
    (line,) = [x for x in found.stderr.splitlines() if x.startswith("luthier: ")]
    assert found.returncode == 3, found.stderr
    assert "Traceback" not in found.stderr
    assert "No space left on device" in line and "same command again" in line


# Too small for the features, for the shards, for the lists beside them.
@pytest.mark.parametrize("kilobytes", [12, 2000, None])
def test_on_a_full_disk_the_job_ends_and_goes_on_when_there_is_room(
    corpora, fresh, small_disk, kilobytes
):
    disk, resize = small_disk
    resize(kilobytes or kilobytes_of(fresh) - 8)
    check_full(run(corpora[0], "--out", disk / "out"))
    assert not (disk / "out" / MANIFEST_NAME).exists()
    assert not list((disk / "out").glob("*.tfrecord*"))
    resize(64_000)
    again = run(corpora[0], "--out", disk / "out")
    assert again.returncode == 0, again.stderr
    assert sha256s(disk / "out") == sha256s(fresh)


def test_on_a_full_disk_the_old_dataset_stays(corpora, fresh, replaced, small_disk):
    disk, resize = small_disk
    resize(64_000)
    out = disk / "out"
    shutil.copytree(fresh, out)
    resize(kilobytes_of(out) + 3000)
    check_full(run(corpora[1], "--out", out, "--force"))
    assert sha256s(out) == sha256s(fresh)
    assert DatasetManifest.load(out).problems(out) == []
    resize(64_000)
    assert run(corpora[1], "--out", out, "--force").returncode == 0
    assert sha256s(out) == sha256s(replaced)


def test_a_file_that_may_not_grow_is_a_full_disk(corpora, tmp_path):
    """As on a memory stick whose file system has files of at most 4 GB."""
    limit = "import resource, signal\n"
    limit += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))"
    found = run(corpora[0], "--out", tmp_path / "out", preamble=limit)
    assert found.returncode == 3, found.stderr
    assert "File too large" in found.stderr and "Traceback" not in found.stderr
    assert not (tmp_path / "out" / MANIFEST_NAME).exists()


def killing(module, name, n_calls):
    """Lines of Python that kill the process at the n-th call of a function."""
    return f"""
import os, signal
import {module.partition(":")[0]} as module
owner = {f"module.{module.partition(':')[2]}" if ":" in module else "module"}
real, calls = owner.{name}, []
def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == {n_calls}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
owner.{name} = killed
"""


POINTS = {
    "while it measures": ("pipelines.store:FeatureStore", "put", 2),
    "before it plans": ("pipelines.transforms", "make_plan", 1),
    "in the middle of a shard": ("ddsp_core.codec", "frame_record", 20),
    "before the manifest": ("ddsp_core.manifest:DatasetManifest", "save", 1),
    "when all is made": ("pipelines.directory", "commit", 1),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_forced_run_that_is_killed_leaves_the_old_dataset(
    corpora, fresh, replaced, tmp_path, point
):
    out = tmp_path / "out"
    shutil.copytree(fresh, out)
    preamble = killing(*POINTS[point])
    found = run(corpora[1], "--out", out, "--force", preamble=preamble)
    assert found.returncode == -signal.SIGKILL, found.stderr
    assert sha256s(out) == sha256s(fresh)
    assert DatasetManifest.load(out).problems(out, check_bytes=True) == []
    assert run(corpora[1], "--out", out, "--force").returncode == 0
    assert sha256s(out) == sha256s(replaced)
