"""Spectral normalisation: weights divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.errors import ConfigError, UsageError
from ddsp_core.nn.keras import Layer, keras, layers


class MissingKernelError(ConfigError, AttributeError):
    """The wrapped layer has no weights that could be normalised."""


class SpectralNormalization(layers.Wrapper):
    """A layer whose kernel is normalised before each training step.

    The largest singular value is estimated by power iteration from the estimate of the
    step before; the kernel itself is replaced.

    Source: Miyato et al. 2018, arXiv:1802.05957.

    Args:
        layer: Has a `kernel` or `embeddings`.
        power_iterations: Of each step.
        **kwargs: Of the Keras layer.

    Raises:
        UsageError: `power_iterations` is not positive.
        MissingKernelError: When built: `layer` has neither.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise UsageError(
                f"power_iterations is {power_iterations}; it must be positive"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any) -> None:
        """Build the layer; find its kernel."""
        super().build(input_shape)
        self.w = getattr(self.layer, "kernel", None)
        if self.w is None:
            self.w = getattr(self.layer, "embeddings", None)
        if self.w is None:
            raise MissingKernelError(
                f"{type(self.layer).__name__} {self.layer.name!r} has neither a kernel"
                " nor embeddings to normalise"
            )
        self.w_shape = self.w.shape.as_list()
        self.u = self.add_weight(
            shape=(1, self.w_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="sn_u",
            dtype=self.w.dtype,
        )

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """Run the layer; normalise its kernel first if `training`."""
        if training is None:
            training = keras.backend.learning_phase()
        if training:
            self.normalize_weights()
        return self.layer(inputs)

    def normalize_weights(self) -> None:
        """Divide the kernel by the estimate of its largest singular value."""
        w = tf.reshape(self.w, [-1, self.w_shape[-1]])
        u = tf.convert_to_tensor(self.u)
        for _ in range(self.power_iterations):
            v = tf.math.l2_normalize(tf.matmul(u, w, transpose_b=True))
            u = tf.math.l2_normalize(tf.matmul(v, w))
        sigma = tf.matmul(tf.matmul(v, w), u, transpose_b=True)  # [1, 1]
        _assign(self.w, tf.reshape(w / sigma, self.w_shape))
        _assign(self.u, u)

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        """Return that of the layer."""
        return tf.TensorShape(self.layer.compute_output_shape(input_shape).as_list())

    def get_config(self) -> dict[str, Any]:
        """Return what the layer was made from."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _assign(variable: Any, value: tf.Tensor) -> None:
    """Assign what every replica computed alike; inside one, through all of them."""
    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.strategy.num_replicas_in_sync == 1:
        variable.assign(value)
        return

    def update(strategy: Any, variable: Any, value: Any) -> None:
        # The kernel is equal on all replicas, so its mean is that of each.
        mean = strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
        strategy.extended.update(variable, lambda v, x: v.assign(x), args=(mean,))

    replicas.merge_call(update, args=(variable, value))
