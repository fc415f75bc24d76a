"""A preparation that is killed twenty times makes what an undisturbed one makes."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.pipelines import clusters
from tests.pipelines.preparations import sha256s

# The stages in which it is killed, and by what files each is told from outside.
SIGNS = {
    "start": None,
    "scan": ".prepare/progress/*.json",
    "measure": ".features/*/*.features",
    "write": ".prepare/*.tfrecord*",
    "finish": ".prepare/sources.jsonl",
    "commit": ".prepare/dataset.json",
}
KILLS = ["start"] * 2 + ["scan"] * 3 + ["measure"] * 6 + ["write"] * 5
KILLS += ["finish"] * 2 + ["commit"] * 2
# How long after its sign a stage is likely to last, in seconds.
LASTS = {"start": 4, "scan": 1, "measure": 1.5, "write": 0.4, "finish": 0.05}


@pytest.fixture
def recordings(test_data, tmp_path):
    """All phrases, and single notes of two lengths."""
    folder = tmp_path / "in"
    folder.mkdir()
    audio = test_data / "audio"
    for path in sorted((audio / "solo_sax_phrases").glob("*.flac")):
        shutil.copy(path, folder)
    for path in sorted((audio / "solo_sax").glob("*.flac"))[:10]:
        shutil.copy(path, folder)
    (folder / "broken.wav").write_text("not a recording")
    return folder


def start(recordings, out, n_workers):
    """`luthier prepare` at the head of a process group of its own."""
    command = [sys.executable, "-m", "pipelines.cli", "prepare", str(recordings)]
    command += ["--out", str(out), "--example-hop-secs", "0.5"]
    return subprocess.Popen(
        [*command, "--workers", str(n_workers)],
        cwd=clusters.ROOT,
        env=os.environ | clusters.QUIET,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def signs(out, stage):
    """What of a stage is to be seen now, each with its time."""
    found = {}
    if SIGNS[stage]:
        for path in out.glob(SIGNS[stage]):
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.stat().st_mtime_ns
    return found


def kill_in(process, out, stage, delay):
    """Kill the group once a stage shows itself and lasts a while; was it alive?"""
    before = signs(out, stage)
    while SIGNS[stage] and process.poll() is None and signs(out, stage) == before:
        time.sleep(0.001)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    was_alive = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _, stderr = process.communicate()
    assert was_alive or process.returncode == 0, stderr
    return was_alive


@pytest.mark.slow
def test_twenty_kills_at_random_points_change_no_byte(recordings, tmp_path):
    rng = random.Random(20)
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    process = start(recordings, fresh, 1)
    assert process.wait() == 0, process.stderr.read()
    stages = KILLS[:16]
    rng.shuffle(stages)
    killed = []
    for stage in stages + KILLS[16:]:  # the last stages last: they may come to the end
        process = start(recordings, out, rng.choice([1, 2]))
        if kill_in(process, out, stage, LASTS.get(stage, 0) * rng.random()):
            killed.append(stage)
        else:  # it had ended: the next is killed in a preparation from the beginning
            shutil.rmtree(out)
    process = start(recordings, out, 2)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert len(killed) >= 15 and set(killed) >= set(SIGNS) - {"commit"}, killed
    assert sha256s(out) == sha256s(fresh)
    names = {path.name for path in out.iterdir()}
    assert names == {path.name for path in fresh.iterdir()}
