"""`Run`: what a training is, beside its checkpoints, in `run.json`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ddsp_core import io
from ddsp_core.checkpoints.directory import RUN_NAME, SPEC_NAME
from ddsp_core.errors import CheckpointError, DatasetError, UsageError
from ddsp_core.spec import ExampleSpec
from training.tracking import RunAddress

CONFIG_NAME: Final = "config.gin"
FORMAT_VERSION: Final = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """A training: what defines it, where it is, and where it is tracked.

    Args:
        directory: The model directory.
        params: What its config comes to, as flat scalars, without what may change from
            start to start: how long it lasts and what it writes when.
        spec: Of its examples.
        dataset: Fingerprint of the dataset it trains on.
        held_out: Fingerprint of the dataset whose losses are measured.
        batch_size: Of the global batch.
        seed: Keys the weights' first values, every draw and the order of examples.
        mlflow: Where MLflow has it; None if no store could be reached.
        n_parts: Equal parts in which each batch is computed.
        precision: Of the networks' large products.
        gain_db: That the dataset was given, in dB; transfer takes it back.
    """

    directory: Path
    params: Mapping[str, str | int | float | bool]
    spec: ExampleSpec
    dataset: str
    held_out: str
    batch_size: int
    seed: int
    mlflow: RunAddress | None = None
    n_parts: int = 1
    precision: str = "float32"
    gain_db: float = 0.0

    @property
    def config_fingerprint(self) -> str:
        """16 hex digits that change with the config."""
        return io.fingerprint(dict(self.params))

    def save(self) -> None:
        """Write `run.json` and `spec.json`."""
        data = {
            "format_version": FORMAT_VERSION,
            "config_fingerprint": self.config_fingerprint,
            "params": dict(self.params),
            "dataset": self.dataset,
            "held_out": self.held_out,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "n_parts": self.n_parts,
            "precision": self.precision,
            "gain_db": self.gain_db,
            "mlflow": dataclasses.asdict(self.mlflow) if self.mlflow else None,
        }
        io.write_json(self.directory / SPEC_NAME, self.spec.to_json())
        io.write_json(self.directory / RUN_NAME, data)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Run | None:
        """Read what `save` wrote; None if the directory holds no run.

        Raises:
            CheckpointError: It holds a damaged one.
        """
        path = io.local_path(directory)
        if not (path / RUN_NAME).is_file():
            return None
        try:
            data = io.read_json(path / RUN_NAME)
            spec = ExampleSpec.from_json(
                io.read_json(path / SPEC_NAME), str(path / SPEC_NAME)
            )
            for derived in ("format_version", "config_fingerprint"):
                del data[derived]
            address = data.pop("mlflow")
            mlflow = RunAddress(**address) if address else None
            return cls(directory=path, spec=spec, mlflow=mlflow, **data)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{path / RUN_NAME} is damaged: {error}; train into another directory"
            ) from error

    def refuse_other(self, wanted: Run) -> None:
        """Check that going on as `wanted` goes on with this run.

        Raises:
            DatasetError: The datasets differ.
            UsageError: The config, batch, parts, precision or seed differ.
        """
        place = f"{self.directory} holds a run"
        remedy = "train into another --out, or go on with what it was started with"
        if self.spec != wanted.spec:
            raise DatasetError(
                f"{place} of examples of {_describe(self.spec)}, but --data holds"
                f" examples of {_describe(wanted.spec)}; {remedy}"
            )
        for name, flag in (("dataset", "--data"), ("held_out", "--eval-data")):
            before, now = getattr(self, name), getattr(wanted, name)
            if before != now:
                raise DatasetError(
                    f"{place} on the dataset {before}, but {flag} is {now}; {remedy}"
                )
        if self.batch_size != wanted.batch_size:
            raise UsageError(
                f"{place} with batches of {self.batch_size}, not"
                f" {wanted.batch_size}; {remedy}"
            )
        if self.n_parts != wanted.n_parts:
            raise UsageError(
                f"{place} with batches in {self.n_parts} parts, not {wanted.n_parts};"
                f" {remedy}"
            )
        if self.precision != wanted.precision:
            raise UsageError(
                f"{place} in {self.precision}, not {wanted.precision}; {remedy}"
            )
        if self.seed != wanted.seed:
            raise UsageError(
                f"{place} with seed {self.seed}, not {wanted.seed}; {remedy}"
            )
        if self.config_fingerprint != wanted.config_fingerprint:
            what = _difference(self.params, wanted.params)
            raise UsageError(f"{place} of another config ({what}); {remedy}")


def _describe(spec: ExampleSpec) -> str:
    data: dict[str, Any] = spec.to_json()
    return ", ".join(f"{k} {v}" for k, v in data.items())


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs, old and new."""
    names = sorted(
        name for name in {**before, **now} if before.get(name) != now.get(name)
    )
    shown = [f"{n} was {before.get(n)!r} and is now {now.get(n)!r}" for n in names[:3]]
    more = len(names) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
