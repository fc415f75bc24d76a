"""CREPE as a Keras model: differentiable, its layers by name."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np

from ddsp_core.errors import FeatureError
from ddsp_core.features.crepe import FRAME_SIZE, STRIDE
from ddsp_core.features.options import SIZES
from ddsp_core.features.weights import (
    BATCH_NORM_EPSILON,
    FILTERS,
    N_BINS,
    WIDTHS,
    find_weights,
    read_layers,
)
from ddsp_core.nn.keras import Model, keras, layers


def build_crepe(size: str, weights: str | os.PathLike[str] | None = None) -> Any:
    """Return CREPE with its published weights.

    The network of `features.crepe.Crepe`, slower, for what needs gradients or inner
    layers: 'conv1', 'conv1-BN', 'conv1-maxpool', 'conv1-dropout', ... 'transpose',
    'flatten', 'classifier', as in the model that its authors publish.

    Args:
        size: 'tiny', 'small', 'medium', 'large' or 'full'.
        weights: Path of a Keras weight file; None for the installed one of that size.

    Returns:
        A model from normalised frames [n, 1024] to activations [n, 360].

    Raises:
        FeatureError: The size is unknown or its weights are missing or wrong.
    """
    arrays = read_layers(find_weights(size) if weights is None else weights, size)
    inputs = layers.Input([FRAME_SIZE], name="input")
    x = layers.Reshape([FRAME_SIZE, 1, 1], name="input-reshape")(inputs)
    for i, (n_filters, width) in enumerate(zip(FILTERS, WIDTHS, strict=True), start=1):
        x = layers.Conv2D(
            n_filters * SIZES[size],
            [width, 1],
            strides=[STRIDE if i == 1 else 1, 1],
            padding="same",
            activation="relu",
            name=f"conv{i}",
        )(x)
        norm = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"conv{i}-BN")
        x = layers.MaxPool2D([2, 1], padding="valid", name=f"conv{i}-maxpool")(norm(x))
        x = layers.Dropout(0.25, name=f"conv{i}-dropout")(x)
    x = layers.Permute([2, 1, 3], name="transpose")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(N_BINS, activation="sigmoid", name="classifier")(x)
    model = Model(inputs, x)
    _set_weights(model, arrays)
    return model


def load_crepe(size_or_path: str | os.PathLike[str]) -> Any:
    """Return CREPE of a size, of a weight file, or of a saved Keras model.

    Raises:
        FeatureError: It is none of these.
    """
    path = os.fspath(size_or_path)
    if path in SIZES:
        return build_crepe(path)
    if not os.path.exists(path):
        raise FeatureError(
            f"{path!r} is neither a size of CREPE ({', '.join(SIZES)}) nor a file"
        )
    size = _size_of_weights(path)
    return keras.models.load_model(path) if size is None else build_crepe(size, path)


def _set_weights(model: Any, arrays: dict[str, dict[str, np.ndarray]]) -> None:
    """Assign every variable, by its layer's name and its own."""
    for layer, values in arrays.items():
        for name, value in values.items():
            variable = getattr(model.get_layer(layer), name)
            variable.assign(np.reshape(value, variable.shape))


def _size_of_weights(path: str) -> str | None:
    """The size of CREPE whose weights a file holds; None if it is a whole model."""
    if not os.path.isfile(path) or not h5py.is_hdf5(path):
        return None
    with h5py.File(path) as file:
        if "model_config" in file.attrs or "conv1" not in file:
            return None
        biases: list[int] = []
        file["conv1"].visititems(
            lambda name, item: biases.append(item.shape[0]) if "bias" in name else None
        )
    n_filters = {FILTERS[0] * multiplier: size for size, multiplier in SIZES.items()}
    return n_filters.get(biases[-1]) if biases else None
