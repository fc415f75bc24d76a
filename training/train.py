"""`train`: dataset directory → model directory, tracked; starts or goes on."""

from __future__ import annotations

import dataclasses
import logging
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ddsp_core import config, io
from ddsp_core.checkpoints import ModelDirectory, restore
from ddsp_core.errors import DatasetError, StoppedError, UsageError
from ddsp_core.manifest import SPLITS
from ddsp_core.nn.keras import keras
from ddsp_core.statistics import STATISTICS_NAME, Statistics
from training.data import Batches, Examples
from training.hooks import (
    ClipsHook,
    HeldOutHook,
    MetricsHook,
    ProgressHook,
    culprits_of,
)
from training.introduction import describe_start, hand_in_checkpoint, introduce
from training.loop import Hook, run_loop
from training.parts import check_parts
from training.run import CONFIG_NAME, Run
from training.saving import SaveHook
from training.stopping import StopSignal
from training.strategy import mirrored, per_replica_batch_size
from training.tracking import Status, Trackers
from training.tracking.start import start_trackers
from training.trainer import Trainer

logger = logging.getLogger(__name__)
DEFAULT_CONFIG = "solo_instrument"


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        data: Dataset directory.
        out: Model directory, new or of the run to go on with.
        config: Packaged config or a gin file; None for that of the run to go on with,
            or `solo_instrument`.
        bindings: Gin bindings on top of it.
        n_steps: Of the whole run; None for what the config says.
        n_replicas: Devices; None for all local ones.
        seed: Of the run; None for that of the run to go on with, or 0.
        n_parts: Equal parts in which a batch is computed, so that replicas don't change
            a bit; None for that of the run to go on with, or 1.
        precision: Of the networks' products; None for that of the run to go on with, or
            'float32'.
        eval_data: Dataset whose examples are all held out; None for the eval split of
            `data`.
    """

    data: Path
    out: Path
    config: str | None = None
    bindings: Sequence[str] = ()
    n_steps: int | None = None
    n_replicas: int | None = None
    seed: int | None = None
    n_parts: int | None = None
    precision: str | None = None
    eval_data: Path | None = None


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came out.

    Args:
        run: The run.
        step: Steps taken.
        losses: Latest training and held-out losses, by metric name; none if the run
            was as long as asked for already.
    """

    run: Run
    step: int
    losses: dict[str, float]


def train(request: Request) -> Trained:
    """Train, or go on where the directory's last checkpoint stands.

    Raises:
        DatasetError: The dataset is not whole, or not the run's.
        ConfigError: The config does not exist or binds an unknown name.
        UsageError: The run in `out` is another one.
        CheckpointError: Its last checkpoint doesn't fit the model.
        StorageError: The disk failed.
        StoppedError: A signal came; everything is saved.
    """
    examples, held_out = _open_examples(request)
    session = _prepare(request, examples, held_out)
    if session.earlier and session.trainer.step >= session.n_steps:
        return Trained(session.earlier, session.trainer.step, {})
    with StopSignal() as stop:
        return _track(session, stop)


@dataclasses.dataclass(frozen=True)
class _Session:
    """All that a training needs, checked."""

    run: Run
    earlier: Run | None
    built: config.Built
    trainer: Trainer
    examples: Examples
    held_out: Examples
    config_text: str

    @property
    def n_steps(self) -> int:
        return int(self.built.train.num_steps)


def _open_examples(request: Request) -> tuple[Examples, Examples]:
    examples = Examples.open(request.data, ("train",))
    if request.eval_data is None:
        held_out = Examples.open(request.data, ("eval",))
    else:
        held_out = Examples.open(request.eval_data, SPLITS)
    if held_out.spec != examples.spec:
        raise DatasetError(
            f"{request.eval_data} was prepared with another spec"
            f" ({held_out.spec.to_json()}) than {request.data}"
            f" ({examples.spec.to_json()}); prepare both with the same options"
        )
    if not len(held_out):
        logger.warning("no example is held out: there will be no held-out loss")
    return examples, held_out


def _prepare(request: Request, examples: Examples, held_out: Examples) -> _Session:
    """Check everything and build the model; nothing is written yet."""
    out = io.local_path(request.out)
    earlier = _run_to_go_on_with(out)
    text = _config_text(request, earlier)
    how = _how(request, earlier)
    strategy = mirrored(request.n_replicas)
    with strategy.scope():
        keras.utils.set_random_seed(how["seed"])
        built = config.build(
            text, examples.spec, statistics=_statistics(examples.directory)
        )
        built.build_model()
    n_replicas = strategy.num_replicas_in_sync
    share = per_replica_batch_size(built.train.batch_size, n_replicas)
    run = Run(
        directory=out,
        params=dict(built.params),
        spec=examples.spec,
        dataset=examples.manifest.fingerprint,
        held_out=held_out.manifest.fingerprint,
        batch_size=built.train.batch_size,
        gain_db=float(examples.manifest.details.get("gain_db", 0.0)),
        **how,
    )
    check_parts(run.n_parts, run.batch_size, n_replicas)
    trainer = Trainer(built.model, built.trainer, strategy, **how)
    if earlier is not None:
        earlier.refuse_other(run)
        with strategy.scope():
            restore(ModelDirectory(out).latest(), trainer.model, trainer.optimizer)
        logger.info("going on from step %d of %s", trainer.step, out)
    logger.info(
        "%d replica(s), batch %d: %d each", n_replicas, built.train.batch_size, share
    )
    return _Session(run, earlier, built, trainer, examples, held_out, text)


