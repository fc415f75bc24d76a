"""Vector quantisation with a codebook that follows its vectors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.errors import ShapeError
from ddsp_core.nn.keras import Layer


class VectorQuantization(Layer):
    """Replace vectors by the nearest of `k` centroids, which are moving averages.

    Sources: van den Oord et al. 2017 (arXiv:1711.00937), appendix A.1; restarts after
    Dhariwal et al. 2020 (arXiv:2005.00341), section 3.

    Args:
        k: Centroids.
        gamma: Share of the averages that a training step keeps.
        restart_threshold: A centroid whose share of the vectors is below this over k is
            moved to one of the batch's vectors, drawn at random.
        num_heads: Parts of each vector, quantised alone with the same centroids.
        commitment_loss_weight: Of `committment_loss`.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        k: int,
        gamma: float = 0.99,
        restart_threshold: float = 0.0,
        num_heads: int = 1,
        commitment_loss_weight: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.gamma = gamma
        self.restart_threshold = restart_threshold
        self.num_heads = num_heads
        self.commitment_loss_weight = commitment_loss_weight

    def build(self, input_shapes: Any) -> None:
        """Create the averages: vectors per centroid, and their sums.

        Raises:
            ShapeError: The heads do not divide the channels.
        """
        self.depth = int(input_shapes[-1])
        if self.depth % self.num_heads:
            raise ShapeError(
                f"the input has {self.depth} channels; needed a multiple of the"
                f" {self.num_heads} heads"
            )
        shapes = {"counts": [self.k], "sums": [self.k, self.depth // self.num_heads]}
        for name, shape in shapes.items():
            variable = tf.Variable(
                tf.zeros(shape),
                trainable=False,
                name=name,
                aggregation=tf.VariableAggregation.MEAN,
            )
            setattr(self, name, variable)
        super().build(input_shapes)

    def call(self, x: tf.Tensor, training: Any = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Quantise.

        Args:
            x: [batch, ..., channels].
            training: Move the centroids.

        Returns:
            The nearest centroids, of the shape of `x` and with its gradient, and their
            numbers, int64 [batch, ..., num_heads].
        """
        # [num_heads * vectors, channels / num_heads]
        parts = tf.split(tf.reshape(x, [-1, self.depth]), self.num_heads, axis=1)
        vectors = tf.concat(parts, axis=0)
        centroids = self._centroids()
        if training:
            centroids = self._restarted(centroids, vectors, tf.shape(x)[0], x.shape[0])
        codes = _nearest(vectors, centroids)
        if training:
            self._update(vectors, codes)
        by_head = tf.split(codes, self.num_heads, axis=0)
        c = tf.reshape(
            tf.stack(by_head, axis=1), tf.concat([tf.shape(x)[:-1], [-1]], 0)
        )
        c = tf.ensure_shape(c, [*x.shape[:-1], self.num_heads])
        z = tf.reshape(tf.gather(centroids, c), tf.shape(x))
        return x + tf.stop_gradient(z - x), c

    def unquantize(self, c: tf.Tensor) -> tf.Tensor:
        """Return the centroids [..., channels] of their numbers [..., num_heads]."""
        z = tf.gather(self._centroids(), c)
        return tf.reshape(z, tf.concat([tf.shape(c)[:-1], [self.depth]], axis=0))

    def committment_loss(self, z: tf.Tensor, z_q: tf.Tensor) -> tf.Tensor:
        """Return the weighted mean square of z - z_q, a scalar; z_q has no gradient."""
        distance = tf.reduce_mean((z - tf.stop_gradient(z_q)) ** 2)
        return self.commitment_loss_weight * distance

    def get_losses_dict(self, z: tf.Tensor, z_q: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return {'<name>_commitment_loss': committment_loss}."""
        return {f"{self.name}_commitment_loss": self.committment_loss(z, z_q)}

    def _centroids(self) -> tf.Tensor:
        """Return [k, channels / num_heads]; zero where no vector ever came."""
        return tf.math.divide_no_nan(self.sums, self.counts[:, tf.newaxis])

    def _restarted(
        self, centroids: tf.Tensor, vectors: tf.Tensor, batch: Any, known: int | None
    ) -> tf.Tensor:
        """Replace rarely used centroids by different vectors of the batch.

        Where there are more such centroids than vectors, the rest is uniform in [0, 1).
        """
        n_vectors = tf.shape(vectors)[0]
        least = self.restart_threshold * tf.cast(n_vectors, tf.float32)
        is_kept = self.counts * float(self.k) > least
        rows = known or batch  # Draws have the batch first: an example has its own.
        order = tf.argsort(
            tf.reshape(randomness.uniform([rows, n_vectors // rows]), [-1])
        )
        n_numbers = self.k * vectors.shape[-1]
        numbers = randomness.uniform([rows, -(-n_numbers // rows)])
        fallback = tf.reshape(
            tf.reshape(numbers, [-1])[:n_numbers], [self.k, vectors.shape[-1]]
        )
        index = tf.where(~is_kept)  # [n_restarted, 1]
        n_moved = tf.minimum(tf.shape(index)[0], n_vectors)
        moved = tf.gather(vectors, order[:n_moved])
        fresh = tf.tensor_scatter_nd_update(fallback, index[:n_moved], moved)
        return tf.where(is_kept[:, tf.newaxis], centroids, fresh)

    def _update(self, vectors: tf.Tensor, codes: tf.Tensor) -> None:
        """Move the averages towards the counts and sums of this batch."""
        one_hot = tf.one_hot(codes, self.k)
        counts = tf.reduce_sum(one_hot, axis=0)
        sums = tf.matmul(one_hot, vectors, transpose_a=True)
        self.counts.assign_sub((1.0 - self.gamma) * (self.counts - counts))
        self.sums.assign_sub((1.0 - self.gamma) * (self.sums - sums))


def _nearest(vectors: tf.Tensor, centroids: tf.Tensor) -> tf.Tensor:
    """Return the number of the nearest centroid of each vector, int64 [n_vectors]."""
    products = tf.matmul(vectors, centroids, transpose_b=True)
    # The vectors' own lengths do not change which is nearest.
    return tf.argmin(tf.reduce_sum(centroids**2, axis=1) - 2.0 * products, axis=1)
