"""What happens beside the steps: numbers, held-out losses, clips, a bar."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ddsp_core.errors import DdspError
from training.data import Examples, in_order, record_numbers
from training.loop import Numbers
from training.pictures import spectrogram_figure
from training.tracking import Tracker
from training.trainer import Trainer, names_of_losses

logger = logging.getLogger(__name__)
EVAL_BATCH_SIZE = 8  # held-out examples at once: fits where a training batch fits
N_CLIPS = 2  # heard and seen each time: enough to judge by, small enough to keep


class MetricsHook:
    """Reports means since the last report, and refuses losses that aren't finite.

    The values of the steps in between are left on the device until it reports, so no
    step waits. It reports when a checkpoint is due too: what is saved was checked, and
    no mean straddles a checkpoint, so that a resumed run reports the same ones.

    Args:
        trainer: For the learning rate.
        tracker: Where to report.
        every: Report at multiples of any of these numbers of steps.
        n_steps: Of the whole run, for the time left.
        culprits: Returns the ids of the examples to blame for a step's loss.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        trainer: Trainer,
        tracker: Tracker,
        every: Sequence[int],
        *,
        n_steps: int,
        culprits: Callable[[int], list[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.latest: dict[str, float] = {}
        self._trainer = trainer
        self._tracker = tracker
        self._every = every
        self._n_steps = n_steps
        self._culprits = culprits
        self._clock = clock
        self._pending: list[Numbers] = []
        self._since = clock()

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Keep the step's numbers; report when it is time."""
        if step == 0:
            return
        if not self._pending:
            # The clock starts after a window's first step: tracing, and what other
            # hooks did before it, is not the speed of training.
            self._first_step, self._since = step, self._clock()
        self._pending.append(numbers)
        if any(step % n == 0 for n in self._every):
            self._report(step)

    def at_end(self, step: int, stopped: bool) -> None:
        """Report what is left."""
        if self._pending:
            self._report(step)

    def _report(self, step: int) -> None:
        names = list(self._pending[0])
        values = {
            name: tf.stack([numbers[name] for numbers in self._pending]).numpy()
            for name in names
        }
        self._check(values)
        seconds = max(self._clock() - self._since, 1e-9)
        speed = (len(self._pending) - 1) / seconds
        means = {name: float(np.mean(v)) for name, v in values.items()}
        self.latest = {f"train/{k}": v for k, v in names_of_losses(means).items()}
        extra = {"learning_rate": self._trainer.learning_rate()}
        pace = ""
        if speed:
            extra["steps_per_second"] = speed
            left = _duration((self._n_steps - step) / speed)
            pace = f", {speed:.2f} steps/s, {left} left"
        self._tracker.metrics(step, self.latest | extra)
        loss = self.latest["train/loss"]
        logger.info("step %d of %d: loss %.3f%s", step, self._n_steps, loss, pace)
        self._pending = []

    def _check(self, values: Mapping[str, np.ndarray]) -> None:
        wrong = np.any([~np.isfinite(v) for v in values.values()], axis=0)
        if not wrong.any():
            return
        place = int(np.argmax(wrong))
        step = self._first_step + place
        shown = {name: float(v[place]) for name, v in values.items()}
        raise NonFiniteLossError(
            f"step {step}: the loss is not finite ({shown}); examples"
            f" {', '.join(self._culprits(step))}: look at them, leave them out or lower"
            " Trainer.learning_rate; the last checkpoint is whole"
        )


class NonFiniteLossError(DdspError, ArithmeticError):
    """A training step came out as NaN or infinite; nothing of it was applied."""


def culprits_of(
    trainer: Trainer, examples: Examples, batch_size: int
) -> Callable[[int], list[str]]:
    """Return a function from a step to the ids of the examples to blame for its loss.

    Those whose own loss isn't finite; all of the batch if each alone is well.
    """

    def find(step: int) -> list[str]:
        numbers = record_numbers(trainer.seed, step - 1, batch_size, len(examples))
        wrong = [
            number
            for number in dict.fromkeys(numbers.tolist())
            if not math.isfinite(
                trainer.held_out_losses(examples.batch([number]))["total_loss"]
            )
        ]
        return examples.ids(wrong or numbers)

    return find


class HeldOutHook:
    """Measures the losses on every held-out example, at multiples of `every` steps.

    Args:
        trainer: What to measure.
        examples: Held out.
        tracker: Where to report.
        every: Steps between two measurements.
    """

    def __init__(
        self, trainer: Trainer, examples: Examples, tracker: Tracker, every: int
    ) -> None:
        self.latest: dict[str, float] = {}
        self.best = math.inf
        self._trainer = trainer
        self._examples = examples
        self._tracker = tracker
        self._every = every
        self._measured_at: int | None = None

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Measure, if it is time."""
        if step % self._every == 0:
            self._measure(step)

    def at_end(self, step: int, stopped: bool) -> None:
        """Measure what came out, unless it was just done or time is short."""
        if not stopped and self._measured_at != step:
            self._measure(step)

    def _measure(self, step: int) -> None:
        if not len(self._examples):
            return
        losses = held_out_losses(self._trainer, self._examples)
        self.latest = {f"eval/{name}": value for name, value in losses.items()}
        self.best = min(self.best, losses["loss"])
        self._measured_at = step
        self._tracker.metrics(step, self.latest)
        logger.info("step %d: held-out loss %.3f", step, losses["loss"])


def held_out_losses(trainer: Trainer, examples: Examples) -> dict[str, float]:
    """Return each loss as its mean over all examples."""
    totals: dict[str, float] = {}
    for batch in in_order(examples, EVAL_BATCH_SIZE):
        n = batch["audio"].shape[0]
        for name, loss in trainer.held_out_losses(batch).items():
            totals[name] = totals.get(name, 0.0) + n * float(loss)
    return names_of_losses({k: total / len(examples) for k, total in totals.items()})


class ClipsHook:
    """Lets a few held-out examples be heard and seen: target and reconstruction.

    Args:
        trainer: What reconstructs.
        examples: Where the clips come from; spread over all of them.
        tracker: Where to show them.
        every: Steps between two showings.
    """

    def __init__(
        self, trainer: Trainer, examples: Examples, tracker: Tracker, every: int
    ) -> None:
        self._trainer = trainer
        self._tracker = tracker
        self._every = every
        self._sample_rate = examples.spec.sample_rate
        places = (np.arange(N_CLIPS) + 0.5) / N_CLIPS * len(examples)
        numbers = np.unique(places.astype(np.int64))
        self._batch = examples.batch(numbers) if len(examples) else None
        self._shown_at: int | None = None

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Show, if it is time."""
        if step % self._every == 0:
            self._show(step)

    def at_end(self, step: int, stopped: bool) -> None:
        """Show what came out, unless it was just done or time is short."""
        if not stopped and self._shown_at != step:
            self._show(step)

    def _show(self, step: int) -> None:
        if self._batch is None:
            return
        self._shown_at = step
        made = self._trainer.reconstruct(self._batch).numpy()
        pairs = zip(self._batch["audio"].numpy(), made, strict=True)
        for index, (target, output) in enumerate(pairs):
            name = f"clip-{index + 1}"
            if step == 0:
                self._audio(f"audio/{name}/target", target, step)
            self._audio(f"audio/{name}/reconstruction", output, step)
            figure = spectrogram_figure(target, output, self._sample_rate, step)
            self._tracker.figure(f"spectrograms/{name}", figure, step)

    def _audio(self, name: str, audio: np.ndarray, step: int) -> None:
        self._tracker.audio(name, audio, self._sample_rate, step)


class ProgressHook:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, first_step: int, n_steps: int) -> None:
        self._bar: Any = tqdm(
            initial=first_step, total=n_steps, unit="step", disable=None
        )

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Move on by a step."""
        if step:
            self._bar.update()

    def at_end(self, step: int, stopped: bool) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _duration(seconds: float) -> str:
    """Return a time span for people.

    >>> _duration(3725), _duration(40)
    ('1 h 02 min', '40 s')
    """
    if seconds >= 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
