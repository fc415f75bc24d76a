"""Statistics of written shards, as Magenta takes them: of examples, not of frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ddsp_core import codec, io
from ddsp_core.manifest import Shard
from ddsp_core.postprocessing.mergeable import ExampleStatistics, LoudnessSum
from ddsp_core.postprocessing.pickled import PICKLE_NAME, dumps
from ddsp_core.spec import ExampleSpec

BATCH: Final = 32  # examples held at once: some 20 MB


def loudness_of(
    shard: Shard, directory: str | os.PathLike[str], spec: ExampleSpec
) -> LoudnessSum:
    """Return the summed loudness of a shard's examples.

    Raises:
        DatasetError: The shard is damaged.
    """
    return LoudnessSum.merge(
        LoudnessSum.of(batch["loudness_db"])
        for batch in _batches(shard, directory, spec)
    )


def statistics_of(
    shard: Shard,
    directory: str | os.PathLike[str],
    spec: ExampleSpec,
    mean_loudness_db: float,
) -> ExampleStatistics:
    """Return the statistics of a shard's examples.

    Args:
        shard: Which.
        directory: Where it lies.
        spec: Of the examples.
        mean_loudness_db: Of the whole training split: it decides where notes are.

    Raises:
        DatasetError: The shard is damaged.
    """
    return ExampleStatistics.merge(
        ExampleStatistics.of(batch, mean_loudness_db)
        for batch in _batches(shard, directory, spec)
    )


def write_pickle(
    directory: str | os.PathLike[str], parts: Iterable[ExampleStatistics]
) -> None:
    """Write `dataset_statistics.pkl` of the parts of a training split.

    Raises:
        DatasetError: It has no example.
    """
    statistics = ExampleStatistics.merge(parts).to_magenta()
    io.write_bytes(io.join(directory, PICKLE_NAME), dumps(statistics))


def _batches(
    shard: Shard, directory: str | os.PathLike[str], spec: ExampleSpec
) -> Iterator[dict[str, np.ndarray]]:
    """Yield a shard's examples, stacked."""
    length = codec.record_length(spec)
    with io.local_copy(io.join(directory, shard.name)) as path:
        for first in range(0, shard.n_records, BATCH):
            rows = [
                codec.decode(spec, codec.read_record(path, number, length))[1]
                for number in range(first, min(first + BATCH, shard.n_records))
            ]
            yield {name: np.stack([row[name] for row in rows]) for name in rows[0]}
