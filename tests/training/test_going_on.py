"""Going on, stopping and failing as real trainings do; the slow proofs."""

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

from ddsp_core.checkpoints import ModelDirectory
from ddsp_core.errors import (
    StoppedError,
)
from tests.training.running import SMALL, mlflow_run, request, same, steps_of, weights
from tests.training.tones import tone_example, write_dataset
from training.run import Run
from training.train import Request, train

ROOT = Path(__file__).parents[2]


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
def test_replicas_train_the_real_model_as_one_does(data, tmp_path):
    """20 steps in parts, with the stock loss: the same to the last bit."""
    bindings = (*SMALL, "train.steps_per_summary=1", "train.steps_per_save=100")
    changes = {"n_steps": 20, "bindings": bindings, "n_parts": 4}
    runs = [
        train(request(data, tmp_path / str(n), n_replicas=n, **changes)).run
        for n in (1, 2, 4)
    ]
    for metric in ("train/loss", "train/grad_norm", "eval/loss"):
        one, *others = (
            [m.value for m in c.get_metric_history(r.info.run_id, metric)]
            for c, r in map(mlflow_run, runs)
        )
        assert len(one) >= 2 and all(other == one for other in others)
    one, *others = (weights(run.directory) for run in runs)
    assert all(same(one, other) for other in others)


@pytest.mark.slow
def test_replicas_agree_on_real_recordings(test_data, tmp_path, store):
    """The issue with rounding: log |X| of real rests makes percents of a last digit."""
    from pipelines.cli import main

    dataset = tmp_path / "sax"
    phrases = sorted((test_data / "audio" / "solo_sax_phrases").glob("*.flac"))[:2]
    paths = [str(path) for path in phrases]
    assert main(["prepare", *paths, "--out", str(dataset)]) == 0
    bindings = ("train.batch_size=4", "train.steps_per_summary=1")
    changes = {"n_steps": 20, "bindings": bindings, "n_parts": 2}
    runs = [
        train(request(dataset, tmp_path / str(n), n_replicas=n, **changes)).run
        for n in (1, 2)
    ]
    one, two = (
        np.array([m.value for m in c.get_metric_history(r.info.run_id, "train/loss")])
        for c, r in map(mlflow_run, runs)
    )
    assert len(one) == 20
    np.testing.assert_allclose(one, two, rtol=1e-4)


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
