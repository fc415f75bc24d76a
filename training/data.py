"""Dataset directory → batches, in an order that is a function of (seed, step).

Epoch e is a keyed permutation of record numbers; the epochs follow each other without
a gap, and the batch of step s is the s-th slice of that sequence. Records are read by
offset, so a resumed run starts at its batch at once and sees what it would have seen.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core import codec, io
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import DatasetManifest, Shard
from ddsp_core.spec import EXAMPLE_ID, ExampleSpec

ROW = "row"  # index of an example in the global batch: it keys the random draws
N_AHEAD = 2  # batches read before they are asked for


@dataclasses.dataclass(frozen=True)
class Examples:
    """The examples of some splits of a dataset, numbered in order.

    Args:
        directory: The dataset directory.
        manifest: What stands in its `dataset.json`.
        splits: Which.
        shards: Theirs, in order.
    """

    directory: Path
    manifest: DatasetManifest
    splits: tuple[str, ...]
    shards: tuple[Shard, ...]

    @classmethod
    def open(
        cls, directory: str | os.PathLike[str], splits: Sequence[str] = ("train",)
    ) -> Examples:
        """Open a dataset directory.

        Raises:
            DatasetError: It has no manifest, shards are missing or have other sizes.
        """
        path = io.local_path(directory)
        manifest = DatasetManifest.load(path)
        needed = codec.record_length(manifest.spec)
        if manifest.record_length != needed:
            raise DatasetError(
                f"{path}: its records have {manifest.record_length} bytes, but its spec"
                f" makes {needed}; prepare the dataset again"
            )
        if problems := manifest.problems(path):
            raise DatasetError(
                f"{path} is not whole: {'; '.join(problems)}; prepare the dataset again"
            )
        shards = tuple(shard for name in splits for shard in manifest.split(name))
        return cls(path, manifest, tuple(splits), shards)

    @property
    def spec(self) -> ExampleSpec:
        """Sizes and rates of every example."""
        return self.manifest.spec

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.shards else 0

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        """Record number at which each shard ends."""
        return np.cumsum([shard.n_records for shard in self.shards])

    def read(self, number: int) -> bytes:
        """Return one serialized example.

        Raises:
            DatasetError: The record is damaged or its shard has vanished.
        """
        shard = int(np.searchsorted(self._ends, number, side="right"))
        first = int(self._ends[shard]) - self.shards[shard].n_records
        path = self.directory / self.shards[shard].name
        try:
            with io.storage_errors(f"reading {path}"):
                length = self.manifest.record_length
                return codec.read_record(path, number - first, length)
        except FileNotFoundError as error:
            raise DatasetError(
                f"{path} has vanished; prepare the dataset again"
            ) from error

    def ids(self, numbers: Sequence[int] | np.ndarray) -> list[str]:
        """Return the ids of some examples, by record number."""
        serialized = tf.constant([self.read(int(number)) for number in numbers])
        parsed = codec.parse(self.spec, serialized)
        return [text.decode() for text in parsed[EXAMPLE_ID].numpy()]

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, tf.Tensor]:
        """Return some examples as one batch; their numbers are the rows.

        Returns:
            Each field of the spec, float32 [batch, length], and `row`, int64 [batch].
        """
        serialized = tf.constant([self.read(int(number)) for number in numbers])
        return _features(self.spec, serialized, tf.constant(numbers, tf.int64))


def record_numbers(seed: int, step: int, batch_size: int, n_records: int) -> np.ndarray:
    """Return the record numbers of a step's global batch, int64 [batch_size].

    Args:
        seed: Of the run.
        step: Steps taken before this one.
        batch_size: Of the global batch; may exceed `n_records`.
        n_records: Records of the training split.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs, places = np.divmod(positions, n_records)
    orders = {int(e): epoch_order(seed, int(e), n_records) for e in np.unique(epochs)}
    return np.array([orders[int(e)][p] for e, p in zip(epochs, places, strict=True)])


