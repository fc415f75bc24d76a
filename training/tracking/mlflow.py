"""MLflow: one run over any number of interruptions, one point per (metric, step).

The store is the one MLflow itself would take: `MLFLOW_TRACKING_URI`, else a local
database; `MLFLOW_EXPERIMENT_NAME` and `MLFLOW_RUN_ID` are honoured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Dataset, InputTag, Metric, Param, RunTag
from mlflow.entities import DatasetInput as MlflowInput
from mlflow.tracking.context.registry import resolve_tags

from ddsp_core.audio.write import write_wav
from training.tracking.tracker import DatasetInput, RunAddress, Status

# A training does not wait four minutes (MLflow's default) for a server that is away.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
MAX_PARAMS = 100  # of one request
MAX_VALUE_LENGTH = 6000  # of a param


class MlflowTracker:
    """Sends to one MLflow run.

    Args:
        client: Of the store.
        address: Of the run.
    """

    def __init__(self, client: MlflowClient, address: RunAddress) -> None:
        self._client = client
        self.address = address
        self._run_id = address.run_id
        run = client.get_run(self._run_id)
        self._known_params = set(run.data.params)
        self._earlier: dict[str, set[int]] = {
            name: {m.step for m in client.get_metric_history(self._run_id, name)}
            for name in run.data.metrics
        }

    @classmethod
    def start(cls, name: str, earlier: RunAddress | None = None) -> MlflowTracker:
        """Start a run, or go on in an earlier one.

        Args:
            name: For people.
            earlier: Where the run was, if it was started before. If the user names
                another store now, and the run is there (the server moved), that counts.

        Raises:
            Exception: Whatever the store raises if it can't be reached.
        """
        _be_impatient()
        if earlier is not None:
            tracker = cls.attach(earlier)
            tracker._client.update_run(earlier.run_id, status="RUNNING")
            return tracker
        uri = store_address()
        client = MlflowClient(uri)
        run_id = os.environ.get("MLFLOW_RUN_ID")
        if run_id:
            run = client.get_run(run_id)
            client.update_run(run_id, status="RUNNING")
        else:
            tags = resolve_tags({})
            run = client.create_run(_experiment(client), tags=tags, run_name=name)
        return cls(
            client, RunAddress(uri, run.info.experiment_id, str(run.info.run_id))
        )

    @classmethod
    def attach(cls, address: RunAddress) -> MlflowTracker:
        """Add to an existing run, whatever its status.

        Raises:
            Exception: Whatever the store raises if it or the run can't be reached.
        """
        _be_impatient()
        now = _absolute(os.environ.get("MLFLOW_TRACKING_URI", ""))
        if now and now != address.tracking_uri:
            # The user's own word first; the run may have moved with its server.
            with contextlib.suppress(Exception):
                moved = dataclasses.replace(address, tracking_uri=now)
                return cls(MlflowClient(now), moved)
        return cls(MlflowClient(address.tracking_uri), address)

    def params(self, values: Mapping[str, Any]) -> None:
        """Send params that the run doesn't have: they can't be changed."""
        new = [
            Param(name, str(value)[:MAX_VALUE_LENGTH])
            for name, value in values.items()
            if name not in self._known_params
        ]
        for start in range(0, len(new), MAX_PARAMS):
            part = new[start : start + MAX_PARAMS]
            self._client.log_batch(self._run_id, params=part)
        self._known_params |= {param.key for param in new}

    def tags(self, values: Mapping[str, Any]) -> None:
        """Send tags, in place of older values."""
        tags = [RunTag(name, str(value)) for name, value in values.items()]
        self._client.log_batch(self._run_id, tags=tags)

    def dataset(self, dataset: DatasetInput) -> None:
        """Send a dataset input; its digest is the fingerprint."""
        entity = Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type="local",
            source=json.dumps({"uri": dataset.path}),
            profile=json.dumps(dict(dataset.facts), default=str),
        )
        context = InputTag("mlflow.data.context", dataset.context)
        self._client.log_inputs(self._run_id, datasets=[MlflowInput(entity, [context])])

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Send all finite values in one request; points the run has are left out."""
        now = int(time.time() * 1000)
        new = [
            Metric(name, float(value), now, step)
            for name, value in values.items()
            if np.isfinite(value) and step not in self._earlier.get(name, ())
        ]
        if new:
            self._client.log_batch(self._run_id, metrics=new)

    def text(self, name: str, text: str, step: int) -> None:
        """Keep a text as an artifact of this name."""
        self._client.log_text(self._run_id, text, name)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Keep a picture as `NAME/step-N.png`."""
        with self._file(name, step, ".png") as path:
            figure.savefig(path)

    def audio(self, name: str, audio: np.ndarray, sample_rate: int, step: int) -> None:
        """Keep a sound as `NAME/step-N.wav`; the run's page plays it."""
        with self._file(name, step, ".wav") as path:
            # 16 bits: every browser plays them.
            write_wav(path, np.clip(audio, -1, 1), sample_rate, subtype="PCM_16")

    def artifact(self, path: Path, folder: str) -> None:
        """Keep a copy of a file in a folder of the run."""
        self._client.log_artifact(self._run_id, str(path), folder)

    def close(self, status: Status) -> None:
        """Set the run's final status."""
        self._client.set_terminated(self._run_id, str(status))

    @contextlib.contextmanager
    def _file(self, name: str, step: int, suffix: str) -> Iterator[Path]:
        """Yield a temporary path; what is written there becomes an artifact."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"step-{step:07d}{suffix}"
            yield path
            self._client.log_artifact(self._run_id, str(path), name)


def store_address() -> str:
    """Return the store that a new run would go to, as MLflow itself resolves it."""
    return _absolute(mlflow.get_tracking_uri())


def _be_impatient() -> None:
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)


def _absolute(uri: str) -> str:
    """The same store from any working directory."""
    scheme, path = "sqlite:///", uri.removeprefix("sqlite:///")
    return scheme + os.path.abspath(path) if uri.startswith(scheme) else uri


def _experiment(client: MlflowClient) -> str:
    """The experiment that the environment names, made if need be."""
    if experiment_id := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return experiment_id
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name))
    return str(experiment.experiment_id)
