"""Datasets that TFDS built as inputs: what is in them is known."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsp_core import io
from ddsp_core.errors import UsageError
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import parse_example_id
from pipelines import launcher, tfds_export
from pipelines.prepare import prepare
from pipelines.tfds_export import candidates_of, export, find_ranges, is_exported
from tests.pipelines.preparations import examples, options, sha256s, sources
from tests.pipelines.tfds_made import (
    N_MELODIES,
    Melodies,
    Notes,
    Unnamed,
    build,
    example,
    note,
)


@pytest.fixture(scope="module")
def melodies(tmp_path_factory):
    return build(Melodies, tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    return build(Notes, tmp_path_factory.mktemp("tfds"))


def exported(address, root):
    ranges = find_ranges([address])
    for one in ranges:
        export(one, str(root))
    return candidates_of(ranges, str(root))


def test_every_example_is_a_recording_of_the_very_samples(melodies, tmp_path):
    address = f"tfds://melodies?split=train&data_dir={melodies}"
    candidates, rejected = exported(address, tmp_path)
    names = [f"tfds://melodies/1.0.0/train#{k:06d}" for k in range(N_MELODIES)]
    assert [one.source for one in candidates] == names
    for k, one in enumerate(candidates):
        audio, rate = soundfile.read(one.path, dtype="float32")
        assert rate == 22_050
        np.testing.assert_array_equal(audio * 32768, example(k)["audio"])
    (empty,) = rejected
    assert empty.source == f"tfds://melodies/1.0.0/train#{N_MELODIES:06d}"
    assert "needed samples" in empty.reason


def test_parts_of_splits_keep_their_numbers(melodies, tmp_path):
    address = f"tfds://melodies:1.0.0?split=train[2:4]%2Btest&data_dir={melodies}"
    candidates, _ = exported(address, tmp_path)
    assert [one.source.rpartition("/")[2] for one in candidates] == [
        "test#000000",
        "train#000002",
        "train#000003",
    ]


def test_the_same_bytes_come_again_and_nothing_is_read_twice(
    melodies, tmp_path, monkeypatch
):
    address = f"tfds://melodies?data_dir={melodies}"
    for name in ("one", "two"):
        exported(address, tmp_path / name)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in _files(tmp_path / n)}
        for n in ("one", "two")
    )
    assert one == two
    (ranges,) = [find_ranges([address])]
    assert all(is_exported(r, str(tmp_path / "one")) for r in ranges)
    next((tmp_path / "one" / "media").glob("??/*.wav")).unlink()
    assert not all(is_exported(r, str(tmp_path / "one")) for r in ranges)


def test_small_ranges_hold_the_same(melodies, tmp_path, monkeypatch):
    address = f"tfds://melodies?data_dir={melodies}"
    whole = [one.source for one in exported(address, tmp_path / "whole")[0]]
    monkeypatch.setattr(tfds_export, "RANGE_EXAMPLES", 2)
    assert len(find_ranges([address])) == 4
    assert [one.source for one in exported(address, tmp_path / "x")[0]] == whole


def test_features_of_nsynth_come_with_their_f0_and_name(notes, tmp_path):
    candidates, rejected = exported(f"tfds://notes?data_dir={notes}", tmp_path)
    assert len(candidates) == 6 and not rejected
    for k, one in enumerate(candidates):
        f0_hz, audio = note(k)
        assert one.source.endswith(f"#{k:06d}/flute_acoustic_{k:03d}-{57 + k:03d}-100")
        stored, rate = soundfile.read(one.path, dtype="float32")
        assert rate == 16_000
        np.testing.assert_array_equal(stored, audio)
        rows = list(csv.DictReader(open(one.path.replace(".wav", ".f0.csv"))))
        assert len(rows) == 1000
        assert [float(r["time"]) for r in rows[:3]] == [0.0, 0.004, 0.008]
        assert float(rows[9]["frequency"]) == pytest.approx(f0_hz * 1.01)
        assert float(rows[9]["confidence"]) == pytest.approx(0.95)


def test_a_dataset_s_own_f0_can_be_kept(notes, tmp_path):
    """It is a hundredth higher than what sounds, so kept f0 is told from heard f0."""
    asked = options(
        f"tfds://notes?data_dir={notes}", tmp_path / "out", pitch="file:{stem}.f0.csv"
    )
    assert prepare(asked).manifest.spec.f0 == "file/1"
    keys = {r["source_key"]: r["source"] for r in sources(tmp_path / "out").values()}
    held = examples(tmp_path / "out")
    assert len(held["f0_hz"]) >= 6
    for example_id, f0_hz in zip(held["example_id"], held["f0_hz"], strict=True):
        source = keys[parse_example_id(example_id.decode())[0]]
        number = int(source.partition("#")[2][:6])
        np.testing.assert_allclose(f0_hz, note(number)[0] * 1.01, rtol=1e-6)
    np.testing.assert_allclose(held["f0_confidence"], 0.95, rtol=1e-6)


def test_the_time_of_f0_frames_can_be_said(notes, tmp_path):
    address = f"tfds://notes?data_dir={notes}&f0_offset_secs=0.032"
    (one, *_), _ = exported(address, tmp_path)
    rows = list(csv.DictReader(open(one.path.replace(".wav", ".f0.csv"))))
    assert float(rows[1]["time"]) == 0.036


def test_what_an_address_leaves_open_is_asked(tmp_path):
    folder = build(Unnamed, tmp_path / "tfds")
    address = f"tfds://unnamed?data_dir={folder}"
    with pytest.raises(UsageError, match=r"near/audio.*say \?audio=NAME"):
        find_ranges([address])
    with pytest.raises(UsageError, match=r"say \?sample_rate=N"):
        find_ranges([f"{address}&audio=near/audio"])
    full = f"{address}&audio=near/audio&sample_rate=16000"
    (one,), _ = exported(full, tmp_path / "store")
    assert soundfile.info(one.path).samplerate == 16_000


def test_integers_beyond_their_width_are_refused_with_the_remedy(melodies, tmp_path):
    address = f"tfds://melodies?split=test&data_dir={melodies}&bits=12"
    candidates, (row,) = exported(address, tmp_path)
    assert not candidates and "?bits=24" in row.reason


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tfds://no_such_dataset?data_dir={0}", "knows no such dataset in"),
        ("tfds://melodies:9.9.9?data_dir={0}", "knows no such dataset|version"),
        ("tfds://melodies?split=nothing&data_dir={0}", "there are test, train"),
        ("tfds://notes?data_dir={0}/elsewhere", r"not prepared in.*\?download=1"),
    ],
)
def test_what_is_not_there_is_one_line_with_the_remedy(melodies, address, message):
    with pytest.raises(UsageError, match=message):
        find_ranges([address.format(melodies)])


def test_a_dataset_is_prepared_now_only_if_that_is_said(tmp_path):
    folder = tmp_path / "tfds"
    with pytest.raises(UsageError, match="not prepared"):
        find_ranges([f"tfds://notes?data_dir={folder}"])
    assert not folder.exists()
    assert len(find_ranges([f"tfds://notes?data_dir={folder}&download=1"])) == 1


def test_a_damaged_record_costs_itself(melodies, tmp_path):
    folder = build(Melodies, tmp_path / "tfds")
    (shard,) = Path(folder).glob("melodies/1.0.0/*-train*")
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)
    address = f"tfds://melodies?split=train&data_dir={folder}"
    candidates, rejected = exported(address, tmp_path / "store")
    reasons = [row.reason for row in rejected]
    assert len(candidates) + len(rejected) == N_MELODIES + 1
    assert len(candidates) >= 2 and any("TFDS cannot read it" in r for r in reasons)


def test_the_whole_road_from_tfds_to_a_dataset(melodies, tmp_path, monkeypatch):
    address = f"tfds://melodies?data_dir={melodies}"
    out = tmp_path / "out"
    asked = options(address, out, min_eval_secs=2.0)
    manifest, is_new, *_ = prepare(asked)
    assert is_new and manifest.n_records("train") and manifest.n_records("eval")
    sources = io.read_jsonl(out / "sources.jsonl")
    assert {row["source"].rpartition("/")[2] for row in sources} == {
        "test#000000",
        *(f"train#{k:06d}" for k in range(N_MELODIES)),
    }
    rejected = {row["source"]: row for row in io.read_jsonl(out / "rejected.jsonl")}
    assert rejected[f"tfds://melodies/1.0.0/train#{N_MELODIES:06d}"]["is_audio"]
    before = sha256s(out)

    def not_again(*args):
        raise AssertionError("it was read again")

    monkeypatch.setattr(tfds_export, "export", not_again)
    again, is_new, *_ = prepare(asked)
    assert not is_new and again == DatasetManifest.load(out)
    (out / "dataset.json").unlink()
    prepare(asked)
    assert sha256s(out) == before


def test_groups_and_held_out_examples_are_named_by_their_address(notes, tmp_path):
    asked = options(
        f"tfds://notes?data_dir={notes}", tmp_path / "out", holdout=r"#00000[45]/"
    )
    prepare(asked)
    sources = io.read_jsonl(tmp_path / "out" / "sources.jsonl")
    numbers = {
        int(row["source"].partition("#")[2][:6])
        for row in sources
        if row["split"] == "eval"
    }
    assert numbers == {4, 5}


def test_no_address_asks_nothing_of_tfds():
    assert launcher.find_examples([]) == []


def _files(folder):
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)
