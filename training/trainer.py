"""The step: losses, gradients summed over replicas, clipped, applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.config.options import TrainerOptions
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.nn.precision import network_precision
from training.data import ROW
from training.parts import sum_over_parts

# The step that draws for held-out examples belong to: no training step has it, and it
# is the same whenever they are measured, so that two measurements differ by the model.
HELD_OUT_STEP = -1

Features = dict[str, tf.Tensor]


class Trainer:
    """A model, its optimizer, and one training step as one traced function.

    The gradient of the mean loss over the *global* batch is what is clipped and
    applied: each replica contributes its own mean divided by the number of replicas,
    contributions are summed, and the sum is clipped. So n replicas do what one does,
    but for rounding.
    (Magenta's trainer clips each replica's gradient, then sums.)

    Args:
        model: Built in the scope of `strategy`.
        options: Learning rate and its decay, clipping.
        strategy: Says which replicas there are.
        seed: Of the run; with the step and the row it keys every random draw.
        n_parts: Equal parts in which each batch is computed, see `parts`; 1 for each
            replica's share at once.
        precision: Of the networks' large products, see `ddsp_core.nn.precision`.
    """

    def __init__(
        self,
        model: Any,
        options: TrainerOptions,
        strategy: tf.distribute.Strategy,
        seed: int,
        n_parts: int = 1,
        precision: str = "float32",
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.seed = seed
        self._n_parts = n_parts
        self._precision = precision
        self._clip_norm = options.grad_clip_norm
        self._schedule = ExponentialDecay(
            options.learning_rate, options.lr_decay_steps, options.lr_decay_rate
        )
        with strategy.scope():
            self.optimizer = LegacyAdam(self._schedule)
            # Slots exist from the start, so that a checkpoint has somewhere to go.
            self.optimizer._create_all_weights(model.trainable_variables)

    @property
    def step(self) -> int:
        """Number of training steps taken."""
        return int(self.optimizer.iterations.numpy())

    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self._schedule(self.optimizer.iterations))

    @tf.function(autograph=False)
    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """Take one step; where the loss is not finite, leave the weights as they are.

        Args:
            batch: An element of `training.data.Batches`.

        Returns:
            Losses, means over the global batch, and `grad_norm` before clipping: scalar
            tensors. Nothing waits for them until somebody reads their values.
        """
        gradients, numbers = self.strategy.run(self._gradients, args=(batch,))
        # All replicas hold the same numbers: they are sums over all of them.
        numbers = {k: self._first(v) for k, v in numbers.items()}
        finite = tf.reduce_all([tf.math.is_finite(v) for v in numbers.values()])
        tf.cond(finite, lambda: self._apply(gradients), lambda: None)
        return numbers

    @tf.function(autograph=False)
    def held_out_losses(self, batch: Features) -> dict[str, tf.Tensor]:
        """Return the losses of a batch that is not trained on.

        Args:
            batch: As `training.data.in_order` yields; `row` is the record number.
        """
        return self._losses(batch, HELD_OUT_STEP, training=False)

    @tf.function(autograph=False)
    def reconstruct(self, batch: Features) -> tf.Tensor:
        """Return what the model makes of a batch: audio, [batch, n_samples]."""
        with randomness.keyed(self.seed, HELD_OUT_STEP, batch[ROW]):
            outputs = self.model(_inputs(batch), training=False)
        return self.model.get_audio_from_outputs(outputs)

    def _gradients(
        self, batch: Features
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        """Clipped gradients and losses of the global batch, from a replica's share."""
        names: list[str] = []

        def flat(features: Features) -> list[tf.Tensor]:
            gradients, shares = self._shares(features)
            names[:] = shares
            return [*gradients, *shares.values()]

        if self._n_parts > 1:
            sums = sum_over_parts(flat, batch, self._n_parts)
        else:
            context = tf.distribute.get_replica_context()
            sums = context.all_reduce(tf.distribute.ReduceOp.SUM, flat(batch))
        n_variables = len(self.model.trainable_variables)
        clipped, norm = tf.clip_by_global_norm(sums[:n_variables], self._clip_norm)
        numbers = dict(zip(names, sums[n_variables:], strict=True))
        return clipped, numbers | {"grad_norm": norm}

    def _shares(self, batch: Features) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        """What some examples contribute to the global batch's gradients and losses."""
        n_shares = max(self._n_parts, self.strategy.num_replicas_in_sync)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            losses = self._losses(batch, self.optimizer.iterations, training=True)
            shares = {name: loss / n_shares for name, loss in losses.items()}
        # A loss of weight zero has no gradient, and None can't be summed.
        gradients = tape.gradient(
            shares["total_loss"],
            variables,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return gradients, shares

    def _losses(
        self, batch: Features, step: Any, training: bool
    ) -> dict[str, tf.Tensor]:
        draws = randomness.keyed(self.seed, step, batch[ROW])
        with draws, network_precision(self._precision):
            _, losses = self.model(
                _inputs(batch), return_losses=True, training=training
            )
        return dict(losses)

    def _apply(self, gradients: Any) -> None:
        self.strategy.run(self._apply_on_replica, args=(gradients,))

    def _apply_on_replica(self, gradients: list[tf.Tensor]) -> None:
        pairs = zip(gradients, self.model.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs, experimental_aggregate_gradients=False)

    def _first(self, value: Any) -> tf.Tensor:
        return self.strategy.experimental_local_results(value)[0]


def _inputs(batch: Features) -> Features:
    """What the model sees: the example without its row."""
    return {name: value for name, value in batch.items() if name != ROW}


def names_of_losses(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return losses by the names they are shown under: `total_loss` is `loss`.

    >>> names_of_losses({"total_loss": 2.0, "spectral_loss": 2.0})
    {'loss': 2.0, 'spectral_loss': 2.0}
    """
    return {("loss" if k == "total_loss" else k): v for k, v in numbers.items()}
