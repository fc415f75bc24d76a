"""Magenta's side of the cases that need a whole model; runs in its environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ddsp.training
import gin
import tensorflow as tf

FILES = {
    "solo_instrument": "models/solo_instrument.gin",
    "tiny_instrument": "papers/iclr2020/tiny_instrument.gin",
}


def train_step(name: str, batch: dict[str, tf.Tensor]) -> Callable[[], None]:
    """Return a run of one training step of its own config."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = _model(name, batch["f0_hz"].shape[1])
        trainer = ddsp.training.trainers.Trainer(model, strategy, learning_rate=3e-4)

    def run() -> None:
        float(trainer.train_step(batch)["total_loss"])

    return run


def inference(name: str, features: dict[str, tf.Tensor]) -> Callable[[], None]:
    """Return a run of a model on features of any length."""
    model = _model(name, features["f0_hz"].shape[1])
    traced = tf.function(
        lambda features: model(features, training=False)["audio_synth"]
    )

    def run() -> None:
        traced(features).numpy()

    return run


def _model(name: str, n_frames: int) -> Any:
    gin.clear_config()
    gin.add_config_file_search_path(f"{ddsp.training.__path__[0]}/gin")
    lengths = [
        f"Harmonic.n_samples = {64 * n_frames}",
        f"FilteredNoise.n_samples = {64 * n_frames}",
        f"F0LoudnessPreprocessor.time_steps = {n_frames}",
    ]
    with gin.unlock_config():
        gin.parse_config_files_and_bindings([FILES[name]], lengths, skip_unknown=True)
    return ddsp.training.models.get_model()
