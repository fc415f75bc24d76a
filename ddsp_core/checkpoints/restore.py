"""Reading a checkpoint: every variable bound, every weight used, or an error."""

from __future__ import annotations

import dataclasses
import enum
import os
from typing import Any

import tensorflow as tf

from ddsp_core import io
from ddsp_core.checkpoints import keys
from ddsp_core.errors import CheckpointError

# What TensorFlow's reader raises for files that are damaged or missing.
READ_ERRORS = (tf.errors.OpError, IndexError, ValueError, RuntimeError)
N_NAMED = 4  # keys that a message names; the rest is counted


class Family(enum.StrEnum):
    """Which Adam a checkpoint holds the state of."""

    LEGACY = "legacy"  # up to TensorFlow 2.10, and ours
    NEW = "new"  # TensorFlow 2.11 and later
    NONE = "none"


@dataclasses.dataclass(frozen=True)
class RestoreReport:
    """How a checkpoint and a model fit each other.

    Args:
        matched: Keys that both have, in equal shapes.
        missing: Keys of the model that the file does not have, or in another shape.
        unused: Keys of the file that the model does not have.
        family: Which optimizer's state the file holds.
        step: Steps of training, as the optimizer counted them; None without one.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    family: Family
    step: int | None

    @property
    def is_whole(self) -> bool:
        """Whether the file fits the model exactly."""
        return not self.missing and not self.unused


class Reader:
    """A checkpoint's keys, shapes and values.

    Args:
        prefix: Path of the checkpoint without `.index`.

    Raises:
        CheckpointError: There is no such checkpoint, or its index is damaged.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.prefix = os.fspath(io.local_path(prefix))
        if not os.path.isfile(f"{self.prefix}.index"):
            raise CheckpointError(f"there is no checkpoint {self.prefix}")
        try:
            self._reader = tf.train.load_checkpoint(self.prefix)
        except READ_ERRORS as error:
            raise self._damaged(error) from error
        self.shapes: dict[str, list[int]] = self._reader.get_variable_to_shape_map()

    @property
    def family(self) -> Family:
        """Which Adam the file holds the state of."""
        if f"{keys.OPTIMIZER}/iter{keys.VALUE}" in self.shapes:
            return Family.LEGACY
        is_new = any(key.startswith(f"{keys.OPTIMIZER}/") for key in self.shapes)
        return Family.NEW if is_new else Family.NONE

    @property
    def step(self) -> int | None:
        """Steps of training, as the optimizer counted them."""
        for name in ("iter", "_iterations", "iterations"):
            key = f"{keys.OPTIMIZER}/{name}{keys.VALUE}"
            if key in self.shapes:
                return int(self.value(key))
        return None

    def value(self, key: str) -> Any:
        """Return an array; its checksum is verified.

        Raises:
            CheckpointError: The data file is missing, cut short or damaged.
        """
        try:
            return self._reader.get_tensor(key)
        except READ_ERRORS as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> CheckpointError:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        return CheckpointError(
            f"the checkpoint {self.prefix} is damaged ({reason}); use another step, or"
            " copy it again from where it came"
        )


def restore(
    prefix: str | os.PathLike[str], model: Any, optimizer: Any = None
) -> RestoreReport:
    """Set every variable of a built model, and of a legacy Adam, from a checkpoint.

    Nothing is set unless everything fits and every value could be read.

    Args:
        prefix: Path of the checkpoint without `.index`.
        model: Built: its variables exist.
        optimizer: To go on training; without it the file's optimizer state is ignored.

    Raises:
        CheckpointError: The file is missing or damaged, lacks a variable, holds a
            weight that the model does not take, or the state of another Adam. Names
            the keys.
    """
    reader = Reader(prefix)
    if optimizer is not None and reader.family is not Family.LEGACY:
        raise CheckpointError(
            f"{reader.prefix} holds the state of {_OF_FAMILY[reader.family]}; from that"
            " training cannot go on exactly; restore the model alone"
        )
    variables = _all_variables(model, optimizer)
    report = _compared(reader, variables, with_optimizer=optimizer is not None)
    if not report.is_whole:
        raise CheckpointError(_mismatch(reader, report, variables))
    values = {key: reader.value(key) for key in variables}
    for key, variable in variables.items():
        variable.assign(values[key])
    return report


def compare(prefix: str | os.PathLike[str], model: Any) -> RestoreReport:
    """Report how a checkpoint fits a built model, changing neither.

    Raises:
        CheckpointError: The file is missing or its index damaged.
    """
    variables = keys.model_variables(model)
    return _compared(Reader(prefix), variables, with_optimizer=False)


_OF_FAMILY = {
    Family.NEW: "the Adam of TensorFlow 2.11 and later",
    Family.NONE: "no optimizer",
}


def _all_variables(model: Any, optimizer: Any) -> dict[str, tf.Variable]:
    variables = keys.model_variables(model)
    if optimizer is not None:
        variables |= keys.optimizer_variables(optimizer, model)
    return variables


def _compared(
    reader: Reader, variables: dict[str, tf.Variable], with_optimizer: bool
) -> RestoreReport:
    stored = {
        key: list(shape)
        for key, shape in reader.shapes.items()
        if key not in keys.BOOKKEEPING
        and (with_optimizer or not keys.is_optimizer_key(key))
    }
    needed = {key: variable.shape.as_list() for key, variable in variables.items()}
    return RestoreReport(
        matched=tuple(sorted(k for k in needed if stored.get(k) == needed[k])),
        missing=tuple(sorted(k for k in needed if stored.get(k) != needed[k])),
        unused=tuple(sorted(stored.keys() - needed.keys())),
        family=reader.family,
        step=reader.step,
    )


def _mismatch(
    reader: Reader, report: RestoreReport, variables: dict[str, tf.Variable]
) -> str:
    parts = []
    if report.missing:
        lines = [
            f"{_short(key)} {variables[key].shape.as_list()}"
            + (f" (there {reader.shapes[key]})" if key in reader.shapes else "")
            for key in report.missing[:N_NAMED]
        ]
        parts.append(_listed("needs", lines, len(report.missing)))
    if report.unused:
        lines = [f"{_short(k)} {reader.shapes[k]}" for k in report.unused[:N_NAMED]]
        parts.append(_listed("does not take", lines, len(report.unused)))
    return (
        f"{reader.prefix} does not fit the model, which {' and '.join(parts)}; is the"
        " config the one it was trained with?"
    )


def _listed(verb: str, lines: list[str], n_keys: int) -> str:
    rest = f" and {n_keys - len(lines)} more" if n_keys > len(lines) else ""
    return f"{verb} {', '.join(lines)}{rest}"


def _short(key: str) -> str:
    return key.removesuffix(keys.VALUE)
