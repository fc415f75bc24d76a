"""The same bytes from every runner, on real recordings."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from tests.pipelines import clusters
from tests.pipelines.preparations import sha256s

NOTES = ("sax_52_E3_p_take1", "sax_63_Ds4_p_take2")
PHRASES = ("sax_phrases_3_air1", "sax_phrases_5_fast2")


@pytest.fixture(scope="module")
def place(test_data, tmp_path_factory):
    """A folder that holds recordings; commands are run from there."""
    path = tmp_path_factory.mktemp("runners")
    (path / "in").mkdir()
    for folder, names in (("solo_sax", NOTES), ("solo_sax_phrases", PHRASES)):
        for name in names:
            shutil.copy(test_data / "audio" / folder / f"{name}.flac", path / "in")
    return path


def preparation(place, out, options):
    """`luthier prepare` with relative paths, from `place`, as a process."""
    own = ["prepare", "in", "--out", str(out), "--json"]
    beam = options[options.index("--") :] if "--" in options else []
    command = [sys.executable, "-m", "pipelines.cli", *own]
    command += [*options[: len(options) - len(beam)], *beam]
    return subprocess.Popen(
        command,
        cwd=place,
        env=os.environ | clusters.QUIET | {"PYTHONPATH": str(clusters.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Watch(threading.Thread):
    """Sees which processes work, by the counts that they leave; may kill one of them.

    Args:
        out: The dataset directory.
        kill: Kill the first that has measured something.
    """

    def __init__(self, out, kill=False):
        super().__init__(daemon=True)
        self.out, self.kill = out, kill
        self.pids, self.killed = set(), None
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.02):
            for path in self.out.glob(".prepare/progress/*.json"):
                pid = int(path.name.split("-")[0])
                self.pids.add(pid)
                if self.kill and self.killed is None and self._measures(path):
                    os.kill(pid, signal.SIGKILL)
                    self.killed = pid

    @staticmethod
    def _measures(path):
        try:
            return json.loads(path.read_text()).get("measured_secs", 0) > 0
        except (OSError, ValueError):
            return False


def prepare(place, name, cluster, kill=False):
    """Prepare on a cluster; return the result, who worked, and what was killed."""
    folder = place / f"{name} cluster"
    folder.mkdir()
    with cluster(folder) as options:
        process = preparation(place, name, options)
        watch = Watch(place / name, kill)
        watch.start()
        try:
            stdout, stderr = process.communicate(timeout=900)
        finally:
            process.kill()
            watch.done.set()
            watch.join()
    assert process.returncode == 0, stderr
    result = json.loads(stdout.splitlines()[-1])
    return result, watch.pids - {process.pid}, process.pid in watch.pids, watch.killed


@pytest.fixture(scope="module")
def fresh(place):
    """What one process makes, with what it counted."""
    result, others, launcher_works, _ = prepare(place, "fresh", clusters.in_process)
    assert launcher_works and not others
    return sha256s(place / "fresh"), result


@pytest.mark.slow
@pytest.mark.parametrize(
    "cluster",
    [
        clusters.two_processes,
        clusters.job_service,
        clusters.prism_process,
        clusters.prism_external,
        clusters.flink,
    ],
    ids=lambda cluster: cluster.__name__,
)
def test_other_processes_make_the_same_bytes(place, fresh, cluster):
    expected, counted = fresh
    name = cluster.__name__
    result, others, launcher_works, _ = prepare(place, name, cluster)
    assert others and not launcher_works
    assert sha256s(place / name) == expected
    assert result["fingerprint"] == counted["fingerprint"]
    times = {key for key in counted["metrics"] if key.startswith("cpu_")}
    assert set(result["metrics"]) == set(counted["metrics"])
    for key in set(counted["metrics"]) - times:
        assert result["metrics"][key] == counted["metrics"][key], key


@pytest.mark.slow
@pytest.mark.parametrize(
    "cluster",
    [clusters.two_processes, clusters.flink],
    ids=lambda cluster: cluster.__name__,
)
def test_a_worker_killed_within_a_bundle_changes_no_byte(place, fresh, cluster):
    name = f"{cluster.__name__} killed"
    _, others, _, killed = prepare(place, name, cluster, kill=True)
    assert killed is not None and others - {killed}
    assert sha256s(place / name) == fresh[0]
