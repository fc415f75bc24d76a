"""`dataset_statistics.pkl`: written as Magenta reads it, read without running code.

The pickle names the class `ddsp.training.postprocessing.QuantileTransformer` and
numpy's array reconstruction under the path that numpy 1 and 2 both know. It is written
opcode by opcode: Python's pickler can name only what is importable, and writes other
bytes with other versions of numpy.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ddsp_core.errors import DatasetError
from ddsp_core.postprocessing.quantiles import QuantileTransformer

PICKLE_NAME: Final = "dataset_statistics.pkl"
CLASS_PATHS: Final = (
    "ddsp.training.postprocessing",  # Magenta 1.6 to 3.7, and what we write
    "ddsp.colab.colab_utils",  # models published in 2020
    "sklearn.preprocessing.data",  # the first of them
    "sklearn.preprocessing._data",
)
_RECONSTRUCT: Final = ("numpy.core.multiarray", "_reconstruct")


def dumps(statistics: Mapping[str, Any]) -> bytes:
    """Return Magenta's pickle of statistics; the same numbers give the same bytes.

    Args:
        statistics: Numbers by name, and a fitted `QuantileTransformer`.

    Raises:
        DatasetError: A value is neither.
    """
    entries = b"".join(
        _text(name) + _value(value, name) for name, value in sorted(statistics.items())
    )
    return b"\x80\x03" + b"}(" + entries + b"u" + b"."


def loads(data: bytes, where: str = PICKLE_NAME) -> dict[str, Any]:
    """Read such a pickle, ours or one that any release of Magenta wrote.

    Only numpy's arrays and numbers and the transformer are made; no code is run.

    Args:
        data: The file's bytes.
        where: Its name, for errors.

    Returns:
        Numbers by name and a `QuantileTransformer`.

    Raises:
        DatasetError: It is damaged, or names anything else.
    """
    try:
        found = _Unpickler(io.BytesIO(data)).load()
        if not isinstance(found, dict) or "mean_pitch" not in found:
            raise ValueError("it holds no dict with 'mean_pitch'")
    except Exception as error:  # a damaged pickle can raise any
        raise DatasetError(
            f"{where} is not a pickle of Magenta's dataset statistics: {error}"
        ) from error
    return {
        name: float(value) if np.ndim(value) == 0 and _is_number(value) else value
        for name, value in found.items()
    }


def load(path: Path) -> dict[str, Any]:
    """Read the pickle of a dataset or model directory.

    Raises:
        DatasetError: It is missing, damaged, or names anything else.
    """
    try:
        return loads(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist") from error


class _RandomState:
    """Stands for numpy's generator, which old transformers carry and nobody needs."""

    def __init__(self, *args: Any) -> None:
        del args

    def __setstate__(self, state: Any) -> None:
        del state


class _Transformer(QuantileTransformer):
    """Takes on a state; of scikit-learn's attributes only those that we know."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(
            QuantileTransformer().__dict__,
            quantiles_=np.asarray(state["quantiles_"], np.float64),
            references_=np.asarray(state["references_"], np.float64),
            n_quantiles_=int(state["n_quantiles_"]),
            output_distribution=str(state["output_distribution"]),
        )
        self.__class__ = QuantileTransformer  # type: ignore[assignment]


class _Unpickler(pickle.Unpickler):
    """Knows the names that such a file needs, and no other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {(path, "QuantileTransformer") for path in CLASS_PATHS}:
            return _Transformer
        if module.startswith("numpy.random") and "andom" in name:
            return _RandomState
        found = _NUMPY.get((module.replace("numpy._core", "numpy.core"), name))
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return found


def _reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """Make the empty array whose state follows; what numpy's own function does."""
    del kind, shape, code
    return np.ndarray((0,), np.float64)


def _scalar(dtype: np.dtype, data: bytes) -> Any:
    return np.frombuffer(data, dtype, count=1)[0]


_NUMPY: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    _RECONSTRUCT: _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def _value(value: Any, name: str) -> bytes:
    if isinstance(value, QuantileTransformer):
        return _transformer(value)
    if not _is_number(value):
        raise DatasetError(f"{name} is {value!r}; needed a number or a transformer")
    return _float(float(value))


def _transformer(value: QuantileTransformer) -> bytes:
    state = (
        _text("n_quantiles")
        + _int(value.n_quantiles)
        + _text("output_distribution")
        + _text(value.output_distribution)
        + _text("subsample")
        + _int(value.subsample)
        + _text("random_state")
        + b"N"
        + _text("n_quantiles_")
        + _int(value.n_quantiles_)
        + _text("references_")
        + _array(value.references_)
        + _text("quantiles_")
        + _array(value.quantiles_)
    )
    made = _global(CLASS_PATHS[0], "QuantileTransformer") + b")\x81"  # cls.__new__(cls)
    return made + b"}(" + state + b"u" + b"b"


def _array(value: np.ndarray) -> bytes:
    """A float64 array, as numpy's own pickles have it."""
    dtype = _global("numpy", "dtype") + b"(" + _text("f8") + b"\x89\x88tR"
    dtype += (
        b"(" + _int(3) + _text("<") + b"NNN" + _int(-1) + _int(-1) + _int(0) + b"tb"
    )
    empty = _global(*_RECONSTRUCT) + b"(" + _global("numpy", "ndarray")
    empty += b"(" + _int(0) + b"t" + _bytes(b"b") + b"tR"
    shape = b"(" + b"".join(_int(n) for n in value.shape) + b"t"
    data = _bytes(np.ascontiguousarray(value, "<f8").tobytes())
    return empty + b"(" + _int(1) + shape + dtype + b"\x89" + data + b"tb"


def _global(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def _text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _bytes(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)
