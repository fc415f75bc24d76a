"""Files that vanish, grow or cannot be read while a preparation runs, and odd names."""

import json
import os
import shutil

import numpy as np
import pytest

from ddsp_core import io
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import DatasetManifest
from pipelines import cli, measure, transforms
from pipelines import prepare as preparation
from pipelines.finish import REJECTED_NAME
from pipelines.prepare import prepare
from tests.pipelines.preparations import options, sources
from tests.pipelines.recordings import melody, write

COMMAND = ["--example-secs", "1", "--example-hop-secs", "0.5", "--frame-rate", "50"]


@pytest.fixture
def folder(tmp_path):
    """Two good recordings; the second is to meet its fate."""
    path = tmp_path / "in"
    path.mkdir()
    for k, name in enumerate(["good.wav", "fated.wav"]):
        write(path / name, melody(6, 16_000, seed=k), 16_000)
    return path


def before(monkeypatch, module, name, act):
    """Do something right before a function of the preparation is called."""
    real = getattr(module, name)

    def wrapped(*args, **kwargs):
        act()
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, wrapped)


def outcome(out):
    """Names of the sources used, and {name: (stage, reason)} of those refused whole."""
    used = {os.path.basename(row["source"]) for row in sources(out).values()}
    refused = {
        os.path.basename(row["source"]): (row["stage"], row["reason"])
        for row in io.read_jsonl(out / REJECTED_NAME)
        if row["stage"] != "plan"
    }
    return used, refused


def test_a_file_that_vanishes_before_it_is_read_is_listed(
    folder, tmp_path, monkeypatch
):
    find = preparation.find_sources

    def find_and_lose(*args):
        found = find(*args)
        (folder / "fated.wav").unlink()
        return found

    monkeypatch.setattr(preparation, "find_sources", find_and_lose)
    prepare(options(folder, tmp_path / "out"))
    used, refused = outcome(tmp_path / "out")
    assert used == {"good.wav"}
    stage, reason = refused["fated.wav"]
    assert stage == "decode" and "does not exist; was it moved or deleted" in reason


def test_a_file_that_vanishes_between_scan_and_measure_is_listed(
    folder, tmp_path, monkeypatch
):
    path = folder / "fated.wav"
    before(
        monkeypatch,
        transforms,
        "measure_segments",
        lambda: path.unlink(missing_ok=True),
    )
    prepare(options(folder, tmp_path / "out"))
    used, refused = outcome(tmp_path / "out")
    assert used == {"good.wav"}
    stage, reason = refused["fated.wav"]
    assert stage == "measure" and "does not exist" in reason


def test_a_file_that_grows_while_it_is_read_is_listed(folder, tmp_path, monkeypatch):
    """A recorder still writes to it: what was read is not what it will be."""
    scan = measure.scan

    def scan_while_recording(source):
        found = scan(source)
        if str(source).endswith("fated.wav"):
            with open(source, "ab") as file:
                file.write(bytes(3200))
        return found

    monkeypatch.setattr(measure, "scan", scan_while_recording)
    prepare(options(folder, tmp_path / "out"))
    used, refused = outcome(tmp_path / "out")
    assert used == {"good.wav"}
    assert refused["fated.wav"] == ("decode", "it changed while it was read")


