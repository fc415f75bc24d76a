"""`luthier demo`: the whole road in minutes, on a sampled instrument or on yours."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsp_core.errors import UsageError

if TYPE_CHECKING:
    from pipelines.workflow import Arrived, Journey

HELP = "the whole road in minutes: recordings, dataset, training, metrics, transfer"
CONFIG = "tiny_instrument"
# Steps that sound like the instrument after some minutes on two cores.
N_STEPS = 300
BINDINGS = (
    "batch_size=4",
    "learning_rate=1e-3",
    "train.steps_per_summary=25",
    "train.steps_per_save=150",
    # The samples are dry: a short response is learned sooner than a hall's.
    "Reverb.reverb_length=4000",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add(
        "--out",
        type=Path,
        default=Path("luthier-demo"),
        metavar="DIR",
        help="folder for all that comes of it (default: luthier-demo)",
    )
    add(
        "--audio",
        type=Path,
        metavar="DIR",
        help="recordings of your own, instead of the sampled flute",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Go the road; the result says where everything is and how to open it."""
    from ddsp_core.io import local_path, storage_errors
    from pipelines.workflow import Journey, travel
    from training.tracking.local import make_local_store

    out = local_path(args.out)
    with storage_errors(f"writing to {out}"):
        recordings, clip = _audio(args.audio, out / "recordings")
        if "MLFLOW_TRACKING_URI" not in os.environ:
            os.environ.update(make_local_store(out / "mlflow"))
    journey = Journey(
        recordings=[str(recordings)],
        clips=[str(clip)],
        out=out,
        config=CONFIG,
        bindings=BINDINGS,
        n_steps=N_STEPS,
    )
    arrived = travel(journey)
    return _result(journey, arrived) | {"text": _text(journey, arrived)}


def _audio(given: Path | None, folder: Path) -> tuple[Path, Path]:
    """Return what to learn from and what to play, made here if not given."""
    from pipelines.demo import make_clip, make_recordings
    from pipelines.sources import find_sources

    if given is None:
        make_recordings(folder / "flute")
        return folder / "flute", make_clip(folder)
    candidates, _ = find_sources([str(given)])
    if not candidates:
        raise UsageError(f"{given} holds no audio files; give a folder of recordings")
    try:
        return given, make_clip(folder)
    except UsageError:  # without the demo's extra, one of the recordings is played
        return given, Path(candidates[0].source)


def _result(journey: Journey, arrived: Arrived) -> dict[str, Any]:
    address = arrived.trained.run.mlflow
    return {
        "recordings": list(journey.recordings),
        "dataset": str(journey.dataset),
        "model": str(journey.model),
        "step": arrived.trained.step,
        "losses": arrived.trained.losses,
        "metrics": arrived.evaluation.metrics if arrived.evaluation else None,
        "transferred": [str(one.path) for one in arrived.transferred],
        "mlflow_tracking_uri": address.tracking_uri if address else None,
        "mlflow_run_id": address.run_id if address else None,
    }


def _text(journey: Journey, arrived: Arrived) -> str:
    metrics = arrived.evaluation.metrics if arrived.evaluation else {}
    cents = metrics.get("f0_median_abs_cents")
    loss = arrived.trained.losses.get("eval/loss")
    held_out = [f"loss {loss:.2f}"] if loss is not None else []
    held_out += (
        [f"pitch within {cents:.0f} cents (median)"] if cents is not None else []
    )
    n_train = arrived.manifest.n_records("train")
    lines = [
        f"recordings   {', '.join(journey.recordings)}",
        f"dataset      {journey.dataset}, {n_train} examples",
        f"model        {journey.model}, step {arrived.trained.step}",
        f"held out     {', '.join(held_out) or 'nothing'}",
    ]
    for one in arrived.transferred:
        moved = f"{one.fit.octaves:+d} octave" if one.fit.octaves else "octave kept"
        lines.append(f"transfer     {one.source} -> {one.path} ({moved})")
    address = arrived.trained.run.mlflow
    if address:
        lines.append(f"to see       {address.how_to_open}")
    model = shlex.quote(str(journey.model))
    lines.append(f"to play      luthier transfer {model} YOUR.wav --out played")
    return "\n".join(lines)
