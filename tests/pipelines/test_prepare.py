"""The whole preparation, on generated melodies with the real features."""

import argparse
import dataclasses
import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import codec, io
from ddsp_core.errors import (
    DatasetError,
    FeatureError,
    StoppedError,
    StorageError,
    UsageError,
)
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import ExampleSpec, parse_example_id
from ddsp_core.statistics import Statistics
from pipelines import directory, transforms
from pipelines.commands import prepare as command
from pipelines.elements import Candidate
from pipelines.finish import REJECTED_NAME, SOURCES_NAME
from pipelines.options import PrepareOptions
from pipelines.prepare import prepare, typed_error
from pipelines.runtime import ExtractorOptions, Job
from tests.pipelines.recordings import melody, write

SPEC = ExampleSpec.from_seconds(2.0, 16_000, 50, 0.5)


def options(inputs, out, store=None, **changes):
    choices = {"spec": SPEC, "min_eval_secs": 5.0, "store": store} | changes
    return PrepareOptions(inputs=(str(inputs),), out=str(out), **choices)


def sha256s(path):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.iterdir())
        if file.is_file() and not file.name.startswith(".")
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two melodies with a long rest, a copy, a short one, and three that fail."""
    path = tmp_path_factory.mktemp("corpus")
    a = melody(24, 16_000, seed=1)
    a[8 * 16_000 : 14 * 16_000] = 0
    write(path / "a.wav", a, 16_000, subtype="PCM_16")
    write(path / "b.flac", melody(25, 44_100, seed=2), 44_100)
    copy = path / os.fsdecode(b"copy \xff of a.wav")
    write(path / "copy.wav", a, 16_000, subtype="PCM_16").rename(copy)
    write(path / "short.wav", melody(1, 16_000), 16_000)
    write(path / "none.wav", np.zeros(0, np.float32), 16_000)
    (path / "text.wav").write_text("not a recording")
    (path / "notes.csv").write_text("0, 60")
    (path / os.fsdecode(b"zero \xff.wav")).touch()
    return path


@pytest.fixture(scope="module")
def dataset(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "out"
    prepare(options(corpus, out))
    return out


@pytest.fixture
def store(dataset):
    """Features of the corpus, so that they are computed once for all tests."""
    return str(dataset / ".features")


def test_the_directory_is_whole_and_nothing_else_is_there(dataset):
    manifest = DatasetManifest.load(dataset)
    assert manifest.problems(dataset, check_bytes=True) == []
    assert manifest.n_records("train") > 10 and manifest.n_records("eval") > 0
    assert manifest.spec.f0 == "crepe-tiny-viterbi/1"
    shards = [s.name for rows in manifest.shards.values() for s in rows]
    names = {"dataset.json", "sources.jsonl", "rejected.jsonl", "statistics.json"}
    assert {p.name for p in dataset.iterdir()} == {*names, *shards, ".features"}


def test_every_entry_of_the_folder_is_listed_with_a_reason_or_used(corpus, dataset):
    sources = {row["source"] for row in io.read_jsonl(dataset / SOURCES_NAME)}
    rejected = io.read_jsonl(dataset / REJECTED_NAME)
    reasons = {os.path.basename(row["source"]): row["reason"] for row in rejected}
    assert sources | {row["source"] for row in rejected} == {
        str(path) for path in corpus.iterdir()
    }
    assert "same samples as" in reasons[os.fsdecode(b"copy \xff of a.wav")]
    assert reasons["none.wav"] == "it holds no samples"
    assert reasons["short.wav"] == "too short: 1 s, an example needs 2 s"
    assert reasons["text.wav"].startswith("it holds text, not audio")
    assert reasons["notes.csv"] == "not an audio file (.csv)"
    assert reasons[os.fsdecode(b"zero \xff.wav")] == "the file is empty (0 bytes)"
    assert {row["stage"] for row in rejected} == {"find", "decode", "duplicate", "plan"}


def test_every_second_of_every_recording_is_accounted_for(dataset):
    rows = io.read_jsonl(dataset / SOURCES_NAME)
    for row in rows:
        parts = row["intervals"]
        assert parts[0]["start"] == 0 and parts[-1]["stop"] == row["n_samples"]
        assert [p["stop"] for p in parts[:-1]] == [p["start"] for p in parts[1:]]
    (silent,) = [
        part for row in rows for part in row["intervals"] if part["reason"] == "silent"
    ]
    assert 8 <= silent["start"] / 16_000 < silent["stop"] / 16_000 <= 14
    total = DatasetManifest.load(dataset).details["seconds"]
    assert sum(total.values()) == pytest.approx(24 + 25 + 1, abs=0.01)


def examples(dataset, split):
    manifest = DatasetManifest.load(dataset)
    raw = [
        record
        for shard in manifest.split(split)
        for record in tf.data.TFRecordDataset(
            str(dataset / shard.name)
        ).as_numpy_iterator()
    ]
    parsed = codec.parse(manifest.spec, tf.constant(raw))
    return {name: value.numpy() for name, value in parsed.items()}


@pytest.mark.parametrize("split", ["train", "eval"])
def test_examples_lie_where_the_sources_say_and_nowhere_else(dataset, split):
    rows = {row["source_key"]: row for row in io.read_jsonl(dataset / SOURCES_NAME)}
    held = {key: np.zeros(row["n_samples"], bool) for key, row in rows.items()}
    for name in examples(dataset, split)["example_id"]:
        key, start = parse_example_id(name.decode())
        rate = rows[key]["sample_rate"]
        stop = start + SPEC.n_samples
        held[key][start * rate // 16_000 : stop * rate // 16_000] = True
    for key, row in rows.items():
        said = np.zeros(row["n_samples"], bool)
        for part in row["intervals"]:
            said[part["start"] : part["stop"]] = part["use"] == split
        np.testing.assert_array_equal(held[key], said)


def test_no_audio_is_in_both_splits(dataset):
    frames = {"train": set(), "eval": set()}
    for split, held in frames.items():
        for name in examples(dataset, split)["example_id"]:
            key, start = parse_example_id(name.decode())
            first = start // SPEC.hop_size
            held |= {(key, first + k) for k in range(SPEC.n_frames)}
    assert frames["train"] and frames["eval"]
    assert not frames["train"] & frames["eval"]


def test_f0_is_that_of_the_melody(dataset):
    """The tone changes each half second: its inner 0.2 s are compared."""
    parts = [examples(dataset, split) for split in ("train", "eval")]
    found = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    rows = {row["source_key"]: row for row in io.read_jsonl(dataset / SOURCES_NAME)}
    rng = np.random.default_rng(1)
    notes_hz = 220 * 2 ** (rng.integers(0, 12, 49) / 12)
    errors = []
    for name, f0_hz, loudness_db in zip(
        found["example_id"], found["f0_hz"], found["loudness_db"], strict=True
    ):
        key, start = parse_example_id(name.decode())
        if not rows[key]["source"].endswith("a.wav"):
            continue
        secs = start / 16_000 + np.arange(SPEC.n_frames) / 50
        inside = (np.abs(secs % 0.5 - 0.25) < 0.1) & (loudness_db > -60)
        # At 50 frames/s, Viterbi needs this long from what silence seemed to be.
        inside &= np.abs(secs - 11) > 3.5
        truth = notes_hz[(secs * 2).astype(int)]
        errors.append(1200 * np.log2(f0_hz / truth)[inside])
    errors = np.abs(np.concatenate(errors))
    assert np.median(errors) < 10 and np.mean(errors > 50) < 0.005


def test_statistics_are_those_of_the_training_frames(dataset):
    statistics = Statistics.load(dataset)
    found = examples(dataset, "train")
    unique = {}
    for name, loudness_db in zip(
        found["example_id"], found["loudness_db"], strict=True
    ):
        key, start = parse_example_id(name.decode())
        for k, value in enumerate(loudness_db):
            unique[key, start // SPEC.hop_size + k] = value
    values = np.array(list(unique.values()))
    assert statistics.loudness_db.n == len(values)
    assert statistics.loudness_db.mean() == pytest.approx(values.mean(), abs=0.01)
    assert 57 < statistics.mean_pitch < 69  # A3 to A4


def test_another_store_and_folder_give_the_same_bytes(corpus, dataset, tmp_path):
    again = tmp_path / "again"
    prepare(options(corpus, again, store=str(tmp_path / "store")))
    assert sha256s(again) == sha256s(dataset)
    assert not (again / ".features").exists()


@pytest.mark.slow
def test_two_worker_processes_give_the_same_bytes(corpus, dataset, tmp_path):
    prepare(options(corpus, tmp_path / "out", workers=2))
    assert sha256s(tmp_path / "out") == sha256s(dataset)


def test_the_same_again_is_there_already_and_nothing_is_written(corpus, dataset):
    before = {path: path.stat().st_mtime_ns for path in dataset.iterdir()}
    manifest, is_new = prepare(options(corpus, dataset))
    assert not is_new and manifest == DatasetManifest.load(dataset)
    assert {path: path.stat().st_mtime_ns for path in dataset.iterdir()} == before


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
    manifest, is_new = prepare(asked)
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
    assert not (Path(asked.out) / ".prepare").exists()


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
            directory.commit(out / directory.WORK_NAME, out)
    with pytest.raises(DatasetError, match=r"has no dataset\.json"):
        DatasetManifest.load(out)  # half-way: nobody takes it for whole
    _, is_new = prepare(options(corpus, out, store))
    assert not is_new and sha256s(out) == sha256s(dataset)


def test_one_bad_file_never_ends_a_job(tmp_path, monkeypatch):
    def broken(source):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(transforms, "scan_recording", broken)
    job = Job(options("in", "out"), ExtractorOptions(50, "tiny", None), {}, "", "")
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
    assert [p.name for p in out.iterdir()] == [REJECTED_NAME]


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


def test_two_preparations_do_not_write_to_one_directory(corpus, tmp_path):
    out = tmp_path / "out"
    with (
        directory.exclusive(out),
        pytest.raises(StorageError, match="another preparation"),
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


def test_the_command_says_what_came_out(corpus, dataset):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    line = [str(corpus), "--out", str(dataset), "--example-secs", "2"]
    line += ["--example-hop-secs", "0.5", "--frame-rate", "50"]
    args = parser.parse_args(line)
    args.beam_options = []
    with pytest.raises(DatasetError, match="other"):  # min_eval_secs is another
        command.run(args)
    from pipelines.summary import summarise

    manifest = DatasetManifest.load(dataset)
    result = summarise(manifest, dataset, is_new=True)
    text = result.pop("text")
    assert "too short: short.wav" in text and "silent: a.wav" in text
    assert "text.wav: it holds text, not audio" in text
    assert f"luthier train --data {dataset}" in text
    assert json.loads(json.dumps(result))["n_examples"] == {
        split: manifest.n_records(split) for split in ("train", "eval")
    }
    assert sum(result["refused_seconds"].values()) == pytest.approx(
        result["seconds"]["refused"], abs=0.01
    )


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            (
                "Traceback\nddsp_core.errors.AudioError: 'a' is gone\nThe above\n"
                "ddsp_core.errors.StorageError: it's full; go on [while running 'W']\n"
            ),
            StorageError,
            "it's full; go on",
        ),
        (
            "ddsp_core.errors.DatasetError: no usable audio",
            DatasetError,
            "no usable audio",
        ),
        ("KeyError: 3 [while running 'Plan']", None, ""),
        (
            "RuntimeError: KeyboardInterrupt [while running 'Plan']",
            KeyboardInterrupt,
            "",
        ),
        (
            "RuntimeError: ddsp_core.errors.StoppedError: stopped by SIGTERM [while ",
            StoppedError,
            "stopped by SIGTERM [while ",
        ),
        ("ddsp_core.errors.Nothing: x", None, ""),
    ],
)
def test_what_a_worker_raised_is_read_from_the_runners_text(text, kind, message):
    error = typed_error(text)
    assert (None if error is None else type(error)) == kind
    assert kind is None or str(error) == message


def test_equal_recordings_are_kept_once(tmp_path):
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.testing.util import assert_that, equal_to

    from pipelines.elements import Recording, Rejected
    from tests.pipelines.recordings import recording

    one = recording("b.wav", 100)
    rows = [one, dataclasses.replace(one, source="a.wav"), recording("c.wav", 100)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = pipeline | beam.Create(rows) | transforms.FindDuplicates()
        kept = found | "Kept" >> beam.Filter(transforms._is_a, Recording)
        names = kept | beam.Map(transforms._source_of)
        assert_that(names, equal_to(["a.wav", "c.wav"]), label="kept")
        others = found | "Others" >> beam.Filter(transforms._is_a, Rejected)
        assert_that(
            others | "Names" >> beam.Map(transforms._source_of),
            equal_to(["b.wav"]),
            label="listed",
        )
