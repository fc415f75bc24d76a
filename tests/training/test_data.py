"""Batches: what order, from which step, and what is refused."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import DatasetError
from tests.training.tones import SPEC, tone_example, write_dataset
from training.data import Batches, Examples, in_order, record_numbers
from training.strategy import mirrored


def numbers_of(examples, batch):
    """Record numbers of a batch, found by comparing its audio."""
    audio = np.stack([examples.batch([n])["audio"][0] for n in range(len(examples))])
    return [int(np.argmin(np.abs(audio - row).max(1))) for row in batch["audio"]]


def take(batches, n, n_replicas):
    """The next `n` global batches, replicas joined in order."""
    out = []
    for _ in range(n):
        batch = next(batches)
        if n_replicas > 1:
            batch = {k: tf.concat(v.values, 0) for k, v in batch.items()}
        out.append({k: v.numpy() for k, v in batch.items()})
    return out


@pytest.mark.parametrize(("n_records", "batch_size"), [(10, 4), (3, 8), (7, 7), (1, 2)])
def test_every_record_comes_once_an_epoch(n_records, batch_size):
    numbers = np.concatenate(
        [record_numbers(5, s, batch_size, n_records) for s in range(n_records)]
    )
    epochs = numbers.reshape(batch_size, n_records)
    assert np.array_equal(
        np.sort(epochs, 1), np.tile(range(n_records), (batch_size, 1))
    )


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {
        tuple(record_numbers(seed, epoch, 50, 50))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


def test_first_places_are_uniform():
    first = collections.Counter(
        int(record_numbers(seed, 0, 1, 5)[0]) for seed in range(2000)
    )
    assert all(abs(first[n] - 400) < 5 * np.sqrt(400) for n in range(5))


@pytest.mark.parametrize("n_replicas", [1, 2])
def test_batches_are_the_slices_of_the_order_whatever_the_replicas(dataset, n_replicas):
    examples = Examples.open(dataset)
    batches = take(Batches(examples, mirrored(n_replicas), 4, 7), 4, n_replicas)
    for step, batch in enumerate(batches):
        assert numbers_of(examples, batch) == list(record_numbers(7, step, 4, 10))
        assert list(batch["row"]) == [0, 1, 2, 3]


def test_a_later_start_gives_exactly_the_later_batches(dataset):
    examples = Examples.open(dataset)
    whole = take(Batches(examples, mirrored(1), 4, 7), 5, 1)
    later = take(Batches(examples, mirrored(1), 4, 7, first_step=3), 2, 1)
    for expected, got in zip(whole[3:], later, strict=True):
        assert np.array_equal(expected["audio"], got["audio"])


def test_evaluation_sees_every_record_once_in_order(dataset):
    examples = Examples.open(dataset, ("train", "eval"))
    batches = list(in_order(examples, 5))
    assert [len(b["row"]) for b in batches] == [5, 5, 3]
    assert np.concatenate([b["row"] for b in batches]).tolist() == list(range(13))
    audio = np.concatenate([b["audio"] for b in batches])
    expected = np.stack([tone_example(n)["audio"] for n in range(13)])
    assert np.array_equal(audio, expected.astype(np.float32))


def test_ids_are_those_that_were_written(dataset):
    assert Examples.open(dataset, ("eval",)).ids([2]) == ["0" * 31 + "a-000000000012"]


def test_a_folder_without_manifest_is_refused(dataset):
    (dataset / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        Examples.open(dataset)


def test_a_missing_shard_is_named(dataset):
    (dataset / "train.tfrecord-00001-of-00002").unlink()
    with pytest.raises(DatasetError, match="00001-of-00002 is missing"):
        Examples.open(dataset)


def test_a_damaged_record_ends_the_batches_with_its_name(dataset):
    examples = Examples.open(dataset)
    path = dataset / "train.tfrecord-00000-of-00002"
    data = bytearray(path.read_bytes())
    data[examples.manifest.record_length // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="record 0 is damaged"):
        take(Batches(examples, mirrored(1), 4, 7), 4, 1)
    with pytest.raises(DatasetError, match="record 0 is damaged"):
        list(in_order(examples, 4))


def test_a_shard_that_vanishes_is_a_dataset_error(dataset):
    examples = Examples.open(dataset)
    (dataset / "train.tfrecord-00000-of-00002").unlink()
    with pytest.raises(DatasetError, match="has vanished"):
        take(Batches(examples, mirrored(1), 4, 7), 4, 1)


def test_records_of_another_spec_than_the_manifest_says_are_refused(tmp_path):
    folder = write_dataset(tmp_path / "data", {"train": [2]})
    text = (folder / "dataset.json").read_text()
    assert f'"n_frames": {SPEC.n_frames}' in text
    (folder / "dataset.json").write_text(
        text.replace(f'"n_frames": {SPEC.n_frames}', '"n_frames": 250')
    )
    with pytest.raises(DatasetError, match="its spec makes"):
        Examples.open(folder)


def test_a_split_without_examples_cannot_be_trained_on(tmp_path):
    folder = write_dataset(tmp_path / "data", {"train": [], "eval": [1]})
    with pytest.raises(DatasetError, match="no example to train on"):
        Batches(Examples.open(folder), mirrored(1), 4, 7)