@functools.lru_cache(maxsize=4)
def epoch_order(seed: int, epoch: int, n_records: int) -> np.ndarray:
    """Return an epoch's order of records, int64 [n_records]: a keyed permutation.

    Random numbers are sorted, since Philox's raw output is the same in every release
    of numpy and the output of its `permutation` is not promised to be.
    """
    raw = np.random.Philox(key=[seed, epoch]).random_raw(n_records)
    return np.argsort(raw, kind="stable").astype(np.int64)


class Batches:
    """Endless training batches, from that of a given step on.

    Each element is what `strategy.run` takes: per replica, every field of the spec,
    float32 [batch_size / n_replicas, length], and `row`, int64, the index of the
    example in the global batch.

    Args:
        examples: Where to read; at least one.
        strategy: Says how many replicas share a batch.
        batch_size: Of the global batch, a multiple of the number of replicas.
        seed: Of the run.
        first_step: Steps taken before the first batch.

    Raises:
        DatasetError: There are no examples; from `next`, a record is damaged.
    """

    def __init__(
        self,
        examples: Examples,
        strategy: tf.distribute.Strategy,
        batch_size: int,
        seed: int,
        first_step: int = 0,
    ) -> None:
        if not len(examples):
            raise DatasetError(
                f"{examples.directory}: the split holds no example to train on; prepare"
                " more audio"
            )
        self._examples = examples
        self._strategy = strategy
        self._batch_size = batch_size
        self._seed = seed
        # A thread of Python's own: a tf.data thread that calls Python waits for the
        # interpreter's lock, which whoever deletes the iterator holds, for ever.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next_step = first_step
        self._ahead: deque[Future[list[bytes]]] = deque()
        for _ in range(N_AHEAD):
            self._read_one_more()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        serialized = self._ahead.popleft().result()
        self._read_one_more()
        try:
            if self._strategy.num_replicas_in_sync == 1:
                return self._share(serialized, 0)  # as any tensor, not wrapped
            return self._strategy.experimental_distribute_values_from_function(
                lambda context: self._share(
                    serialized, context.replica_id_in_sync_group
                )
            )
        except tf.errors.OpError as error:
            raise _unparsed(self._examples, error) from error

    def _read_one_more(self) -> None:
        self._ahead.append(self._reader.submit(self._read, self._next_step))
        self._next_step += 1

    def _read(self, step: int) -> list[bytes]:
        """Read the global batch of a step."""
        n_records = len(self._examples)
        numbers = record_numbers(self._seed, step, self._batch_size, n_records)
        return [self._examples.read(int(number)) for number in numbers]

    def _share(self, serialized: list[bytes], replica: int) -> dict[str, tf.Tensor]:
        """One replica's share of a batch."""
        size = self._batch_size // self._strategy.num_replicas_in_sync
        rows = tf.range(replica * size, (replica + 1) * size, dtype=tf.int64)
        own = tf.constant(serialized[replica * size : (replica + 1) * size])
        return _features(self._examples.spec, own, rows)


def in_order(examples: Examples, batch_size: int) -> Iterator[dict[str, tf.Tensor]]:
    """Yield every example once, in order; the last batch may be smaller.

    Yields:
        Batches as `Examples.batch` returns them: `row` is the record number.
    """
    for start in range(0, len(examples), batch_size):
        numbers = np.arange(start, min(start + batch_size, len(examples)))
        try:
            yield examples.batch(numbers)
        except tf.errors.OpError as error:
            raise _unparsed(examples, error) from error


def _features(
    spec: ExampleSpec, serialized: tf.Tensor, rows: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Parse, and put `row` for the id: strings do not go to a GPU."""
    features = codec.parse(spec, serialized)
    del features[EXAMPLE_ID]
    return features | {ROW: rows}


def _unparsed(examples: Examples, error: Exception) -> DatasetError:
    return DatasetError(
        f"{examples.directory}: a record does not hold what the spec says ({error});"
        " prepare the dataset again"
    )
