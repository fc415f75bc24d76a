"""A model that trains in milliseconds, and a tracker that remembers."""

import numpy as np
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.models.model import Model
from ddsp_core.nn.keras import keras


class ToyModel(Model):
    """Gains of a sine and of noise, from loudness; a variable that no loss needs."""

    def __init__(self, spec):
        super().__init__()
        self._spec = spec
        self.hidden = keras.layers.Dense(8, activation="tanh")
        self.gains = keras.layers.Dense(2)
        self.unused = tf.Variable(1.0, name="unused")

    def call(self, features, training=False):
        loudness = features["loudness_db"][:, :1] / 80
        gains = self.gains(self.hidden(loudness))
        time = tf.range(self._spec.n_samples, dtype=tf.float32) / self._spec.sample_rate
        sine = tf.sin(2 * np.pi * features["f0_hz"][:, :1] * time)
        noise = randomness.uniform([tf.shape(sine)[0], self._spec.n_samples], -1, 1)
        return {"audio_synth": gains[:, :1] * sine + gains[:, 1:] * noise}

    def get_losses(self, features, outputs):
        error = outputs["audio_synth"] - features["audio"]
        return {"toy_loss": tf.reduce_mean(tf.abs(error))}

    def get_audio_from_outputs(self, outputs):
        return outputs["audio_synth"]


def toy_trainer(strategy, spec, seed=3, n_parts=1, **options):
    """A trainer of a toy model; equal seeds give equal first weights."""
    from ddsp_core.config.options import TrainerOptions
    from training.trainer import Trainer

    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = ToyModel(spec)
        model.build_from_spec(spec)
    return Trainer(model, TrainerOptions(**options), strategy, seed, n_parts)


class Recorder:
    """A tracker that remembers everything it was told."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, method):
        return lambda *args: self.calls.append((method, *args))

    def points(self, metric):
        """{step: value} of one metric."""
        rows = [args for method, *args in self.calls if method == "metrics"]
        return {step: values[metric] for step, values in rows if metric in values}

    def named(self, method):
        """What one method was told."""
        return [args for called, *args in self.calls if called == method]
