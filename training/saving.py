"""Checkpoints of a run: the model, its config and its state, whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ddsp_core import io
from ddsp_core.checkpoints import ModelDirectory, save
from training.loop import Numbers
from training.trainer import Trainer

logger = logging.getLogger(__name__)
BESIDE = re.compile(r"(?:operative_config|state)-(\d+)\.(?:gin|json)")


class SaveHook:
    """Saves at multiples of `every` steps and at the end, however the end came.

    The gin file and the state are written before the checkpoint: where a checkpoint
    is, they are.

    Args:
        trainer: What to save.
        directory: The model directory.
        operative: Gin text that says what the model is.
        every: Steps between two checkpoints.
        keep: How many checkpoints to keep, the latest ones.
        state: Returns what stands in `state-N.json`.
    """

    def __init__(
        self,
        trainer: Trainer,
        directory: Path,
        operative: str,
        *,
        every: int,
        keep: int,
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self._trainer = trainer
        self._directory = directory
        self._operative = operative
        self._every = every
        self._keep = keep
        self._state = state
        self._saved_at = trainer.step

    def after_step(self, step: int, numbers: Numbers) -> None:
        """Save, if it is time; never the untrained model."""
        if step and step % self._every == 0:
            self._save(step)

    def at_end(self, step: int, stopped: bool) -> None:
        """Save what came out, unless it was just done."""
        if step != self._saved_at:
            self._save(step)

    def _save(self, step: int) -> None:
        folder = self._directory
        io.write_text(folder / f"operative_config-{step}.gin", self._operative)
        io.write_json(folder / f"state-{step}.json", {"step": step} | self._state())
        save(self._trainer.model, self._trainer.optimizer, folder, step, self._keep)
        self._saved_at = step
        _tidy(folder)
        logger.info("step %d: saved %s", step, folder / f"ckpt-{step}")


def checkpoint_files(directory: Path, step: int) -> list[Path]:
    """Return the files that make a model directory of one checkpoint."""
    names = (
        f"operative_config-{step}.gin",
        f"state-{step}.json",
        "checkpoint",
        "config.gin",
        "spec.json",
        "statistics.json",
    )
    beside = [directory / name for name in names if (directory / name).is_file()]
    return sorted(directory.glob(f"ckpt-{step}.*")) + beside


def _tidy(directory: Path) -> None:
    """Remove what stood beside checkpoints that are no longer kept."""
    kept = set(ModelDirectory(directory).steps())
    for path in directory.iterdir():
        found = BESIDE.fullmatch(path.name)
        if found and int(found[1]) not in kept:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
