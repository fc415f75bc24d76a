"""Fixtures of the training tests."""

import pytest

from tests.training.running import request
from tests.training.tones import write_dataset


@pytest.fixture
def dataset(tmp_path):
    """Ten training examples in two shards, three held out."""
    return write_dataset(tmp_path / "data", {"train": [6, 4], "eval": [3]})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An MLflow store of this module's own."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        uri = f"sqlite:///{folder}/mlflow.db"
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        yield uri


@pytest.fixture(scope="module")
def data(tmp_path_factory, store):
    path = tmp_path_factory.mktemp("sets") / "tones"
    write_dataset(path, {"train": [6, 4], "eval": [3]})
    (path / "report.html").write_text("good")
    (path / "report.json").write_text("{}")
    return path


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Four steps on two replicas."""
    out = tmp_path_factory.mktemp("models") / "tones-model"
    from training.train import train

    return train(request(data, out, n_replicas=2))
