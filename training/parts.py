"""A batch in equal parts: the same sums in the same order on any number of devices.

Sums over a batch round differently in every shape, and training enlarges that: on real
recordings 1 and 2 replicas drift apart by tenths of a percent within 20 steps. A part
is computed in one shape wherever it is, one after the other, and the parts' gradients
are added as a tree: so 1, 2, 4, ... replicas take the same steps to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ddsp_core.errors import UsageError

Tensors = dict[str, tf.Tensor]


def check_parts(n_parts: int, batch_size: int, n_replicas: int) -> None:
    """Check that a batch divides into parts, and the parts among replicas.

    Raises:
        UsageError: It does not.
    """
    if n_parts < 1 or n_parts & (n_parts - 1):
        raise UsageError(f"{n_parts} parts; needed a power of two, as 1, 2 or 4")
    if batch_size % n_parts:
        raise UsageError(
            f"a batch of {batch_size} does not divide into {n_parts} parts; use --parts"
            " or --set train.batch_size with numbers that do"
        )
    if n_parts > 1 and n_parts % n_replicas:
        raise UsageError(
            f"{n_parts} parts do not divide among {n_replicas} replicas; use --parts"
            f" {max(n_replicas, n_parts)} or another number of --replicas"
        )


def sum_over_parts(
    fn: Callable[[Tensors], Sequence[tf.Tensor]], batch: Tensors, n_parts: int
) -> list[tf.Tensor]:
    """Call `fn` on this replica's parts in turn; sum over the parts of all replicas.

    Args:
        fn: Returns tensors of known shapes.
        batch: This replica's share, [batch, ...] each.
        n_parts: Of all replicas together.

    Returns:
        The sums, the same on every replica.
    """
    context = tf.distribute.get_replica_context()
    n_here = n_parts // context.num_replicas_in_sync
    shapes: list[tf.TensorShape] = []

    def flat(part: Tensors) -> tf.Tensor:
        results = fn(part)
        shapes[:] = [x.shape for x in results]
        return tf.concat([tf.reshape(x, [-1]) for x in results], 0)

    parts = {k: tf.reshape(x, [n_here, -1, *x.shape[1:]]) for k, x in batch.items()}
    rows = tf.map_fn(flat, parts, fn_output_signature=tf.float32, parallel_iterations=1)
    total = _tree_sum(tf.ensure_shape(rows, [n_here, None]))
    if context.num_replicas_in_sync > 1:
        total = context.all_gather(total[tf.newaxis], axis=0)
        total = _tree_sum(tf.ensure_shape(total, [n_parts // n_here, None]))
    sizes = [int(np.prod(shape)) for shape in shapes]
    pairs = zip(tf.split(total, sizes), shapes, strict=True)
    return [tf.reshape(x, shape) for x, shape in pairs]


def _tree_sum(rows: tf.Tensor) -> tf.Tensor:
    """Sum over the first axis, neighbours first."""
    while rows.shape[0] > 1:
        rows = rows[0::2] + rows[1::2]
    return rows[0]
