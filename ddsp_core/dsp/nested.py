"""Nested dictionaries of tensors, addressed by keys such as 'harmonic/signal'."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core.errors import ConfigError, ShapeError


class MissingKeyError(ConfigError, KeyError):
    """A nested dictionary has no such key."""

    __str__ = Exception.__str__  # KeyError would quote the whole message.


def make_iterable(x: Any) -> Any:
    """Return `x` if it is iterable and no tensor, [] for None, else [x]."""
    if x is None:
        return []
    if isinstance(x, np.ndarray | tf.Tensor) or not isinstance(x, Iterable):
        return [x]  # A tensor in a list: nobody means to iterate over the batch.
    return x


def to_dict(x: Any, keys: Sequence[str]) -> dict[str, Any]:
    """Return `x` if it is a dictionary, else its values under `keys`, in order.

    Raises:
        ShapeError: There are more or fewer values than keys.

    >>> to_dict([1, 2], ["x", "y"])
    {'x': 1, 'y': 2}
    """
    if isinstance(x, dict):
        return x
    values = list(make_iterable(x))
    if len(keys) != len(values):
        raise ShapeError(f"got {len(values)} values for the {len(keys)} keys {keys}")
    return dict(zip(keys, values, strict=True))


def copy_if_tf_function(x: Any) -> Any:
    """Return a shallow copy inside a `tf.function`, else `x` itself.

    A dictionary that came in as an argument of a `tf.function` must not be changed.
    """
    return x if tf.executing_eagerly() else copy.copy(x)


def nested_keys(
    nested_dict: Mapping[str, Any], delimiter: str = "/", prefix: str = ""
) -> list[str]:
    """Return the key of every leaf, in order.

    >>> nested_keys({"a": 1, "b": {"c": 2}})
    ['a', 'b/c']
    """
    keys = []
    for name, value in nested_dict.items():
        key = f"{prefix}{delimiter}{name}" if prefix else name
        is_leaf = not isinstance(value, dict)
        keys += [key] if is_leaf else nested_keys(value, delimiter, key)
    return keys


def nested_lookup(
    nested_key: str, nested_dict: Mapping[str, Any], delimiter: str = "/"
) -> Any:
    """Return the value under a key such as 'harmonic/signal'.

    Raises:
        MissingKeyError: There is none; the message lists those there are.

    >>> nested_lookup("b/c", {"a": 1, "b": {"c": 2}})
    2
    """
    value: Any = nested_dict
    for part in nested_key.split(delimiter):
        if not isinstance(value, Mapping) or part not in value:
            raise MissingKeyError(
                f"{part!r} of the key {nested_key!r} does not exist; there are"
                f" {', '.join(nested_keys(nested_dict, delimiter))}"
            )
        value = value[part]
    return value


def leaf_key(nested_key: str, delimiter: str = "/") -> str:
    """Return the last part of a nested key.

    >>> leaf_key("inputs/f0_hz")
    'f0_hz'
    """
    return nested_key.rsplit(delimiter, maxsplit=1)[-1]


def map_shape(x: Any) -> Any:
    """Return the same nested structure with the shape of each tensor, as lists."""
    return tf.nest.map_structure(lambda t: list(tf.shape(t).numpy()), x)
