"""`train` as a whole: what it leaves behind, going on, and what it refuses."""

import json
import re
from pathlib import Path

import pytest

from ddsp_core.checkpoints import ModelDirectory
from ddsp_core.errors import (
    CheckpointError,
    ConfigError,
    DatasetError,
    UsageError,
)
from ddsp_core.spec import ExampleSpec
from tests.training.running import SMALL, mlflow_run, request, steps_of
from tests.training.tones import SPEC, write_dataset
from training.run import Run
from training.train import train


def test_the_directory_holds_all_that_makes_a_model(trained):
    out = trained.run.directory
    assert {path.name for path in out.iterdir()} == {
        "checkpoint",
        "ckpt-3.index",
        "ckpt-3.data-00000-of-00001",
        "ckpt-4.index",
        "ckpt-4.data-00000-of-00001",
        "operative_config-3.gin",
        "operative_config-4.gin",
        "state-3.json",
        "state-4.json",
        "config.gin",
        "run.json",
        "spec.json",
        "summaries",
    }
    assert ExampleSpec.from_json(json.loads((out / "spec.json").read_text())) == SPEC
    state = json.loads((out / "state-4.json").read_text())
    assert state["mlflow_run_id"] == trained.run.mlflow.run_id
    assert state["monitors"]["eval/loss"] == trained.losses["eval/loss"]
    assert Run.load(out) == trained.run
    assert ModelDirectory(out).report().is_whole


def test_held_out_loss_is_that_of_the_saved_model(trained, data):
    """Built anew from the directory, with the same draws."""
    from training.data import Examples
    from training.hooks import held_out_losses
    from training.strategy import mirrored
    from training.trainer import Trainer

    strategy = mirrored(1)
    with strategy.scope():
        built = ModelDirectory(trained.run.directory).build()
    trainer = Trainer(built.model, built.trainer, strategy, trained.run.seed)
    losses = held_out_losses(trainer, Examples.open(data, ("eval",)))
    assert losses["loss"] == pytest.approx(trained.losses["eval/loss"], rel=1e-4)


def test_mlflow_shows_what_the_run_is_and_what_came_out(trained, data, store):
    client, run = mlflow_run(trained.run)
    assert trained.run.mlflow.tracking_uri == store
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "tones-model"
    assert run.data.params["RnnFcDecoder.rnn_channels"] == "8"
    assert run.data.params["seed"] == "0"
    assert "train.num_steps" not in run.data.params
    assert run.data.tags["luthier.steps"] == "4"
    contexts = {d.tags[0].value: d.dataset for d in run.inputs.dataset_inputs}
    assert set(contexts) == {"training", "evaluation"}
    assert contexts["training"].digest == "0123456789abcdef"
    assert steps_of(trained.run, "train/loss") == [2, 3, 4]
    assert steps_of(trained.run, "eval/loss") == [0, 3, 4]
    assert set(run.data.metrics) >= {
        "train/spectral_loss",
        "train/grad_norm",
        "learning_rate",
        "steps_per_second",
    }
    folder = Path(client.download_artifacts(run.info.run_id, ""))
    shown = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert shown >= {
        "config/config.gin",
        "config/operative_config.gin",
        "config/spec.json",
        "dataset/training/report.html",
        "dataset/training/report.json",
        "audio/clip-1/target/step-0000000.wav",
        "audio/clip-1/reconstruction/step-0000000.wav",
        "audio/clip-1/reconstruction/step-0000004.wav",
        "spectrograms/clip-2/step-0000004.png",
        "checkpoints/ckpt-4.index",
        "checkpoints/spec.json",
    }
    assert ModelDirectory(folder / "checkpoints").report().is_whole


def test_a_longer_run_than_asked_for_is_left_alone(trained, data):
    before = {p: p.stat().st_mtime_ns for p in trained.run.directory.rglob("*")}
    again = train(request(data, trained.run.directory, n_steps=2))
    assert again.step == 4
    assert not again.losses
    after = {p: p.stat().st_mtime_ns for p in trained.run.directory.rglob("*")}
    assert before == after


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"seed": 1}, UsageError, "with seed 0, not 1"),
        (
            {"bindings": (*SMALL, "train.batch_size=2")},
            UsageError,
            "batches of 4, not 2",
        ),
        (
            {"bindings": (*SMALL, "Trainer.learning_rate=1e-4")},
            UsageError,
            "learning_rate was 0.0003 and is now 0.0001",
        ),
        (
            {"bindings": (*SMALL, "RnnFcDecoder.rnn_channels=9")},
            UsageError,
            "rnn_channels was 8 and is now 9",
        ),
        ({"config": "no_such_config"}, ConfigError, "no_such_config"),
        ({"bindings": ("Trainer.learning_rat=1",)}, ConfigError, "learning_rat"),
        (
            {"bindings": (*SMALL, "train.batch_size=5"), "n_replicas": 2},
            UsageError,
            "does not divide among 2 replicas",
        ),
        ({"n_replicas": 64}, UsageError, "64 replicas need"),
        ({"n_parts": 2}, UsageError, "batches in 1 parts, not 2"),
        ({"precision": "bfloat16"}, UsageError, "in float32, not bfloat16"),
        ({"data": Path("nowhere")}, DatasetError, "nowhere does not exist"),
    ],
)
def test_what_does_not_go_on_with_the_run_is_refused(
    trained, data, changes, error, reason
):
    before = {p: p.stat().st_mtime_ns for p in trained.run.directory.rglob("*")}
    changed = {"data": data, "out": trained.run.directory, "n_steps": 6} | changes
    with pytest.raises(error, match=re.escape(reason)):
        train(request(**changed))
    after = {p: p.stat().st_mtime_ns for p in trained.run.directory.rglob("*")}
    assert before == after


def test_other_datasets_than_the_run_s_are_refused(trained, tmp_path):
    out = trained.run.directory
    other = write_dataset(tmp_path / "b", {"train": [6], "eval": [1]}, fingerprint="b")
    with pytest.raises(DatasetError, match="on the dataset 0123456789abcdef"):
        train(request(other, out, n_steps=6))
    longer = ExampleSpec.from_seconds(0.6)
    other = write_dataset(tmp_path / "c", {"train": [6], "eval": [1]}, longer)
    with pytest.raises(DatasetError, match=r"n_frames 125.*n_frames 150"):
        train(request(other, out, n_steps=6))


def test_held_out_data_of_another_spec_is_refused(data, tmp_path):
    longer = ExampleSpec.from_seconds(0.6)
    other = write_dataset(tmp_path / "c", {"train": [2], "eval": [1]}, longer)
    with pytest.raises(DatasetError, match="another spec"):
        train(request(data, tmp_path / "out", eval_data=other))
    assert not (tmp_path / "out").exists()


def test_checkpoints_of_another_program_are_not_overwritten(data, tmp_path):
    (tmp_path / "ckpt-7.index").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"no run\.json"):
        train(request(data, tmp_path))


def test_a_damaged_run_file_is_named(data, trained, tmp_path):
    import shutil

    out = tmp_path / "copy"
    shutil.copytree(trained.run.directory, out)
    (out / "run.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"run\.json is damaged"):
        train(request(data, out, n_steps=6))
