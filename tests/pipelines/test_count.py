"""Statistics of prepared shards against Magenta's definition on all examples."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import codec
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import DatasetManifest
from ddsp_core.postprocessing import pickled
from ddsp_core.postprocessing.dataset import compute_dataset_statistics
from pipelines import count


class Provider:
    """What Magenta's provider gives of a split: batches of one example."""

    def __init__(self, directory, manifest, split):
        self.paths = [str(directory / shard.name) for shard in manifest.split(split)]
        self.spec = manifest.spec

    def get_batch(self, batch_size, repeats):
        records = tf.data.TFRecordDataset(self.paths).batch(batch_size)
        for batch in records.repeat(repeats):
            yield codec.parse(self.spec, batch)


def test_the_pickle_holds_magentas_statistics_of_the_training_split(dataset):
    manifest = DatasetManifest.load(dataset)
    found = pickled.load(dataset / pickled.PICKLE_NAME)
    truth = compute_dataset_statistics(Provider(dataset, manifest, "train"))
    assert set(found) == set(truth)
    for name in set(truth) - {"quantile_transform", "mean_pitch"}:
        assert found[name] == pytest.approx(truth[name], abs=0.01), name
    assert found["mean_pitch"] == pytest.approx(truth["mean_pitch_note"], abs=0.01)
    np.testing.assert_allclose(
        found["quantile_transform"].quantiles_,
        truth["quantile_transform"].quantiles_,
        atol=0.01,
    )


def test_batches_change_nothing(dataset, monkeypatch):
    manifest = DatasetManifest.load(dataset)
    shard = manifest.split("train")[0]
    whole = count.statistics_of(shard, dataset, manifest.spec, -20.0)
    monkeypatch.setattr(count, "BATCH", 3)
    assert count.statistics_of(shard, dataset, manifest.spec, -20.0) == whole
    assert count.loudness_of(shard, dataset, manifest.spec).n_frames == (
        shard.n_records * (manifest.spec.n_frames - 20)
    )


def test_a_damaged_shard_is_named(dataset, tmp_path):
    manifest = DatasetManifest.load(dataset)
    shard = manifest.split("train")[0]
    raw = bytearray((dataset / shard.name).read_bytes())
    raw[100] ^= 1
    (tmp_path / shard.name).write_bytes(raw)
    with pytest.raises(DatasetError, match=r"train\.tfrecord.*record 0 is damaged"):
        count.loudness_of(shard, tmp_path, manifest.spec)
