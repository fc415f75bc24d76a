"""The whole road in one call: recordings, dataset, training, metrics, transfer."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ddsp_core.errors import UsageError
from ddsp_core.transfer.options import TransferOptions
from pipelines.options import PrepareOptions

if TYPE_CHECKING:
    from ddsp_core.manifest import DatasetManifest
    from ddsp_core.transfer.play import Transferred
    from training.evaluate import Evaluation
    from training.train import Trained

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Journey:
    """What to do, where.

    Args:
        recordings: Files or folders to learn from.
        clips: Files to be played through the model.
        out: Folder for all that comes of it.
        config: Of the model.
        bindings: Gin bindings on top of it.
        n_steps: Of the training.
    """

    recordings: Sequence[str]
    clips: Sequence[str]
    out: Path
    config: str
    bindings: Sequence[str]
    n_steps: int

    @property
    def dataset(self) -> Path:
        """The dataset directory."""
        return self.out / "dataset"

    @property
    def model(self) -> Path:
        """The model directory."""
        return self.out / "model"

    @property
    def played(self) -> Path:
        """The folder of transferred clips."""
        return self.out / "transfer"


@dataclasses.dataclass(frozen=True)
class Arrived:
    """What came of each step."""

    manifest: DatasetManifest
    trained: Trained
    evaluation: Evaluation | None
    transferred: Sequence[Transferred]


def travel(journey: Journey) -> Arrived:
    """Go the whole road, or go on where it was left.

    Each step is the one that the command of its name does, and finds what is there.

    Raises:
        DdspError: As the steps raise; what earlier steps made stays.
    """
    from pipelines.prepare import prepare
    from pipelines.transfer import transfer
    from training.evaluate import evaluate
    from training.train import Request, train

    _log.info("1 of 4: prepare %s", journey.dataset)
    manifest = prepare(
        PrepareOptions(tuple(journey.recordings), str(journey.dataset))
    ).manifest
    if not manifest.n_records("train"):
        raise UsageError(
            f"{', '.join(journey.recordings)}: too short to train on; needed recordings"
            f" of {manifest.spec.example_secs:g} s or more"
        )
    _log.info("2 of 4: train %d steps in %s", journey.n_steps, journey.model)
    trained = train(
        Request(
            data=journey.dataset,
            out=journey.model,
            config=journey.config,
            bindings=journey.bindings,
            n_steps=journey.n_steps,
        )
    )
    evaluation = None
    if manifest.n_records("eval"):
        _log.info("3 of 4: evaluate")
        evaluation = evaluate(journey.model, journey.dataset)
    _log.info("4 of 4: transfer %s", ", ".join(journey.clips))
    options = TransferOptions()
    done, _ = transfer(journey.model, journey.clips, journey.played, options)
    return Arrived(manifest, trained, evaluation, done)
