"""The whole preparation, on generated melodies with the real features."""

import argparse
import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from ddsp_core import io
from ddsp_core.audio.scan import scan
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import parse_example_id
from ddsp_core.statistics import Statistics
from pipelines import directory, measure, transforms
from pipelines.commands import prepare as command
from pipelines.finish import REJECTED_NAME, SOURCES_NAME
from pipelines.prepare import prepare
from tests.pipelines.preparations import SPEC, examples, options, sha256s
from tests.pipelines.recordings import melody, write


def test_the_directory_is_whole_and_nothing_else_is_there(dataset):
    manifest = DatasetManifest.load(dataset)
    assert manifest.problems(dataset, check_bytes=True) == []
    assert manifest.n_records("train") > 10 and manifest.n_records("eval") > 0
    assert manifest.spec.f0 == "crepe-tiny-viterbi/2"  # every frame at 50 Hz
    shards = [s.name for rows in manifest.shards.values() for s in rows]
    assert {p.name for p in dataset.iterdir()} == {
        "dataset.json",
        *directory.BESIDE_SHARDS,
        *directory.OF_REPORT,
        *shards,
        ".features",
    }


def test_every_entry_of_the_folder_is_listed_with_a_reason_or_used(corpus, dataset):
    sources = {row["source"] for row in io.read_jsonl(dataset / SOURCES_NAME)}
    rejected = io.read_jsonl(dataset / REJECTED_NAME)
    reasons = {os.path.basename(row["source"]): row["reason"] for row in rejected}
    assert sources | {row["source"] for row in rejected} == {
        str(path) for path in corpus.iterdir()
    }
    assert "same samples as" in reasons[os.fsdecode(b"copy \xff of a.wav")]
    assert reasons["none.wav"] == "it holds no samples"
    assert "all short files of its split together" in reasons["short.wav"]
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
    manifest, is_new, metrics = prepare(options(corpus, dataset))
    assert not is_new and not metrics and manifest == DatasetManifest.load(dataset)
    assert {path: path.stat().st_mtime_ns for path in dataset.iterdir()} == before


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
    result = summarise(manifest, str(dataset), is_new=True)
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


def test_adding_a_file_decodes_only_what_is_new(corpus, store, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    shutil.copytree(corpus, folder)
    prepare(options(folder, tmp_path / "before", store=store))
    write(folder / "new.wav", melody(12, 16_000, seed=5), 16_000)
    scanned = []

    def counted(path):
        scanned.append(os.path.basename(path))
        return scan(path)

    monkeypatch.setattr(measure, "scan", counted)
    prepare(options(folder, tmp_path / "after", store=store))
    unreadable = {"none.wav", "text.wav"}
    assert set(scanned) - unreadable == {"new.wav"}
    fresh = options(folder, tmp_path / "fresh", store=str(tmp_path / "store"))
    prepare(fresh)
    assert sha256s(tmp_path / "after") == sha256s(tmp_path / "fresh")
