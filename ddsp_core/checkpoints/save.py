"""Writing a checkpoint, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from ddsp_core import io
from ddsp_core.checkpoints import keys
from ddsp_core.checkpoints.restore import Reader
from ddsp_core.errors import CheckpointError, StorageError

STATE_NAME: Final = "checkpoint"  # names the latest checkpoint, for TensorFlow's tools
PREFIX: Final = "ckpt-"
_INDEX = re.compile(rf"{PREFIX}(\d+)\.index")
_HALF: Final = f".{PREFIX}"  # folders of checkpoints that are being written


def save(
    model: Any, optimizer: Any, directory: str | os.PathLike[str], step: int, keep: int
) -> Path:
    """Write `ckpt-STEP` with Magenta's keys, then drop all but the last `keep`.

    The files appear under their names when they are whole; until then, and if the
    writing fails, what was there before is untouched.

    Args:
        model: Built.
        optimizer: A legacy Adam whose learning rate is a schedule.
        directory: Of the model; made if need be.
        step: Steps of training: `optimizer.iterations`.
        keep: How many checkpoints to keep, this one included.

    Returns:
        The checkpoint's prefix.

    Raises:
        CheckpointError: The step is not the optimizer's.
        StorageError: The disk is full or cannot be written.
    """
    n_steps = int(optimizer.iterations.numpy())  # mirrored: no plain int() of it
    if n_steps != step:
        raise CheckpointError(
            f"the optimizer has made {n_steps} steps; a checkpoint of step {step} would"
            " claim otherwise"
        )
    folder = io.local_path(directory)
    keys.optimizer_variables(optimizer, model)  # creates moments before the first step
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    checkpoint.save_counter.assign(_n_saves(folder) + 1)
    with _written_aside(folder, step) as aside:
        checkpoint.write(os.fspath(aside / f"{PREFIX}{step}"))
    _drop_old(folder, keep, newest=step)
    return folder / f"{PREFIX}{step}"


def steps_in(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in a folder, ascending."""
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(int(m[1]) for m in map(_INDEX.fullmatch, names) if m)


@contextlib.contextmanager
def _written_aside(folder: Path, step: int) -> Iterator[Path]:
    """Yield a folder to write into; its files move to `folder`, the index last."""
    doing = f"writing {folder / f'{PREFIX}{step}'}"
    with io.storage_errors(doing):
        folder.mkdir(parents=True, exist_ok=True)
        for half in folder.glob(f"{_HALF}*"):
            shutil.rmtree(half, ignore_errors=True)  # of a process that was killed
        aside = Path(tempfile.mkdtemp(prefix=f"{_HALF}{step}.", dir=folder))
        try:
            yield aside
            files = sorted(aside.iterdir(), key=lambda path: path.suffix == ".index")
            for path in files:
                with open(path, "rb+") as file:
                    os.fsync(file.fileno())
            # No moment has an old index beside new data.
            (folder / f"{PREFIX}{step}.index").unlink(missing_ok=True)
            for path in files:
                os.replace(path, folder / path.name)
        except tf.errors.OpError as error:
            raise StorageError(
                f"{doing}: {error.message}; make room or choose another place, then run"
                " the same command again"
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _drop_old(folder: Path, keep: int, newest: int) -> None:
    """Name `newest` as the latest, and delete all but the last `keep`."""
    steps = [step for step in steps_in(folder) if step != newest]
    kept = steps[len(steps) - max(0, keep - 1) :] if keep > 1 else []
    names = [f"{PREFIX}{step}" for step in [*kept, newest]]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    io.write_text(folder / STATE_NAME, "\n".join(lines) + "\n")
    for step in set(steps) - set(kept):
        (folder / f"{PREFIX}{step}.index").unlink(missing_ok=True)
        for data in folder.glob(f"{PREFIX}{step}.data-*"):
            data.unlink(missing_ok=True)


def _n_saves(folder: Path) -> int:
    """Return how often the run in a folder was saved before."""
    steps = steps_in(folder)
    if not steps:
        return 0
    try:
        return int(Reader(folder / f"{PREFIX}{steps[-1]}").value(keys.BOOKKEEPING[1]))
    except CheckpointError:  # damaged, or written without: the count is only a courtesy
        return len(steps)
