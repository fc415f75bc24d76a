"""Luthier's side of the cases that need a whole model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp_core import config
from ddsp_core.spec import ExampleSpec
from training.data import ROW
from training.strategy import mirrored
from training.trainer import Trainer


def train_step(name: str, batch: dict[str, tf.Tensor]) -> Callable[[], None]:
    """Return a run of one training step of a packaged config."""
    built = config.build(config.load(name), ExampleSpec())
    strategy = mirrored(1)
    with strategy.scope():
        model = built.build_model()
    trainer = Trainer(model, built.trainer, strategy, seed=0)
    batch = batch | {ROW: tf.range(len(batch["f0_hz"]))}

    def run() -> None:
        float(trainer.train_step(batch)["total_loss"])

    return run


def inference(name: str, features: dict[str, tf.Tensor]) -> Callable[[], None]:
    """Return a run of a model on features of any length."""
    spec = ExampleSpec(n_frames=features["f0_hz"].shape[1])
    model: Any = config.build(config.load(name), spec).build_model()
    traced = tf.function(
        lambda features: model(features, training=False)["audio_synth"],
        autograph=False,
    )

    def run() -> None:
        traced(features).numpy()

    return run
