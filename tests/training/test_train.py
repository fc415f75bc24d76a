"""`train` as a whole: what it leaves behind, going on, and what it refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.checkpoints import ModelDirectory
from ddsp_core.errors import (
    CheckpointError,
    ConfigError,
    DatasetError,
    StoppedError,
    UsageError,
)
from ddsp_core.spec import ExampleSpec
from tests.training.tones import SPEC, tone_example, write_dataset
from training.run import Run
from training.train import Request, train

ROOT = Path(__file__).parents[2]
SMALL = (
    "RnnFcDecoder.rnn_channels=8",
    "RnnFcDecoder.ch=8",
    "Reverb.reverb_length=100",
    "SpectralLoss.fft_sizes=(256, 64)",
    "train.batch_size=4",
    "train.steps_per_summary=2",
    "train.steps_per_save=3",
)


@pytest.fixture(scope="module", autouse=True)
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
def data(tmp_path_factory):
    return write_dataset(
        tmp_path_factory.mktemp("sets") / "tones", {"train": [6, 4], "eval": [3]}
    )


def request(data, out, **changes):
    options = {"config": "tiny_instrument", "bindings": SMALL, "n_steps": 4}
    return Request(data=data, out=out, **(options | changes))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Four steps on two replicas."""
    out = tmp_path_factory.mktemp("models") / "tones-model"
    return train(request(data, out, n_replicas=2))


def mlflow_run(run):
    from mlflow import MlflowClient

    client = MlflowClient(run.mlflow.tracking_uri)
    return client, client.get_run(run.mlflow.run_id)


def steps_of(run, metric):
    client, _ = mlflow_run(run)
    return [m.step for m in client.get_metric_history(run.mlflow.run_id, metric)]


def weights(directory):
    reader = tf.train.load_checkpoint(str(ModelDirectory(directory).latest()))
    return {
        key: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if "OBJECT_GRAPH" not in key and "save_counter" not in key
    }


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


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


@pytest.mark.slow
def test_going_on_equals_never_having_stopped(trained, data, tmp_path, monkeypatch):
    """Bit for bit; one MLflow run; one point for each step."""
    straight = train(request(data, tmp_path / "straight", n_steps=8))

    from training import train as module

    real = module.run_loop

    def stopped_at_5(trainer, batches, n_steps, hooks, stop):
        class Stopper:
            def after_step(self, step, numbers):
                if step == 5:
                    signal.raise_signal(signal.SIGTERM)

            def at_end(self, step, stopped):
                pass

        return real(trainer, batches, n_steps, [*hooks, Stopper()], stop)

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(module, "run_loop", stopped_at_5)
        with pytest.raises(StoppedError, match="stopped at step 5 of 8") as caught:
            train(request(data, out, n_steps=8))
    assert caught.value.exit_code == 3
    first = Run.load(out)
    assert mlflow_run(first)[1].info.status == "KILLED"

    # Without --config and --seed: those of the run.
    resumed = train(Request(data=data, out=out))
    assert resumed.step == 8
    assert resumed.run == first
    assert mlflow_run(first)[1].info.status == "FINISHED"
    assert same(weights(out), weights(straight.run.directory))
    assert resumed.losses["eval/loss"] == straight.losses["eval/loss"]
    assert steps_of(first, "train/loss") == [2, 3, 4, 5, 6, 8]
    assert steps_of(first, "eval/loss") == [0, 3, 6, 8]


@pytest.mark.slow
def test_two_replicas_train_the_real_model_as_one_does(data, tmp_path):
    """20 steps with equal draws; losses, weights and moments agree.

    Of magnitudes: the gradient of log |X| near zero makes percents of a last digit, so
    that with it one replica doesn't even agree with itself on the same rows in another
    order.
    """
    bindings = (
        *SMALL,
        "train.steps_per_summary=1",
        "train.steps_per_save=100",
        "SpectralLoss.logmag_weight=0.0",
    )
    runs = [
        train(
            request(
                data, tmp_path / str(n), n_steps=20, n_replicas=n, bindings=bindings
            )
        ).run
        for n in (1, 2)
    ]
    for metric in ("train/loss", "train/grad_norm", "eval/loss"):
        one, two = (
            np.array([m.value for m in c.get_metric_history(r.info.run_id, metric)])
            for c, r in map(mlflow_run, runs)
        )
        np.testing.assert_allclose(one, two, rtol=1e-4)
        assert len(one) >= 2
    one, two = (weights(run.directory) for run in runs)
    for key, value in one.items():
        difference = np.linalg.norm(value - two[key])
        assert difference <= 1e-4 * np.linalg.norm(value) + 1e-9, key


@pytest.mark.slow
def test_a_signal_saves_and_the_same_command_goes_on(data, tmp_path):
    """The real process, the real signals, the real exit codes."""
    out = tmp_path / "out"
    code = "import sys; from pipelines.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "train", "--data", str(data)]
    command += ["--out", str(out), "--config", "tiny_instrument", "--json"]
    for binding in (*SMALL, "train.steps_per_save=1000"):
        command += ["--set", binding]

    def start(*more):
        return subprocess.Popen(
            [*command, *more],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    reached = 0
    for number, exit_code in ((signal.SIGTERM, 3), (signal.SIGINT, 130)):
        process = start("--steps", "100000")
        for line in process.stderr:
            if re.match(r"step \d+ of ", line):
                break
        time.sleep(1)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        assert process.returncode == exit_code, said
        assert "the same command goes on" in said.splitlines()[-1]
        (latest,) = ModelDirectory(out).steps()[-1:]
        assert latest > reached
        reached = latest

    process = start("--steps", str(reached + 2))
    answer, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"going on from step {reached}" in said
    result = json.loads(answer.splitlines()[-1])
    assert result["step"] == reached + 2
    run = Run.load(out)
    assert result["mlflow_run_id"] == run.mlflow.run_id
    assert mlflow_run(run)[1].info.status == "FINISHED"
    steps = steps_of(run, "train/loss")
    assert len(steps) == len(set(steps))


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint(data, tmp_path, monkeypatch):
    """Not a byte more fits when the second checkpoint is to be written."""
    import errno

    from ddsp_core.errors import StorageError
    from training import saving

    real = saving.save

    def full(model, optimizer, folder, step, keep):
        if step > 3:
            from ddsp_core import io

            with io.storage_errors(f"writing {folder}"):
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(model, optimizer, folder, step, keep)

    monkeypatch.setattr(saving, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        train(request(data, tmp_path / "out", n_steps=6))
    assert ModelDirectory(tmp_path / "out").steps() == [3]
    assert mlflow_run(Run.load(tmp_path / "out"))[1].info.status == "FAILED"


@pytest.mark.slow
def test_a_bad_example_in_the_data_is_named_and_nothing_is_saved(tmp_path):
    def example(index, spec):
        values = tone_example(index, spec)
        if index == 2:
            values["audio"] = np.full(spec.n_samples, 3e38)  # its loss overflows
        return values

    folder = write_dataset(tmp_path / "d", {"train": [4], "eval": [1]}, example=example)
    from training.hooks import NonFiniteLossError

    with pytest.raises(NonFiniteLossError, match="000000000002: look"):
        train(request(folder, tmp_path / "out"))
    assert ModelDirectory(tmp_path / "out").steps() == []
    assert mlflow_run(Run.load(tmp_path / "out"))[1].info.status == "FAILED"
