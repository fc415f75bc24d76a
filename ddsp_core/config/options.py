"""What a config says about a training run, as plain values."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """How long and how large (Magenta's `train.*`).

    Args:
        batch_size: Examples in a step, over all replicas.
        num_steps: Step at which training ends.
        steps_per_summary: Steps between two points of a curve.
        steps_per_save: Steps between two checkpoints.
    """

    batch_size: int = 8
    num_steps: int = 30_000
    steps_per_summary: int = 100
    steps_per_save: int = 300


@dataclasses.dataclass(frozen=True)
class TrainerOptions:
    """How a step is made (Magenta's `Trainer.*`).

    Args:
        learning_rate: Of Adam, at step 0.
        lr_decay_steps: Steps in which it falls by `lr_decay_rate`, exponentially.
        lr_decay_rate: Factor of the fall.
        grad_clip_norm: Largest global norm of the gradient.
        checkpoints_to_keep: Older ones are deleted.
    """

    learning_rate: float = 3e-4
    lr_decay_steps: int = 10_000
    lr_decay_rate: float = 0.98
    grad_clip_norm: float = 3.0
    checkpoints_to_keep: int = 10
