"""What TFDS reads in a dataset directory, and what it would have written itself."""

import json

import numpy as np
import tensorflow_datasets as tfds

from ddsp_core import codec, io
from ddsp_core.manifest import SPLITS, DatasetManifest, Shard, SplitPolicy
from ddsp_core.spec import ExampleSpec, Padding, example_id
from pipelines.tfds_folder import (
    FEATURES_NAME,
    INFO_NAME,
    SHARD_TEMPLATE,
    write_tfds_files,
)

SPEC = ExampleSpec.from_seconds(1.0, 32_000, 50, padding=Padding.CENTER)


def values(number):
    """The fields of one example, each filled with its number and a ramp."""
    return {
        field.name: number + np.arange(field.length, dtype=np.float32) / 1e5
        for field in SPEC.fields()
    }


def written(path, shard_lengths):
    """A dataset directory of numbered examples; returns its manifest."""
    number, shards = 0, {split: [] for split in SPLITS}
    for split, lengths in shard_lengths.items():
        for k, length in enumerate(lengths):
            name = f"{split}.tfrecord-{k:05d}-of-{len(lengths):05d}"
            records = [
                codec.frame_record(
                    codec.encode(SPEC, example_id("0" * 32, n), values(n))
                )
                for n in range(number, number + length)
            ]
            number += length
            (path / name).write_bytes(b"".join(records))
            shards[split].append(Shard(name, length, io.sha256_file(path / name)))
    manifest = DatasetManifest(
        SPEC,
        codec.record_length(SPEC),
        SplitPolicy.RECORDING,
        {split: tuple(rows) for split, rows in shards.items()},
        "f" * 16,
    )
    write_tfds_files(path, manifest, ["CC0-1.0", None, "CC-BY-4.0", "CC0-1.0"])
    return manifest


def test_tfds_reads_every_example_of_each_split_in_order(tmp_path):
    written(tmp_path, {"train": [3, 2], "eval": [1]})
    builder = tfds.builder_from_directory(tmp_path)
    assert {k: v.num_examples for k, v in builder.info.splits.items()} == {
        "train": 5,
        "eval": 1,
    }
    number = 0
    for split in SPLITS:
        for example in builder.as_dataset(split=split).as_numpy_iterator():
            assert example.pop("example_id").decode() == example_id("0" * 32, number)
            assert set(example) == {field.name for field in SPEC.fields()}
            for name, value in values(number).items():
                np.testing.assert_array_equal(example[name], value)
            number += 1
    assert number == 6


def test_a_dataset_without_held_out_examples_opens(tmp_path):
    written(tmp_path, {"train": [2], "eval": []})
    builder = tfds.builder_from_directory(tmp_path)
    assert set(builder.info.splits) == {"train"}
    assert len(list(builder.as_dataset(split="train"))) == 2


def test_the_licences_of_the_recordings_are_told(tmp_path):
    written(tmp_path, {"train": [1]})
    info = tfds.builder_from_directory(tmp_path).info
    assert info.redistribution_info.license == "CC-BY-4.0; CC0-1.0"
    assert "ffffffffffffffff" in info.description


def test_the_files_say_what_tfds_itself_would_write(tmp_path):
    manifest = written(tmp_path, {"train": [3, 2], "eval": [1]})
    ours = {name: io.read_json(tmp_path / name) for name in (FEATURES_NAME, INFO_NAME)}
    features = {
        field.name: tfds.features.Tensor(shape=(field.length,), dtype=np.float32)
        for field in SPEC.fields()
    }
    template = tfds.core.ShardedFileTemplate(tmp_path, template=SHARD_TEMPLATE)
    tfds.folder_dataset.write_metadata(
        data_dir=tmp_path,
        features=tfds.features.FeaturesDict(
            features | {"example_id": tfds.features.Text()}
        ),
        split_infos=[
            tfds.core.SplitInfo(
                name=name,
                shard_lengths=[shard.n_records for shard in manifest.split(name)],
                num_bytes=sum(p.stat().st_size for p in tmp_path.glob(f"{name}.*")),
                filename_template=template,
            )
            for name in SPLITS
        ],
        filename_template=template,
        description=ours[INFO_NAME]["description"],
        license="CC-BY-4.0; CC0-1.0",
    )
    theirs = {name: json.loads((tmp_path / name).read_text()) for name in ours}
    assert ours == theirs


def test_tfds_reads_what_a_preparation_made(dataset):
    builder = tfds.builder_from_directory(dataset)
    manifest = DatasetManifest.load(dataset)
    for split in SPLITS:
        ids = [
            example["example_id"]
            for example in builder.as_dataset(split=split).as_numpy_iterator()
        ]
        assert len(set(ids)) == manifest.n_records(split) > 0
