"""What the trackers are told of a run: what defines it, where it runs, what it made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from ddsp_core.checkpoints.directory import SPEC_NAME
from ddsp_core.manifest import NUMBERS_NAME, REPORT_NAME
from training.data import Examples
from training.run import CONFIG_NAME, Run
from training.saving import checkpoint_files
from training.tracking import DatasetInput, Tracker

# A checkpoint larger than this stays where it is; the run is told its address.
MAX_UPLOAD_BYTES = 500_000_000


def introduce(
    tracker: Tracker,
    run: Run,
    operative: str,
    datasets: Mapping[str, Examples],
) -> None:
    """Tell what run this is.

    Args:
        tracker: Whom to tell.
        run: The run.
        operative: Gin text of its model.
        datasets: What it reads, by context: 'training', 'evaluation'.
    """
    own = {
        "seed": run.seed,
        "batch_size": run.batch_size,
        "n_parts": run.n_parts,
        "precision": run.precision,
        "dataset": run.dataset,
        "config": run.config_fingerprint,
    }
    tracker.params(dict(run.params) | own)
    for context, examples in datasets.items():
        tracker.dataset(_input(examples, context))
    _hand_in_reports(tracker, datasets)
    tracker.text("config/operative_config.gin", operative, 0)
    tracker.artifact(run.directory / CONFIG_NAME, "config")
    tracker.artifact(run.directory / SPEC_NAME, "config")


def describe_start(tracker: Tracker, run: Run, n_steps: int, n_replicas: int) -> None:
    """Tell what may differ from one start of the run to the next."""
    tracker.tags(
        {
            "luthier.directory": run.directory.resolve(),
            "luthier.steps": n_steps,
            "luthier.replicas": n_replicas,
            "luthier.version": _version(),
            "tensorflow.version": tf.__version__,
            "host": f"{platform.node()} {platform.machine()}, {os.cpu_count()} CPUs",
        }
    )


def hand_in_checkpoint(tracker: Tracker, run: Run, step: int) -> None:
    """Send the checkpoint of a step, or its address if it is large."""
    files = checkpoint_files(run.directory, step)
    tracker.tags({"luthier.checkpoint": (run.directory / f"ckpt-{step}").resolve()})
    if sum(path.stat().st_size for path in files) <= MAX_UPLOAD_BYTES:
        for path in files:
            tracker.artifact(path, "checkpoints")


def _hand_in_reports(tracker: Tracker, datasets: Mapping[str, Examples]) -> None:
    """Send what `luthier prepare` says of each directory; adopted ones have none."""
    contexts: dict[Path, str] = {}
    for context, examples in datasets.items():
        contexts.setdefault(examples.directory.resolve(), context)
    for directory, context in contexts.items():
        for name in (REPORT_NAME, NUMBERS_NAME):
            if (directory / name).is_file():
                tracker.artifact(directory / name, f"dataset/{context}")


def _input(examples: Examples, context: str) -> DatasetInput:
    hours = len(examples) * examples.spec.example_secs / 3600
    counts = {"n_examples": len(examples), "hours": round(hours, 4)}
    path = examples.directory.resolve()
    return DatasetInput(
        name=f"{path.name} ({', '.join(examples.splits)})",
        path=str(path),
        digest=examples.manifest.fingerprint,
        context=context,
        facts=counts | examples.spec.to_json(),
    )


def _version() -> str:
    try:
        return importlib.metadata.version("luthier")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
