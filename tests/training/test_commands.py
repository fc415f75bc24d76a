"""`luthier train` and `luthier evaluate`: what they take and what they say."""

import argparse
from pathlib import Path

import pytest

from ddsp_core.errors import UsageError
from pipelines.commands import evaluate as evaluate_command
from pipelines.commands import train as train_command
from tests.training.tones import SPEC
from training.evaluate import Evaluation
from training.run import Run
from training.tracking import RunAddress
from training.train import Trained


def parsed(command, *argv):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(list(argv))


def test_several_datasets_are_refused_by_name():
    args = parsed(train_command, "--data", "a", "b", "--out", "o")
    with pytest.raises(UsageError, match="trains on one"):
        train_command.run(args)


def test_no_steps_are_refused():
    args = parsed(train_command, "--data", "a", "--out", "o", "--steps", "0")
    with pytest.raises(UsageError, match="--steps is 0"):
        train_command.run(args)


def test_train_passes_on_what_it_was_given_and_says_what_came_out(monkeypatch):
    asked = []
    address = RunAddress("sqlite:////m.db", "0", "abc123")
    run = Run(Path("o"), {}, SPEC, "d1", "d1", 16, 7, address)

    def fake(request):
        asked.append(request)
        return Trained(run, 20, {"train/loss": 5.25, "eval/loss": 6.5})

    monkeypatch.setattr("training.train.train", fake)
    args = parsed(
        train_command,
        *["--data", "d", "--out", "o", "--config", "tiny_instrument", "--seed", "7"],
        *["--set", "a.b=1", "--set", "c.d=2", "--replicas", "2", "--steps", "20"],
        *["--eval-data", "e"],
    )
    result = train_command.run(args)
    (request,) = asked
    assert request.bindings == ["a.b=1", "c.d=2"]
    assert (request.data, request.out, request.eval_data) == tuple(map(Path, "doe"))
    assert (request.n_steps, request.n_replicas, request.seed) == (20, 2, 7)
    assert result["losses"] == {"train/loss": 5.25, "eval/loss": 6.5}
    assert result["mlflow_run_id"] == "abc123"
    for words in (
        "trained to step 20: loss training 5.250, held-out 6.500",
        "mlflow ui --backend-store-uri sqlite:////m.db",
        "luthier evaluate o --data d",
        "tensorboard --logdir o/summaries",
    ):
        assert words in result["text"]


def test_evaluate_says_where_there_was_nothing_to_measure(monkeypatch):
    metrics = {"f0_median_abs_cents": None, "loudness_l1_db": 1.25}
    found = Evaluation(300, "eval", 4, metrics, "abc123")
    monkeypatch.setattr("training.evaluate.evaluate", lambda *args: found)
    result = evaluate_command.run(parsed(evaluate_command, "m", "--data", "d"))
    assert result["metrics"] == metrics
    lines = result["text"].splitlines()
    assert lines[0] == "m at step 300, 4 examples of split 'eval':"
    assert lines[1].endswith("nothing to measure")
    assert lines[2].endswith("1.250")
    assert lines[3] == "logged to MLflow run abc123"
