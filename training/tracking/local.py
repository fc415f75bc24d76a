"""A local MLflow store in one folder: its database and its artifacts together."""

from __future__ import annotations

from pathlib import Path

from mlflow import MlflowClient

EXPERIMENT = "luthier"


def make_local_store(folder: Path) -> dict[str, str]:
    """Make a store in `folder`, or find it there.

    MLflow's own default keeps artifacts in the working directory, wherever the
    database is.

    Args:
        folder: Made if need be.

    Returns:
        The environment variables that lead MLflow to it.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    if client.get_experiment_by_name(EXPERIMENT) is None:
        client.create_experiment(EXPERIMENT, (folder / "artifacts").as_uri())
    return {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_NAME": EXPERIMENT}
