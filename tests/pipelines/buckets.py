"""Preparations whose inputs, store and output are in a bucket, beside local ones."""

import hashlib
import os
import subprocess
import sys

from ddsp_core import io
from ddsp_core.manifest import DatasetManifest
from pipelines import cli
from pipelines.store import read_entry
from tests.pipelines import clusters
from tests.pipelines.recordings import melody, write

SIZES = "--example-secs 2 --example-hop-secs 0.5 --frame-rate 50".split()


def make_corpus(folder):
    """Two recordings, one of another rate and kind, a short one and two that fail."""
    folder.mkdir()
    write(folder / "a.wav", melody(24, 16_000, seed=1), 16_000, subtype="PCM_16")
    write(folder / "b ♯.flac", melody(25, 44_100, seed=2), 44_100)
    write(folder / "short.wav", melody(1, 16_000), 16_000)
    (folder / "text.wav").write_text("not a recording")
    (folder / "notes.csv").write_text("0, 60")
    return folder


def put(folder, address):
    """Copy a local folder into a bucket."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            io.write_bytes(f"{address}/{name}", path.read_bytes())


def arguments(place, *more):
    """`luthier prepare` of what is in a place, its store and output there too."""
    own = ["prepare", f"{place}/in", "--out", f"{place}/out"]
    return [*own, "--store", f"{place}/store", *SIZES, *more]


def prepare(place, *more):
    """Run it in this process; return its exit code."""
    return cli.main(arguments(place, *more))


def process(place, *more):
    """Run it as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments(place, *more)],
        cwd=clusters.ROOT,
        env=os.environ | clusters.QUIET,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def names_in(folder):
    """Names of all that is in a folder, at any depth."""
    return sorted(one.path.removeprefix(f"{folder}/") for one in io.entries(folder))


def shards_of(out):
    """Names and digests of the shards, and the fingerprint of the dataset."""
    manifest = DatasetManifest.load(out)
    assert manifest.problems(out, check_bytes=True) == []
    shards = [shard for split in manifest.shards.values() for shard in split]
    return {one.name: one.sha256 for one in shards}, manifest.fingerprint


def sha256s_in(folder):
    """Digests of what stands right in a folder, hidden names left out."""
    return {
        name: hashlib.sha256(io.read_bytes(io.join(folder, name))).hexdigest()
        for name in io.names(folder)
        if not name.startswith(".")
    }


def check_nothing_is_half_written(bucket, whole):
    """See that each object is one that a whole preparation writes, to the byte.

    Args:
        bucket: Where a preparation ended before its time.
        whole: Digests of the shards that it would have written.
    """
    for one in io.entries(bucket):
        name = io.name(one.path)
        if one.path.startswith(f"{bucket}/store/"):
            assert read_entry(one.path) is not None, one.path
        elif name in whole:
            assert io.sha256_file(one.path) == whole[name], one.path
        elif name.endswith((".finished", ".json", ".lock")):
            io.read_json(one.path)
        elif name.endswith(".jsonl"):
            io.read_jsonl(one.path)
        elif name.endswith((".pkl", ".html")):
            assert one.size > 0, one.path
        else:
            assert one.path.startswith(f"{bucket}/in/"), one.path
