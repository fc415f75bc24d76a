"""Trackers: what arrives, what a second start adds, and what a dead one costs."""

import json
import os
import wave

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from tests.training.toy import Recorder
from training.tracking import DatasetInput, RunAddress, Status, Trackers
from training.tracking.start import attach_tracker, start_trackers
from training.tracking.tensorboard import TensorBoardTracker


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Address of an MLflow store of this module's own, as the environment names it."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "luthier-tests")
        yield f"sqlite:///{folder}/mlflow.db"


def client_of(address):
    from mlflow import MlflowClient

    return MlflowClient(address.tracking_uri)


def history(address, metric):
    points = client_of(address).get_metric_history(address.run_id, metric)
    return [(point.step, point.value) for point in points]


def test_a_run_shows_what_it_was_told(store, tmp_path):
    trackers, address = start_trackers(tmp_path / "sax", None)
    assert address.tracking_uri == store
    assert address.how_to_open == f"mlflow ui --backend-store-uri {store}"
    trackers.params({"Trainer.learning_rate": 0.001})
    trackers.tags({"luthier.steps": 10})
    trackers.dataset(DatasetInput("d", "/d", "0123456789abcdef", "training", {"n": 3}))
    trackers.metrics(5, {"train/loss": 2.0, "eval/loss": 3.0})
    trackers.text("config/operative_config.gin", "a.b = 1", 0)
    (tmp_path / "ckpt-5.index").write_text("x")
    trackers.artifact(tmp_path / "ckpt-5.index", "checkpoints")
    figure = Figure()
    figure.subplots()
    trackers.figure("spectrograms/clip-1", figure, 5)
    tone = np.sin(np.arange(1600) / 10)
    trackers.audio("audio/clip-1/target", tone, 16000, 0)
    trackers.close(Status.FINISHED)

    client = client_of(address)
    run = client.get_run(address.run_id)
    assert run.info.run_name == "sax"
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "luthier-tests"
    assert run.data.params == {"Trainer.learning_rate": "0.001"}
    assert run.data.tags["luthier.steps"] == "10"
    assert run.data.metrics == {"train/loss": 2.0, "eval/loss": 3.0}
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest == "0123456789abcdef"
    assert [(t.key, t.value) for t in dataset.tags] == [
        ("mlflow.data.context", "training")
    ]
    wav = client.download_artifacts(
        address.run_id, "audio/clip-1/target/step-0000000.wav"
    )
    with wave.open(wav) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 1600)
        samples = np.frombuffer(file.readframes(1600), "<i2") / 32768
    np.testing.assert_allclose(samples, tone, atol=1e-4)
    for path in (
        "spectrograms/clip-1/step-0000005.png",
        "checkpoints/ckpt-5.index",
        "config/operative_config.gin",
    ):
        assert os.path.getsize(client.download_artifacts(address.run_id, path)) > 0


def test_a_second_start_goes_on_in_the_same_run_without_points_twice(store, tmp_path):
    trackers, address = start_trackers(tmp_path, None)
    trackers.params({"seed": 1})
    trackers.metrics(1, {"train/loss": 5.0})
    trackers.metrics(2, {"train/loss": 4.0, "eval/loss": 4.5})
    trackers.close(Status.STOPPED)
    assert client_of(address).get_run(address.run_id).info.status == "KILLED"

    trackers, again = start_trackers(tmp_path, address)
    assert again == address
    assert client_of(address).get_run(address.run_id).info.status == "RUNNING"
    trackers.params({"seed": 1, "new": 2})
    for step in (2, 3):
        trackers.metrics(step, {"train/loss": 4.0, "other": float(step)})
    trackers.close(Status.FINISHED)
    assert history(address, "train/loss") == [(1, 5.0), (2, 4.0), (3, 4.0)]
    assert history(address, "other") == [(2, 2.0), (3, 3.0)]
    assert client_of(address).get_run(address.run_id).data.params["new"] == "2"


def test_a_run_that_the_environment_names_is_used(store, tmp_path, monkeypatch):
    _, address = start_trackers(tmp_path, None)
    monkeypatch.setenv("MLFLOW_RUN_ID", address.run_id)
    _, again = start_trackers(tmp_path / "other", None)
    assert again == address


def test_adding_to_a_run_leaves_its_status(store, tmp_path):
    trackers, address = start_trackers(tmp_path, None)
    trackers.close(Status.STOPPED)
    attach_tracker(address).metrics(7, {"evaluation/loss": 1.0})
    assert client_of(address).get_run(address.run_id).info.status == "KILLED"
    assert history(address, "evaluation/loss") == [(7, 1.0)]


def test_a_store_out_of_reach_costs_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    trackers, address = start_trackers(tmp_path, None)
    assert address is None
    assert "training goes on without it" in caplog.text
    trackers.metrics(1, {"train/loss": 1.0})
    earlier = RunAddress("http://127.0.0.1:9", "0", "abc")
    assert start_trackers(tmp_path, earlier)[1] == earlier
    assert attach_tracker(earlier) is None


def test_a_tracker_that_fails_is_left_out_with_one_warning(caplog):
    class Dead:
        def metrics(self, step, values):
            raise ConnectionError("gone")

    alive = Recorder()
    trackers = Trackers([Dead(), alive])
    for step in (1, 2, 3):
        trackers.metrics(step, {"train/loss": 1.0})
    trackers.close(Status.FINISHED)
    assert alive.points("train/loss") == {1: 1.0, 2: 1.0, 3: 1.0}
    assert caplog.text.count("gone") == 1


def test_passwords_in_addresses_are_not_shown():
    address = RunAddress("https://me:secret@host/", "1", "r")
    assert address.how_to_open == "https://...@host/#/experiments/1/runs/r"


def test_tensorboard_has_magenta_s_names_on_both_sides(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorBoardTracker(tmp_path)
    values = {"train/loss": 2.0, "train/spectral_loss": 1.5, "eval/loss": 3.0}
    tracker.metrics(300, values | {"steps_per_second": 8.0, "learning_rate": 0.1})
    tracker.params({"seed": 1})
    tracker.audio("audio/clip-1/target", np.zeros(100), 16000, 300)
    figure = Figure()
    figure.subplots()
    tracker.figure("spectrograms/clip-1", figure, 300)
    tracker.close(Status.FINISHED)

    found = {}
    for side in ("train", "eval"):
        events = EventAccumulator(str(tmp_path / "summaries" / side))
        events.Reload()
        found[side] = set(events.Tags()["tensors"])
        if side == "train":
            (point,) = events.Tensors("losses/total_loss")
            assert point.step == 300
            assert float(tf.make_ndarray(point.tensor_proto)) == 2.0
    assert found["train"] == {
        "losses/total_loss",
        "losses/spectral_loss",
        "steps_per_sec",
        "learning_rate",
        "params",
    }
    assert found["eval"] == {
        "losses/total_loss",
        "audio/clip-1/target",
        "spectrograms/clip-1",
    }


def test_params_are_readable_json_in_tensorboard(tmp_path, monkeypatch):
    shown = {}
    tracker = TensorBoardTracker(tmp_path)
    monkeypatch.setattr(tracker, "text", lambda n, t, s: shown.update({n: t}))
    tracker.params({"a": 1})
    assert json.loads(shown["params"]) == {"a": 1}
