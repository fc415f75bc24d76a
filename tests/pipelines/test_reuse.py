"""A preparation that was stopped goes on with the shards that it had finished."""

import dataclasses

import pytest

from ddsp_core.errors import StorageError
from pipelines import plan, transforms
from pipelines.prepare import prepare
from pipelines.reuse import finished, shard_digest
from pipelines.write import write_shard
from tests.pipelines.preparations import options, sha256s


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(plan, "SHARD_BYTES", 1_500_000)


@pytest.fixture
def writes(monkeypatch):
    """Names of the shards that are written; the third fails once."""
    names = []

    def write(shard, *args):
        names.append(shard.name)
        if len(names) == 3:
            raise StorageError("writing failed; run the same command again")
        return write_shard(shard, *args)

    monkeypatch.setattr(transforms, "write_shard", write)
    return names


def test_finished_shards_are_not_written_again(
    corpus, store, tmp_path, small_shards, writes
):
    asked = options(corpus, tmp_path / "out", store=store)
    with pytest.raises(StorageError):
        prepare(asked)
    manifest, is_new, _ = prepare(asked)
    assert is_new and manifest.problems(tmp_path / "out", check_bytes=True) == []
    n_shards = sum(len(shards) for shards in manifest.shards.values())
    assert n_shards > 4 and len(writes) == n_shards + 1
    fresh = options(corpus, tmp_path / "fresh", store=store)
    prepare(fresh)
    assert sha256s(tmp_path / "fresh") == sha256s(tmp_path / "out")
    assert not (tmp_path / "out" / ".prepare").exists()


def test_shards_of_other_options_are_not_taken_over(
    corpus, store, tmp_path, small_shards, writes
):
    asked = options(corpus, tmp_path / "out", store=store)
    with pytest.raises(StorageError):
        prepare(asked)
    prepare(dataclasses.replace(asked, gain_db=-3.0))
    assert len(set(writes)) == len(writes) - 3


def test_a_damaged_shard_is_not_taken_over(
    corpus, store, tmp_path, small_shards, writes
):
    asked = options(corpus, tmp_path / "out", store=store)
    with pytest.raises(StorageError):
        prepare(asked)
    shard = next((tmp_path / "out" / ".prepare").glob("*.tfrecord-*[0-9]"))
    damaged = bytearray(shard.read_bytes())
    damaged[1000] ^= 1
    shard.write_bytes(damaged)
    manifest = prepare(asked).manifest
    assert manifest.problems(tmp_path / "out", check_bytes=True) == []


def test_a_digest_tells_plans_apart(corpus, store, tmp_path, small_shards, monkeypatch):
    plans = []

    def keep(shard, *args):
        plans.append(shard)
        return write_shard(shard, *args)

    monkeypatch.setattr(transforms, "write_shard", keep)
    prepare(options(corpus, tmp_path / "out", store=store))
    digests = {shard_digest(one, {"gain_db": 0.0}) for one in plans}
    assert len(digests) == len(plans) > 4
    assert not digests & {shard_digest(one, {"gain_db": 1.0}) for one in plans}
    assert finished(plans[0], next(iter(digests)), str(tmp_path)) is None
