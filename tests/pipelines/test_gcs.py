"""Preparations from `gs://` to `gs://`, with the feature store there as well."""

import json

import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError
from pipelines import cli, plan, tfds_export, transforms
from pipelines.write import write_shard
from tests.pipelines import buckets
from tests.pipelines.tfds_made import N_MELODIES, Melodies, build


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """A place on a disk: recordings, a store and a dataset."""
    place = tmp_path_factory.mktemp("gcs")
    buckets.make_corpus(place / "in")
    assert buckets.prepare(place) == 0
    return place


@pytest.fixture
def filled(on_disk, bucket):
    """A bucket with the recordings and the features."""
    buckets.put(on_disk / "in", f"{bucket}/in")
    buckets.put(on_disk / "store", f"{bucket}/store")
    return bucket


@pytest.fixture
def made(on_disk, filled):
    """A bucket with the dataset as well."""
    buckets.put(on_disk / "out", f"{filled}/out")
    return filled


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(plan, "SHARD_BYTES", 1_500_000)


def rows(place, name):
    """What a file of the account says, without the name of the place."""
    return io.read_text(f"{place}/out/{name}").replace(str(place), "")


def test_a_bucket_and_a_disk_give_the_same_dataset(on_disk, bucket, capsys):
    buckets.put(on_disk / "in", f"{bucket}/in")
    assert buckets.prepare(bucket, "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["dataset"] == f"{bucket}/out" and told["is_new"]
    assert buckets.shards_of(f"{bucket}/out") == buckets.shards_of(on_disk / "out")
    for name in ("sources.jsonl", "rejected.jsonl", "joined.jsonl"):
        assert rows(bucket, name) == rows(on_disk, name)
    assert buckets.names_in(f"{bucket}/store") == buckets.names_in(on_disk / "store")
    in_bucket = buckets.sha256s_in(f"{bucket}/out")
    assert in_bucket.keys() == buckets.sha256s_in(on_disk / "out").keys()
    assert buckets.names_in(f"{bucket}/out") == sorted(in_bucket)  # nothing is left


def test_what_is_there_is_found_and_told(made, gcs_proxy, capsys):
    gcs_proxy.requests.clear()
    assert buckets.prepare(made, "--json") == 0
    assert not json.loads(capsys.readouterr().out.splitlines()[-1])["is_new"]
    written = [path for method, path, _ in gcs_proxy.requests if method != "GET"]
    assert len(written) == 2  # the lock, taken and given up
    assert cli.main(["inspect", f"{made}/out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["kind"] == "dataset" and told["whole"]
    assert cli.main(["store", f"{made}/store", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["bytes"] > 0


def test_a_store_in_a_bucket_is_pruned(made, capsys):
    before = buckets.names_in(f"{made}/store")
    io.write_bytes(f"{made}/store/ab/{'ab' * 32}.features", b"of no dataset")
    prune = ["store", f"{made}/store", "--prune", "--keep", f"{made}/out", "--json"]
    for extra in (["--dry-run"], []):
        assert cli.main([*prune, *extra]) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told["n_removed"] == 1
    assert buckets.names_in(f"{made}/store") == before


def test_a_damaged_shard_in_a_bucket_is_seen_and_made_again(made, capsys):
    whole = buckets.shards_of(f"{made}/out")
    (name, *_) = whole[0]
    io.write_bytes(f"{made}/out/{name}", b"damaged")
    assert cli.main(["inspect", f"{made}/out", "--json"]) == 0
    assert not json.loads(capsys.readouterr().out.splitlines()[-1])["whole"]
    assert buckets.prepare(made, "--force") == 0
    assert buckets.shards_of(f"{made}/out") == whole


def test_a_changed_recording_in_a_bucket_is_another_dataset(made, capsys):
    whole = buckets.shards_of(f"{made}/out")
    io.move(f"{made}/in/a.wav", f"{made}/kept.wav")
    assert buckets.prepare(made) == 2
    assert "holds another dataset" in capsys.readouterr().err
    assert buckets.shards_of(f"{made}/out") == whole


def test_finished_shards_in_a_bucket_are_taken_over(filled, small_shards, monkeypatch):
    names = []

    def write(shard, *args):
        names.append(shard.name)
        if len(names) == 3:
            raise StorageError("writing failed; run the same command again")
        return write_shard(shard, *args)

    monkeypatch.setattr(transforms, "write_shard", write)
    assert buckets.prepare(filled) == 3
    assert not io.is_file(f"{filled}/out/dataset.json")
    assert buckets.prepare(filled) == 0
    shards, _ = buckets.shards_of(f"{filled}/out")
    assert len(shards) > 4 and len(names) == len(shards) + 1


def test_a_dry_run_looks_into_a_bucket_and_writes_nothing(
    on_disk, filled, gcs_proxy, capsys
):
    told = []
    for place in (on_disk, filled):
        gcs_proxy.requests.clear()
        assert buckets.prepare(place, "--dry-run", "--json", "--force") == 0
        told.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert {method for method, _, _ in gcs_proxy.requests} == {"GET"}
    for name in ("n_files", "n_refused", "secs", "n_examples_at_most"):
        assert told[0][name] == told[1][name]


def test_examples_of_tfds_are_kept_in_a_bucket(bucket, tmp_path):
    data = build(Melodies, tmp_path / "tfds")
    ranges = tfds_export.find_ranges([f"tfds://melodies?data_dir={data}"])
    found = []
    for place in (str(tmp_path / "store"), f"{bucket}/store"):
        for one in ranges:
            assert not tfds_export.is_exported(one, place)
            tfds_export.export(one, place)
            assert tfds_export.is_exported(one, place)
        candidates, rejected = tfds_export.candidates_of(ranges, place)
        digests = [(one.source, io.sha256_file(one.path)) for one in candidates]
        found.append((digests, rejected, buckets.names_in(place)))
    assert found[0] == found[1] and len(found[0][0]) > N_MELODIES


def test_where_nothing_is_usable_the_reasons_are_in_the_bucket(bucket, capsys):
    io.write_text(f"{bucket}/in/text.wav", "not a recording")
    assert buckets.prepare(bucket) == 2
    assert "no usable audio in 1 files" in capsys.readouterr().err
    left = {"rejected.jsonl", "report.html", "report.json"}
    assert set(buckets.names_in(f"{bucket}/out")) == left


def test_a_place_that_never_answers_ends_with_3(filled, gcs_proxy, impatient, capsys):
    gcs_proxy.fault = lambda method, path: ("status", 503)
    assert buckets.prepare(filled) == 3
    assert "gave up after 0.5 s" in capsys.readouterr().err
    gcs_proxy.reset()
    assert buckets.names_in(f"{filled}/out") == []


def test_what_is_read_on_a_disk_only_says_so(made, tmp_path, capsys):
    out = str(tmp_path / "model")
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "--data", f"{made}/out", "--out", out])
    assert "gcloud storage cp -r" in capsys.readouterr().err
    for command in (["transfer", out, f"{made}/in"], ["adopt", f"{made}/out"]):
        assert cli.main([*command, "--out", out]) == 3
        assert "gcloud storage cp -r" in capsys.readouterr().err
    assert cli.main(["adopt", str(tmp_path), "--out", f"{made}/new"]) == 3
    assert "gcloud storage cp -r" in capsys.readouterr().err
