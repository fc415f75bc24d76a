"""The one import of Keras, and why it is Keras 2 (`tf_keras`).

A Magenta checkpoint is an object graph whose edges are the attribute names of Keras 2
layers and of its legacy Adam. Keras 3 writes other keys; worse, it restores a Keras 2
file without an error and without the weights. The Adam of Keras 2.11 and later renames
the moments and refuses older files. So every layer, model and optimizer of this package
comes from here: `tf_keras`, with `optimizers.legacy.Adam`.
"""

import tf_keras as keras
from tf_keras import Model, Sequential, activations, layers, optimizers

Layer = layers.Layer
LegacyAdam = optimizers.legacy.Adam
ExponentialDecay = optimizers.schedules.ExponentialDecay


def gin_register_keras_layers() -> None:
    """Do nothing; Magenta's registers Keras's layers with gin.

    Our configs know their names from a table and register nothing (config/names.py).
    """


__all__ = [
    "ExponentialDecay",
    "Layer",
    "LegacyAdam",
    "Model",
    "Sequential",
    "activations",
    "gin_register_keras_layers",
    "keras",
    "layers",
    "optimizers",
]
