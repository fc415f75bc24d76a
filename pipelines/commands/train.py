"""`luthier train`: a dataset directory becomes a model; the same command goes on."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsp_core.errors import UsageError
from pipelines.arguments import local_path

if TYPE_CHECKING:
    from training.train import Trained

HELP = "train a model, or go on where the directory's last checkpoint stands"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("--data", nargs="+", type=local_path, required=True, help="dataset directory")
    add(
        "--out",
        type=local_path,
        required=True,
        help="model directory, new or to go on with",
    )
    add("--config", help="packaged config or .gin file (default: solo_instrument)")
    add(
        "--set",
        action="append",
        default=[],
        metavar="BINDING",
        help="gin binding, such as Trainer.learning_rate=1e-4; may be repeated",
    )
    add("--steps", type=int, metavar="N", help="steps of the whole run")
    add("--replicas", type=int, metavar="N", help="devices (default: all local ones)")
    add(
        "--seed", type=int, metavar="N", help="of weights, order and noise (default: 0)"
    )
    add(
        "--parts",
        type=int,
        metavar="N",
        help="compute each batch in N equal parts: 1 to N replicas then take the same"
        " steps bit for bit, in less memory and more time (default: 1)",
    )
    add(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of the networks' products; signals are always float32 (default: float32)",
    )
    add(
        "--eval-data",
        type=local_path,
        metavar="DIR",
        help="dataset that is all held out (default: the eval split of --data)",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train; the result says what came out and where."""
    if len(args.data) > 1:
        raise UsageError(
            f"{len(args.data)} datasets given; this version trains on one: prepare all"
            " recordings into one dataset"
        )
    if args.steps is not None and args.steps < 1:
        raise UsageError(f"--steps is {args.steps}; needed one or more")
    from training.train import Request, train

    request = Request(
        data=args.data[0],
        out=args.out,
        config=args.config,
        bindings=args.set,
        n_steps=args.steps,
        n_replicas=args.replicas,
        seed=args.seed,
        n_parts=args.parts,
        precision=args.precision,
        eval_data=args.eval_data,
    )
    with _log_lines_beside_the_bar():
        trained = train(request)
    return _result(trained) | {"text": _text(trained, args.data[0])}


def _log_lines_beside_the_bar() -> contextlib.AbstractContextManager[Any]:
    """On a terminal, let log lines pass above the progress bar."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from tqdm.contrib.logging import logging_redirect_tqdm

    return logging_redirect_tqdm()


def _result(trained: Trained) -> dict[str, Any]:
    run = trained.run
    return {
        "directory": str(run.directory),
        "step": trained.step,
        "losses": trained.losses,
        "config_fingerprint": run.config_fingerprint,
        "dataset_fingerprint": run.dataset,
        "seed": run.seed,
        "mlflow_tracking_uri": run.mlflow.tracking_uri if run.mlflow else None,
        "mlflow_run_id": run.mlflow.run_id if run.mlflow else None,
    }


def _text(trained: Trained, data: Path) -> str:
    run, losses = trained.run, trained.losses
    told = [
        f"{name} {losses[key]:.3f}"
        for name, key in (("training", "train/loss"), ("held-out", "eval/loss"))
        if key in losses
    ]
    came_out = f": loss {', '.join(told)}" if told else " already: nothing to do"
    lines = [
        f"trained to step {trained.step}{came_out}",
        f"  model     {run.directory}",
        f"  curves    tensorboard --logdir {run.directory / 'summaries'}",
    ]
    if run.mlflow:
        lines += [
            f"  listen    {run.mlflow.how_to_open}",
            f"            run {run.mlflow.run_id}: Artifacts, audio and spectrograms",
        ]
    lines += [
        f"  measure   luthier evaluate {run.directory} --data {data}",
        f"  play      luthier transfer {run.directory} INPUT --out FOLDER",
        "  go on     the same command with more --steps",
    ]
    return "\n".join(lines)
