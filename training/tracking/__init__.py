"""Where a run's numbers, sounds and pictures go; the loop knows `Tracker` alone."""

from training.tracking.tracker import (
    DatasetInput,
    RunAddress,
    Status,
    Tracker,
    Trackers,
)

__all__ = ["DatasetInput", "RunAddress", "Status", "Tracker", "Trackers"]
