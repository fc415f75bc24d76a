"""`Tracker`, the one interface that training talks to, and many of them as one."""

from __future__ import annotations

import dataclasses
import enum
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

logger = logging.getLogger(__name__)


class Status(enum.StrEnum):
    """How a run ended."""

    FINISHED = "FINISHED"
    STOPPED = "KILLED"  # by a signal; the same command goes on
    FAILED = "FAILED"


@dataclasses.dataclass(frozen=True)
class DatasetInput:
    """A dataset as the input of a run.

    Args:
        name: Of its directory and splits: no two inputs of a run share name and digest.
        path: Of its directory.
        digest: Fingerprint of its manifest.
        context: "training" or "evaluation".
        facts: Counts and sizes, for people.
    """

    name: str
    path: str
    digest: str
    context: str
    facts: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class RunAddress:
    """Where a run is.

    Args:
        tracking_uri: Of the store.
        experiment_id: Of its experiment.
        run_id: Its own.
    """

    tracking_uri: str
    experiment_id: str
    run_id: str

    @property
    def how_to_open(self) -> str:
        """What to run, or which page to open, to see it."""
        if self.tracking_uri.startswith("http"):
            base = _without_password(self.tracking_uri).rstrip("/")
            return f"{base}/#/experiments/{self.experiment_id}/runs/{self.run_id}"
        return f"mlflow ui --backend-store-uri {_without_password(self.tracking_uri)}"


class Tracker(Protocol):
    """Takes what a run has to show. Names may contain '/', which makes groups."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Note what defines the run: plain scalars."""

    def tags(self, values: Mapping[str, Any]) -> None:
        """Note facts that may change: the machine, how many steps are wanted."""

    def dataset(self, dataset: DatasetInput) -> None:
        """Note a dataset that the run reads."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Note numbers measured after `step` steps."""

    def text(self, name: str, text: str, step: int) -> None:
        """Keep a text."""

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Keep a picture."""

    def audio(self, name: str, audio: np.ndarray, sample_rate: int, step: int) -> None:
        """Keep a sound: float mono in [-1, 1], [n_samples], at `sample_rate` Hz."""

    def artifact(self, path: Path, folder: str) -> None:
        """Keep a copy of a file."""

    def close(self, status: Status) -> None:
        """Say how the run ended; nothing comes after it."""


class Trackers:
    """Several trackers as one. One that fails is left out from then on, with a warning.

    Tracking never stops a training: a server out of reach, a full disk under the
    summaries or a refused value costs what was to be shown, not what was learned.
    """

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = list(trackers)

    def params(self, values: Mapping[str, Any]) -> None:
        """As `Tracker.params`, to all."""
        self._tell("params", values)

    def tags(self, values: Mapping[str, Any]) -> None:
        """As `Tracker.tags`, to all."""
        self._tell("tags", values)

    def dataset(self, dataset: DatasetInput) -> None:
        """As `Tracker.dataset`, to all."""
        self._tell("dataset", dataset)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """As `Tracker.metrics`, to all."""
        self._tell("metrics", step, values)

    def text(self, name: str, text: str, step: int) -> None:
        """As `Tracker.text`, to all."""
        self._tell("text", name, text, step)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """As `Tracker.figure`, to all."""
        self._tell("figure", name, figure, step)

    def audio(self, name: str, audio: np.ndarray, sample_rate: int, step: int) -> None:
        """As `Tracker.audio`, to all."""
        self._tell("audio", name, audio, sample_rate, step)

    def artifact(self, path: Path, folder: str) -> None:
        """As `Tracker.artifact`, to all."""
        self._tell("artifact", path, folder)

    def close(self, status: Status) -> None:
        """As `Tracker.close`, to all."""
        self._tell("close", status)

    def _tell(self, method: str, *args: Any) -> None:
        for tracker in list(self._trackers):
            try:
                getattr(tracker, method)(*args)
            # Whatever a store raises, and each raises its own, the training goes on.
            except Exception as error:
                self._trackers.remove(tracker)
                logger.warning(
                    "%s does not take %s any more (%s); training goes on without it",
                    type(tracker).__name__,
                    method,
                    " ".join(str(error).split())[:300],
                )


def _without_password(uri: str) -> str:
    return re.sub(r"://[^@/]+@", "://...@", uri)
