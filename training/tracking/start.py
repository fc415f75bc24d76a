"""Starting the trackers of a run: TensorBoard always, MLflow if it can be reached."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from training.tracking.tensorboard import TensorBoardTracker
from training.tracking.tracker import RunAddress, Tracker, Trackers

if TYPE_CHECKING:
    from training.tracking.mlflow import MlflowTracker

logger = logging.getLogger(__name__)


def start_trackers(
    directory: Path, earlier: RunAddress | None
) -> tuple[Trackers, RunAddress | None]:
    """Start tracking a run, or go on tracking it.

    Args:
        directory: The model directory; its name is the run's.
        earlier: Where the run was tracked before, if it was.

    Returns:
        The trackers, and where MLflow has the run; None if it can't be reached.
    """
    trackers: list[Tracker] = [TensorBoardTracker(directory)]
    try:
        from training.tracking.mlflow import MlflowTracker

        mlflow = MlflowTracker.start(directory.resolve().name, earlier)
    # Each store raises errors of its own; none of them is a reason not to train.
    except Exception as error:
        logger.warning(
            "MLflow can't be reached (%s); training goes on without it",
            " ".join(str(error).split())[:300],
        )
        return Trackers(trackers), earlier
    return Trackers([mlflow, *trackers]), mlflow.address


def attach_tracker(address: RunAddress) -> MlflowTracker | None:
    """Return a tracker of an existing run; None, with a warning, if out of reach."""
    try:
        from training.tracking.mlflow import MlflowTracker

        return MlflowTracker.attach(address)
    except Exception as error:
        logger.warning(
            "the run's MLflow store can't be reached (%s)",
            " ".join(str(error).split())[:300],
        )
        return None
