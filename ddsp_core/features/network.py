"""CREPE as a Keras model: differentiable, its layers by the names they were given."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ddsp_core.features.weights import (
    FILTERS,
    N_BINS,
    SIZES,
    WIDTHS,
    check_size,
    find_weights,
    read_layers,
)
from ddsp_core.nn.keras import Model, layers

FRAME_SIZE: Final = 1024  # samples at 16 kHz
FIRST_STRIDE: Final = 4  # of the first convolution, in samples
DROPOUT: Final = 0.25  # with which it was trained; does nothing in inference


def build_network(size: str = "tiny") -> Model:
    """Build CREPE with its published weights.

    Its layers are 'input', 'input-reshape', then 'conv1', 'conv1-BN', 'conv1-maxpool',
    'conv1-dropout' up to 6, 'transpose', 'flatten' and 'classifier'.

    Args:
        size: "tiny", "small", "medium", "large" or "full".

    Returns:
        A model from normalised frames [n_frames, 1024] to activations [n_frames, 360].

    Raises:
        FeatureError: The size is unknown or its weights are missing.

    Source: Kim et al. 2018 (arXiv:1802.06182).
    """
    check_size(size)
    frames = layers.Input(shape=(FRAME_SIZE,), name="input", dtype="float32")
    x = layers.Reshape((FRAME_SIZE, 1, 1), name="input-reshape")(frames)
    for i, (n_filters, width) in enumerate(zip(FILTERS, WIDTHS, strict=True), 1):
        x = layers.Conv2D(
            n_filters * SIZES[size],
            (width, 1),
            strides=(FIRST_STRIDE if i == 1 else 1, 1),
            padding="same",
            activation="relu",
            name=f"conv{i}",
        )(x)
        x = layers.BatchNormalization(name=f"conv{i}-BN")(x)
        x = layers.MaxPool2D((2, 1), padding="valid", name=f"conv{i}-maxpool")(x)
        x = layers.Dropout(DROPOUT, name=f"conv{i}-dropout")(x)
    x = layers.Permute((2, 1, 3), name="transpose")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(N_BINS, activation="sigmoid", name="classifier")(x)
    network = Model(inputs=frames, outputs=x)
    _set_weights(network, read_layers(find_weights(size), size))
    return network


def layers_up_to(network: Model, layer: str) -> Model:
    """Return the model that ends after one layer of `network`, sharing its weights.

    Args:
        network: Of `build_network`.
        layer: The layer's name.
    """
    return Model(inputs=network.input, outputs=network.get_layer(layer).output)


def _set_weights(network: Model, values: dict[str, dict[str, Any]]) -> None:
    """Assign every variable by its layer's name and its own."""
    for layer, arrays in values.items():
        for name, array in arrays.items():
            variable = getattr(network.get_layer(layer), name)
            variable.assign(np.reshape(array, variable.shape))