def _how(request: Request, earlier: Run | None) -> dict[str, Any]:
    """Seed, parts and precision: as asked for, as before, or the defaults."""
    found: dict[str, Any] = {"seed": 0, "n_parts": 1, "precision": "float32"}
    for name in found:
        if earlier is not None:
            found[name] = getattr(earlier, name)
        if getattr(request, name) is not None:
            found[name] = getattr(request, name)
    return found


def _statistics(directory: Path) -> Statistics | None:
    """Return the dataset's pitch and loudness, if it has them."""
    if not (directory / STATISTICS_NAME).is_file():
        return None
    return Statistics.load(directory)


def _run_to_go_on_with(out: Path) -> Run | None:
    """The run in the directory, if it got as far as a checkpoint."""
    steps = ModelDirectory(out).steps() if out.is_dir() else []
    if not steps:
        return None
    run = Run.load(out)
    if run is None:
        raise UsageError(
            f"{out} holds checkpoints (step {max(steps)}) but no run.json, so it is not"
            " a training to go on with; train into another --out"
        )
    return run


def _config_text(request: Request, earlier: Run | None) -> str:
    """Return the gin text; `--steps` is a binding like any other."""
    name = request.config
    if name is None:
        name = str(earlier.directory / CONFIG_NAME) if earlier else DEFAULT_CONFIG
    bindings = list(request.bindings)
    if request.n_steps is not None:
        bindings.append(f"train.num_steps={request.n_steps}")
    return config.load(name, bindings)


def _track(session: _Session, stop: StopSignal) -> Trained:
    """Run the loop; whatever happens, the trackers learn how it ended."""
    _write_identity(session)
    run, earlier = session.run, session.earlier
    trackers, address = start_trackers(
        run.directory, earlier.mlflow if earlier else None
    )
    if address is not None:
        session = dataclasses.replace(
            session, run=dataclasses.replace(run, mlflow=address)
        )
        session.run.save()
    status = Status.FAILED
    try:
        n_replicas = session.trainer.strategy.num_replicas_in_sync
        datasets = {"training": session.examples, "evaluation": session.held_out}
        introduce(trackers, session.run, session.built.operative, datasets)
        describe_start(trackers, session.run, session.n_steps, n_replicas)
        trained = _loop(session, trackers, stop)
        status = Status.FINISHED
        return trained
    except (StoppedError, KeyboardInterrupt):
        status = Status.STOPPED
        raise
    finally:
        trackers.close(status)


def _loop(session: _Session, trackers: Trackers, stop: StopSignal) -> Trained:
    trainer, run = session.trainer, session.run
    batches = Batches(
        session.examples, trainer.strategy, run.batch_size, run.seed, trainer.step
    )
    metrics, held_out, others = _hooks(session, trackers)
    hooks: list[Hook] = [metrics, held_out, *others]
    step = run_loop(trainer, batches, session.n_steps, hooks, stop)
    hand_in_checkpoint(trackers, run, step)
    if step < session.n_steps:
        raise StoppedError(
            f"stopped at step {step} of {session.n_steps}, saved in {run.directory};"
            " the same command goes on from there",
            by_hand=stop.by_hand,
        )
    return Trained(run, step, metrics.latest | held_out.latest)


def _hooks(
    session: _Session, trackers: Trackers
) -> tuple[MetricsHook, HeldOutHook, list[Hook]]:
    """The hooks in the order in which they act: what is saved was checked before."""
    trainer, run, options = session.trainer, session.run, session.built.train
    pace, save_every = options.steps_per_summary, options.steps_per_save
    culprits = culprits_of(trainer, session.examples, run.batch_size)
    metrics = MetricsHook(
        trainer,
        trackers,
        (pace, save_every),
        n_steps=session.n_steps,
        culprits=culprits,
    )
    held_out = HeldOutHook(trainer, session.held_out, trackers, save_every)
    heard = session.held_out if len(session.held_out) else session.examples

    def state() -> dict[str, Any]:
        monitors = metrics.latest | held_out.latest
        return {
            "seed": run.seed,
            "dataset": run.dataset,
            "mlflow_run_id": run.mlflow.run_id if run.mlflow else None,
            "monitors": {k: v for k, v in monitors.items() if math.isfinite(v)},
        }

    save = SaveHook(
        trainer,
        run.directory,
        session.built.operative,
        every=save_every,
        keep=session.built.trainer.checkpoints_to_keep,
        state=state,
    )
    clips = ClipsHook(trainer, heard, trackers, save_every)
    progress = ProgressHook(trainer.step, session.n_steps)
    return metrics, held_out, [clips, save, progress]


def _write_identity(session: _Session) -> None:
    """Write what stands beside the checkpoints from the start."""
    run = session.run
    with io.storage_errors(f"writing to {run.directory}"):
        run.directory.mkdir(parents=True, exist_ok=True)
        statistics = session.examples.directory / STATISTICS_NAME
        if statistics.is_file():
            shutil.copyfile(statistics, run.directory / STATISTICS_NAME)
    io.write_text(run.directory / CONFIG_NAME, session.config_text)
    run.save()
