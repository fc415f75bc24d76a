"""Small preparations of generated melodies, and what stands in their shards."""

import hashlib

import numpy as np
import tensorflow as tf

from ddsp_core import codec, io
from ddsp_core.manifest import SPLITS, DatasetManifest
from ddsp_core.spec import ExampleSpec, parse_example_id
from pipelines.finish import SOURCES_NAME
from pipelines.options import PrepareOptions

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


def sources(out):
    """Rows of `sources.jsonl` by source key."""
    return {row["source_key"]: row for row in io.read_jsonl(out / SOURCES_NAME)}


def examples(out, *splits):
    """Fields of all records of the splits, each [n_records, length]."""
    manifest = DatasetManifest.load(out)
    raw = [
        record
        for split in splits or SPLITS
        for shard in manifest.split(split)
        for record in tf.data.TFRecordDataset(str(out / shard.name)).as_numpy_iterator()
    ]
    parsed = codec.parse(manifest.spec, tf.constant(raw, tf.string))
    return {name: value.numpy() for name, value in parsed.items()}


def timelines(out, name):
    """A field of each recording in its place in time, NaN where no example holds it.

    Returns:
        By the stem of the source's file name: (values, rate of the values in Hz).
    """
    spec, rows = DatasetManifest.load(out).spec, sources(out)
    hop = {"audio": spec.hop_size, "audio_16k": spec.hop_size_16k}.get(name, 1)
    found = {}
    held = examples(out)
    for example_id, values in zip(held["example_id"], held[name], strict=True):
        key, start = parse_example_id(example_id.decode())
        row = rows[key]
        n_frames = row["n_samples"] * spec.frame_rate // row["sample_rate"] + 2
        stem = row["source"].rsplit("/", 1)[-1].rsplit(".", 1)[0]
        line = found.setdefault(stem, np.full(n_frames * hop, np.nan, np.float32))
        first = start // spec.hop_size * hop
        line[first : first + len(values)] = values
    return {stem: (line, spec.frame_rate * hop) for stem, line in found.items()}
