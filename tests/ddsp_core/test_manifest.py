"""`dataset.json`: the done-marker and the only thing that training needs."""

import dataclasses
import json

import pytest

from ddsp_core import io
from ddsp_core.errors import DatasetError, SpecError
from ddsp_core.manifest import MANIFEST_NAME, DatasetManifest, Shard, SplitPolicy
from ddsp_core.spec import ExampleSpec

LENGTH = 100


@pytest.fixture
def dataset(tmp_path):
    """A directory with two shards of two and one records of 100 bytes."""
    shards = {}
    for split, n in (("train", 2), ("eval", 1)):
        path = tmp_path / f"{split}.tfrecord-00000-of-00001"
        path.write_bytes(bytes(n * (LENGTH + 16)))
        shards[split] = (Shard(path.name, n, io.sha256_file(path)),)
    manifest = DatasetManifest(
        ExampleSpec(),
        LENGTH,
        SplitPolicy.TAIL,
        shards,
        "abc",
        {"seconds": {"train": 1}},
    )
    manifest.save(tmp_path)
    return tmp_path, manifest


def change(path, **entries):
    data = json.loads((path / MANIFEST_NAME).read_text())
    (path / MANIFEST_NAME).write_text(json.dumps(data | entries))


def test_a_manifest_survives_its_file(dataset):
    path, manifest = dataset
    assert DatasetManifest.load(path) == manifest
    assert manifest.n_records("train") == 2
    assert manifest.problems(path, check_bytes=True) == []


def test_a_directory_without_a_manifest_is_not_a_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"has no dataset\.json.*luthier prepare"):
        DatasetManifest.load(tmp_path)
    with pytest.raises(DatasetError, match="does not exist"):
        DatasetManifest.load(tmp_path / "nowhere")


def test_missing_cut_and_changed_shards_are_found(dataset):
    path, manifest = dataset
    train, evaluation = (manifest.split(s)[0].name for s in ("train", "eval"))
    (path / train).write_bytes(b"\1" + (path / train).read_bytes()[1:])
    assert manifest.problems(path) == []
    assert [train in p for p in manifest.problems(path, check_bytes=True)] == [True]
    (path / train).write_bytes(b"short")
    (path / evaluation).unlink()
    problems = manifest.problems(path)
    assert any("has 5 bytes, needed 232" in problem for problem in problems)
    assert any("is missing" in problem for problem in problems)


@pytest.mark.parametrize(
    "entries",
    [
        {"format_version": 99},
        {"splits": {"train": [{"name": "../x", "n_records": 1, "sha256": ""}]}},
        {"splits": {"train": [{"name": "x", "n_records": -1, "sha256": ""}]}},
        {"splits": 3},
        {"split_policy": "by hand"},
        {"record_length": None},
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(dataset, entries):
    path, _ = dataset
    change(path, **entries)
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        DatasetManifest.load(path)


def test_text_that_is_not_json_is_refused(dataset):
    path, _ = dataset
    (path / MANIFEST_NAME).write_text("{")
    with pytest.raises(DatasetError, match="is damaged"):
        DatasetManifest.load(path)


def test_a_spec_that_contradicts_itself_is_refused_with_the_file(dataset):
    path, _ = dataset
    change(path, spec=ExampleSpec().to_json() | {"hop_size": 63})
    with pytest.raises(SpecError, match=r"dataset\.json: a hop of 63"):
        DatasetManifest.load(path)


def test_an_unknown_split_is_named_with_those_there_are(dataset):
    _, manifest = dataset
    with pytest.raises(DatasetError, match=r"no split 'test'.*eval.*train"):
        manifest.split("test")
    assert dataclasses.replace(manifest, shards={}).shards == {}
