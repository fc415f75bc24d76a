"""The training loop: one step after the other, and hooks that look on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import tensorflow as tf

from training.stopping import StopSignal
from training.trainer import Trainer

Numbers = Mapping[str, tf.Tensor]


class Hook(Protocol):
    """Looks on: summaries, held-out losses, clips, checkpoints."""

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Act, if it is time.

        Args:
            step: Steps taken; 0 before the first one of a run.
            numbers: What `Trainer.train_step` returned; empty at step 0.
        """

    def at_end(self, step: int, stopped: bool) -> None:
        """Do what is left to do.

        Args:
            step: Steps taken.
            stopped: True if the run was stopped before its last step: be quick.
        """


def run_loop(
    trainer: Trainer,
    batches: Iterator[Any],
    n_steps: int,
    hooks: Iterable[Hook],
    stop: StopSignal,
) -> int:
    """Train until `n_steps` steps were taken, or until asked to stop.

    Args:
        trainer: Its step says where to begin.
        batches: From the batch of that step on.
        n_steps: Of the whole run.
        hooks: Called in order.
        stop: Asked after each step.

    Returns:
        Steps taken; fewer than `n_steps` if stopped.
    """
    step = trainer.step
    if step == 0:
        for hook in hooks:
            hook.after_step(0, {})
    while step < n_steps and not stop.requested:
        numbers = trainer.train_step(next(batches))
        step += 1
        for hook in hooks:
            hook.after_step(step, numbers)
    for hook in hooks:
        hook.at_end(step, stopped=step < n_steps)
    return step