def test_a_file_that_was_written_by_half_is_used_as_far_as_it_goes(folder, tmp_path):
    data = (folder / "fated.wav").read_bytes()
    (folder / "fated.wav").write_bytes(data[: len(data) * 2 // 3])
    prepare(options(folder, tmp_path / "out"))
    used, refused = outcome(tmp_path / "out")
    assert used == {"good.wav", "fated.wav"}
    assert refused["fated.wav"] == (
        "decode",
        "the file ends after 67% of what its header promises; what came before is used",
    )


def test_strict_counts_files_that_cannot_be_read_and_no_others(folder, tmp_path):
    (folder / "notes.csv").write_text("0, 60")
    shutil.copy(folder / "good.wav", folder / "copy.wav")
    prepare(options(folder, tmp_path / "out", strict=True))
    (folder / "fated.wav").write_bytes(b"RIFF" + bytes(range(256)) * 9)
    with pytest.raises(DatasetError, match=r"1 audio file.*refused.*'fated\.wav'"):
        prepare(options(folder, tmp_path / "strict", strict=True))
    prepare(options(folder, tmp_path / "lenient"))
    assert "fated.wav" in outcome(tmp_path / "lenient")[1]


def test_a_corpus_in_which_nothing_is_usable_ends_with_2_and_the_reasons(
    tmp_path, capsys
):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "damaged.wav").write_bytes(b"RIFF" + bytes(range(256)) * 9)
    write(folder / "silence.wav", np.zeros(48_000), 16_000)
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
    write(folder / "noise.wav", noise, 16_000)
    assert cli.main(["prepare", str(folder), "--out", str(out), *COMMAND]) == 2
    error = capsys.readouterr().err
    assert "luthier: no usable audio in 3 files" in error
    assert REJECTED_NAME in error
    reasons = {
        os.path.basename(row["source"]): row["reason"]
        for row in io.read_jsonl(out / REJECTED_NAME)
    }
    assert reasons["silence.wav"] == "silent"
    assert reasons["noise.wav"] == "no clear pitch"
    assert "header is damaged" in reasons["damaged.wav"]
    assert not (out / "dataset.json").exists()


NAMES = [b"-rf.wav", b"caf\xe9 \xff.wav", b"line\nbreak\t.wav", b"'\" $(x) %d {}.wav"]
NAMES += ["\u2028 サックス 🎷.wav".encode(), b"x" * 251 + b".wav"]


def test_names_of_any_bytes_go_in_and_come_out_as_they_are(tmp_path, capsys):
    folder, out = (tmp_path / os.fsdecode(name) for name in (b"in \xfe\n", b"out \xfd"))
    folder.mkdir()
    for k, name in enumerate(NAMES):
        write(tmp_path / "take.wav", melody(4, 16_000, seed=k), 16_000)
        os.replace(tmp_path / "take.wav", os.fsencode(folder) + b"/" + name)
    with open(os.fsencode(folder) + b"/damaged \xff\n.wav", "wb") as file:
        file.write(b"RIFF" + bytes(range(256)) * 9)
    line = ["prepare", str(folder), "--out", str(out), *COMMAND]
    assert cli.main([*line, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert result["n_sources"] == len(NAMES) and result["n_files_refused"] == 1
    used, refused = outcome(out)
    assert {os.fsencode(name) for name in used} == set(NAMES)
    assert [os.fsencode(name) for name in refused] == [b"damaged \xff\n.wav"]
    assert cli.main(line) == 0  # the same again, and its words fit any terminal
    assert "already there, whole" in capsys.readouterr().out
    assert DatasetManifest.load(out).problems(out, check_bytes=True) == []


def test_loops_of_links_and_pipes_are_listed_and_end(folder, tmp_path):
    (folder / "up").symlink_to("..")
    (folder / "self").symlink_to("self")
    (folder / "self.wav").symlink_to("self.wav")
    (folder / "link.wav").symlink_to("good.wav")
    os.mkfifo(folder / "pipe.wav")
    prepare(options(folder, tmp_path / "out"))
    used, refused = outcome(tmp_path / "out")
    assert used == {"good.wav", "fated.wav"}
    assert refused["pipe.wav"][1].startswith("neither a file nor a folder (a pipe")
    assert refused["self.wav"][1] == "a link that leads nowhere"
    assert refused["link.wav"][0] == "duplicate"
    for name in ("pipe.wav", "self.wav"):
        with pytest.raises(DatasetError, match=name):
            prepare(options(folder / name, tmp_path / "none"))
