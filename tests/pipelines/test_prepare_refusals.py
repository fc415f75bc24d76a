"""What ends a preparation, what does not, and what is left behind."""

import dataclasses
import errno
import shutil
from pathlib import Path

import pytest

from ddsp_core import codec, io
from ddsp_core.errors import (
    DatasetError,
    FeatureError,
    StorageError,
    UsageError,
)
from ddsp_core.features.options import PitchOptions
from ddsp_core.manifest import DatasetManifest
from pipelines import directory, transforms
from pipelines.elements import Candidate
from pipelines.finish import REJECTED_NAME, SOURCES_NAME
from pipelines.prepare import prepare
from pipelines.runtime import ExtractorOptions, Job
from tests.pipelines.preparations import options, sha256s
from tests.pipelines.recordings import melody, write


@pytest.fixture
def old(corpus, dataset, store, tmp_path):
    """A dataset, options that would replace it, and the hashes of what is there."""
    out = tmp_path / "out"
    shutil.copytree(dataset, out)
    return options(corpus / "b.flac", out, store, force=True), sha256s(out)


def test_another_dataset_is_replaced_only_by_force(old):
    asked, before = old
    out = Path(asked.out)
    with pytest.raises(DatasetError, match=r"holds another dataset.*--force"):
        prepare(dataclasses.replace(asked, force=False))
    assert sha256s(out) == before
    manifest, is_new, _ = prepare(asked)
    assert is_new and manifest.problems(out, check_bytes=True) == []
    (row,) = io.read_jsonl(out / SOURCES_NAME)
    assert row["source"].endswith("b.flac")
    shards = {s.name for rows in manifest.shards.values() for s in rows}
    assert {p.name for p in out.glob("*.tfrecord*")} == shards


def test_a_file_that_vanishes_ends_the_job_and_leaves_the_old_dataset(
    corpus, old, tmp_path, monkeypatch
):
    asked, before = old
    path = tmp_path / "gone.flac"
    path.write_bytes((corpus / "b.flac").read_bytes())
    make_plan = transforms.make_plan

    def plan_late(*args):
        path.unlink()
        return make_plan(*args)

    monkeypatch.setattr(transforms, "make_plan", plan_late)
    with pytest.raises(StorageError, match=r"gone\.flac' vanished.*same command again"):
        prepare(dataclasses.replace(asked, inputs=(str(path),)))
    assert sha256s(Path(asked.out)) == before
    assert not list(Path(asked.out).rglob(".prepare/dataset.json"))


def test_a_full_disk_ends_the_job_and_leaves_the_old_dataset(old, monkeypatch):
    asked, before = old

    def full(data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(codec, "frame_record", full)
    with pytest.raises(StorageError, match=r"No space left.*again$") as info:
        prepare(asked)
    assert info.value.exit_code == 3
    assert sha256s(Path(asked.out)) == before


def test_a_commit_that_was_interrupted_is_done_next_time(
    corpus, dataset, store, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    prepare(options(corpus / "b.flac", out, store))
    shutil.copytree(dataset, out / directory.WORK_NAME)
    replace, n_calls = Path.replace, []

    def interrupted(self, target):
        n_calls.append(target)
        if len(n_calls) == 3:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            directory.commit(f"{out}/{directory.WORK_NAME}", str(out), io.Lock(""))
    with pytest.raises(DatasetError, match=r"has no dataset\.json"):
        DatasetManifest.load(out)  # half-way: nobody takes it for whole
    assert prepare(options(corpus, out, store)).is_new is False
    assert sha256s(out) == sha256s(dataset)


def test_one_bad_file_never_ends_a_job(tmp_path, monkeypatch):
    def broken(*file):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(transforms, "scan_recording", broken)
    job = Job(options("in", "out"), ExtractorOptions(50, PitchOptions()), {}, "", "")
    decode = transforms._ScanFile(dataclasses.replace(job, work=str(tmp_path)))
    decode.setup()
    (row,) = decode.process(Candidate("take.wav"))
    assert row.reason == "unexpected ZeroDivisionError: oh"


def test_strict_makes_no_dataset_of_a_folder_with_a_bad_file(corpus, store, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(DatasetError, match=r"4 audio files were refused, and --strict"):
        prepare(options(corpus, out, store, strict=True))
    assert {row["source"] for row in io.read_jsonl(out / REJECTED_NAME)}
    assert not (out / "dataset.json").exists()


def test_nothing_usable_is_said_in_one_line_with_the_reasons_beside(tmp_path):
    write(tmp_path / "a.wav", melody(1, 16_000), 16_000)
    out = tmp_path / "out"
    with pytest.raises(
        DatasetError, match=r"no usable audio in 1 files; 'a\.wav': too"
    ):
        prepare(options(tmp_path / "a.wav", out))
    left = sorted(p.name for p in out.iterdir())
    assert left == [".features", REJECTED_NAME, *directory.OF_REPORT]


def test_a_folder_without_audio_makes_no_output(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.csv").touch()
    with pytest.raises(DatasetError, match=r"no audio file in .*notes\.csv"):
        prepare(options(tmp_path / "in", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_output_with_foreign_files_is_left_alone(corpus, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        prepare(options(corpus, tmp_path))
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="cannot become one"):
            prepare(options(corpus, out))


def test_a_store_that_cannot_be_a_folder_is_refused_at_once(corpus, tmp_path):
    (tmp_path / "file").touch()
    for store in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=r"--store .* cannot be a folder"):
            prepare(options(corpus, tmp_path / "out", store=str(store)))
    assert not (tmp_path / "out").exists()


def test_two_preparations_do_not_write_to_one_directory(corpus, tmp_path):
    out = tmp_path / "out"
    with (
        directory.exclusive(str(out)),
        pytest.raises(StorageError, match="another process is writing to"),
    ):
        prepare(options(corpus, out))
    assert not out.exists()


def test_a_holdout_that_matches_no_recording_is_refused(corpus, store, tmp_path):
    asked = options(corpus, tmp_path / "out", store, holdout="nobody")
    with pytest.raises(DatasetError, match="matches none of the 2 usable"):
        prepare(asked)


def test_missing_weights_are_named_before_anything_is_read(corpus, tmp_path):
    asked = options(corpus, tmp_path / "out", crepe_weights=str(tmp_path / "no.h5"))
    with pytest.raises(FeatureError, match=r"no\.h5"):
        prepare(asked)
    assert not (tmp_path / "out").exists()
