"""Refusing arguments of the wrong shape, in one form of words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddsp_core.errors import ShapeError


def check_shape(name: str, x: Any, *needed: str) -> None:
    """Refuse a tensor whose static shape is none of those needed.

    Args:
        name: Of the argument.
        x: A tensor, array or nested list; an axis of unknown length fits any.
        *needed: Such as '[batch, n_frames, 1]': a word fits any length. '[]' is a
            scalar.

    Raises:
        ShapeError: It fits none of them.

    >>> import numpy as np
    >>> check_shape("f0_hz", np.zeros([2, 5, 1]), "[batch, n_frames, 1]")
    """
    shape = x.shape if hasattr(x, "shape") else np.shape(x)
    if getattr(shape, "rank", 0) is None:
        return
    lengths = list(shape)
    if not any(_fits(lengths, pattern) for pattern in needed):
        raise ShapeError(f"{name} has shape {lengths}; needed {' or '.join(needed)}")


def check_broadcast(**tensors: Any) -> None:
    """Refuse tensors of equal rank whose axes are neither equal nor 1.

    Raises:
        ShapeError: They do not broadcast.
    """
    shapes = {name: list(x.shape) for name, x in tensors.items()}
    for lengths in zip(*shapes.values(), strict=True):
        if len({n for n in lengths if n not in (1, None)}) > 1:
            told = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ShapeError(f"got {told}; each axis must be equal, or 1")


def check_positive(**counts: int) -> None:
    """Refuse a length or rate that is not above zero.

    Raises:
        ShapeError: One is zero or less.
    """
    for name, count in counts.items():
        if count <= 0:
            raise ShapeError(f"{name} is {count}; it must be more than 0")


def _fits(lengths: list[int | None], pattern: str) -> bool:
    axes = [axis for axis in pattern.strip("[]").split(", ") if axis]
    if len(axes) != len(lengths):
        return False
    return all(
        length is None or not axis.isdigit() or length == int(axis)
        for axis, length in zip(axes, lengths, strict=True)
    )
