"""`evaluate`: how a trained model does on examples that it did not train on."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core import io, randomness
from ddsp_core.checkpoints import ModelDirectory, open_model
from ddsp_core.errors import DatasetError
from ddsp_core.features.extract import FeatureExtractor, Features
from ddsp_core.spec import ExampleSpec
from training.data import ROW, Examples, in_order
from training.hooks import EVAL_BATCH_SIZE
from training.metrics import (
    FrameErrors,
    extractor_for,
    frame_errors,
    multi_scale_loss,
    output_features,
    summary,
)
from training.run import Run
from training.tracking.start import attach_tracker
from training.trainer import HELD_OUT_STEP

logger = logging.getLogger(__name__)
SEED = 0  # of the noise: evaluations of one model differ by nothing


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Args:
        step: Of the checkpoint.
        split: Which examples.
        n_examples: How many.
        metrics: By name; None where nothing could be measured.
        logged_to: Id of the MLflow run that was told; empty if none.
    """

    step: int
    split: str
    n_examples: int
    metrics: dict[str, float | None]
    logged_to: str = ""


def evaluate(
    model: str | os.PathLike[str], data: str | os.PathLike[str], split: str = "eval"
) -> Evaluation:
    """Evaluate a model's latest checkpoint on a split of a dataset, and track it.

    Args:
        model: Training directory, model directory or checkpoint prefix.
        data: Dataset directory.
        split: Which examples.

    Raises:
        CheckpointError: There is no checkpoint, or it doesn't fit its config.
        DatasetError: The dataset isn't whole, has no example in that split, or was
            prepared with another spec than the model's.
        FeatureError: Its features are of another version than this program computes.
    """
    examples = Examples.open(data, (split,))
    if not len(examples):
        raise DatasetError(
            f"{examples.directory}: no example in split {split!r}; use another --split"
        )
    directory = open_model(model)
    _check_spec(directory.spec, examples)
    built = directory.build(n_frames=examples.spec.n_frames)
    metrics = measure(built.model, examples, extractor_for(examples.spec))
    found = Evaluation(directory.step, split, len(examples), metrics)
    return dataclasses.replace(found, logged_to=_log(directory, found))


def measure(
    model: Any, examples: Examples, extractor: FeatureExtractor
) -> dict[str, float | None]:
    """Let a model reconstruct examples and measure its sound.

    Args:
        model: Called with a batch of features, as `Autoencoder`.
        examples: Which; all of them, in order.
        extractor: Of their versions.
    """
    play = tf.function(_played, autograph=False)
    errors: list[FrameErrors] = []
    losses: dict[str, float] = {}
    for batch in in_order(examples, EVAL_BATCH_SIZE):
        sound, found = play(model, batch)
        audio, target = sound.numpy(), batch["audio"].numpy()
        found |= {"multi_scale_loss": multi_scale_loss(target, audio)}
        for name, loss in found.items():
            losses[name] = losses.get(name, 0.0) + float(loss) * len(audio)
        errors += _errors_of(batch, audio, examples.spec, extractor)
        logger.info("%d of %d examples", len(errors), len(examples))
    means = {name: total / len(examples) for name, total in losses.items()}
    finite = {k: v if math.isfinite(v) else None for k, v in means.items()}
    return finite | summary(FrameErrors.joined(errors))


def _played(
    model: Any, batch: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Audio [batch, n_samples] and losses; the noise belongs to the record."""
    features = {name: value for name, value in batch.items() if name != ROW}
    with randomness.keyed(SEED, HELD_OUT_STEP, batch[ROW]):
        outputs, losses = model(features, return_losses=True, training=False)
    return model.get_audio_from_outputs(outputs), dict(losses)


def _errors_of(
    batch: Mapping[str, Any],
    audio: np.ndarray,
    spec: ExampleSpec,
    extractor: FeatureExtractor,
) -> list[FrameErrors]:
    """Frame errors of each example of a batch."""
    stored = [batch[n].numpy() for n in ("f0_hz", "f0_confidence", "loudness_db")]
    return [
        frame_errors(
            Features(*target), output_features(output, spec, extractor), spec.frame_rate
        )
        for *target, output in zip(*stored, audio, strict=True)
    ]


def _check_spec(spec: ExampleSpec, examples: Examples) -> None:
    """Refuse a dataset of other rates or features; other lengths are well."""
    lengths = {"n_frames": 0, "example_hop": 0}
    ours, theirs = spec.to_json() | lengths, examples.spec.to_json() | lengths
    differ = [name for name in ours if ours[name] != theirs[name]]
    if differ:
        what = ", ".join(f"{n} {theirs[n]!r} (model: {ours[n]!r})" for n in differ)
        raise DatasetError(
            f"{examples.directory} was prepared with another spec than the model's:"
            f" {what}; prepare it again with the model's"
        )


def _log(directory: ModelDirectory, found: Evaluation) -> str:
    """Tell the model's MLflow run, if it has one that can be reached."""
    run = Run.load(io.local_path(directory.path))
    tracker = attach_tracker(run.mlflow) if run and run.mlflow else None
    if tracker is None:
        return ""
    values = {
        f"evaluation/{found.split}/{name}": value
        for name, value in found.metrics.items()
        if value is not None
    }
    tracker.metrics(found.step, values)
    return tracker.address.run_id
