"""`luthier inspect`: what a dataset or model directory is, and if it is whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ddsp_core.errors import DdspError, UsageError

HELP = "say what a dataset or model directory is, and whether it is whole"
N_NAMED = 5  # variables that the text names; the JSON has all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("path", metavar="PATH", help="dataset or model directory")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Look; the result says what is there and what is wrong with it."""
    from ddsp_core import io
    from ddsp_core.manifest import MANIFEST_NAME

    if io.is_file(io.join(args.path, MANIFEST_NAME)):
        return inspect_dataset(args.path)
    path = io.local_path(args.path)
    if _may_be_model(path):
        return inspect_model(path)
    what = "holds neither" if path.is_dir() else "does not exist, or is neither"
    raise UsageError(
        f"{path} {what} a dataset (dataset.json) nor a model (ckpt-STEP.index); a"
        " dataset is what `luthier prepare` makes, a model what `luthier train` makes"
    )


def inspect_dataset(path: str) -> dict[str, Any]:
    """Return what a dataset directory is; every shard's bytes are read and compared.

    Raises:
        DatasetError: Its manifest is damaged.
    """
    from ddsp_core.manifest import DatasetManifest
    from ddsp_core.statistics import Statistics

    manifest = DatasetManifest.load(path)
    problems = manifest.problems(path, check_bytes=True)
    try:
        statistics = Statistics.load(path)
    except DdspError as error:
        problems.append(str(error))
        statistics = Statistics()
    spec = manifest.spec
    splits = {name: manifest.n_records(name) for name in manifest.shards}
    lines = [
        f"{path}: dataset {manifest.fingerprint}, {_verdict(problems)}",
        _spec_line(spec),
        *(f"  {name:8}  {n} examples" for name, n in splits.items()),
        *_range_lines(statistics),
    ]
    return {
        "kind": "dataset",
        "whole": not problems,
        "problems": problems,
        "spec": spec.to_json(),
        "fingerprint": manifest.fingerprint,
        "split_policy": str(manifest.split_policy),
        "splits": splits,
        "text": "\n".join([*lines, *_problem_lines(problems)]),
    }


def inspect_model(path: Path) -> dict[str, Any]:
    """Return what a model directory or one of its checkpoints is.

    Raises:
        CheckpointError: It has no checkpoint, or no config.
        ConfigError: Its config does not parse.
    """
    from ddsp_core.checkpoints import open_model

    directory = open_model(path)
    report, spec = directory.report(), directory.spec
    absent = "in the config's model, not in the file"
    strange = "in the file, not in the config's model"
    problems = [f"{key}: {absent}" for key in report.missing]
    problems += [f"{key}: {strange}" for key in report.unused]
    run = _run_of(directory.path)
    counts = ", ".join(
        f"{len(getattr(report, name))} {name}"
        for name in ("matched", "missing", "unused")
    )
    lines = [
        f"{path}: model at step {directory.step}, {_verdict(problems)}",
        _spec_line(spec),
        f"  variables {counts} (today's generation, {report.family} optimizer)",
        f"  steps     {', '.join(map(str, directory.steps()))}",
    ]
    lines += _range_lines(directory.statistics)
    return {
        "kind": "model",
        "whole": report.is_whole,
        "problems": problems,
        "spec": spec.to_json(),
        "fingerprint": run.config_fingerprint if run else None,
        "dataset_fingerprint": run.dataset if run else None,
        "generation": "G3",  # older ones are not read yet
        "optimizer": str(report.family),
        "step": directory.step,
        "matched": list(report.matched),
        "missing": list(report.missing),
        "unused": list(report.unused),
        "text": "\n".join([*lines, *_problem_lines(problems)]),
    }


def _may_be_model(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("ckpt-*.index"))
    return Path(f"{path}.index").is_file()


def _run_of(path: Path) -> Any:
    """Return the training that made a model directory, if it was ours."""
    from training.run import Run

    return Run.load(path)


def _spec_line(spec: Any) -> str:
    return (
        f"  examples  {spec.example_secs:g} s at {spec.sample_rate} Hz,"
        f" {spec.frame_rate} frames/s, {spec.f0}, loudness {spec.loudness}"
    )


def _verdict(problems: list[str]) -> str:
    return f"{len(problems)} problems" if problems else "whole"


def _range_lines(statistics: Any) -> list[str]:
    """Say what can be played, in note names and dB."""
    import numpy as np

    from ddsp_core.transfer.pitch import note_name, pitch_range

    if statistics is None or not statistics.f0_midi.n:
        return [
            "  range     unknown: no statistics.json with notes to fit a transfer to"
        ]
    low, high = pitch_range(statistics.f0_midi)
    soft, loud = statistics.loudness_db_sounding.quantile(np.array([0.05, 0.95]))
    return [
        f"  pitch     {note_name(low + 0.5)} to {note_name(high - 0.5)}",
        f"  dynamics  {soft:.0f} to {loud:.0f} dB in notes",
    ]


def _problem_lines(problems: list[str]) -> list[str]:
    lines = [f"  problem   {problem}" for problem in problems[:N_NAMED]]
    if len(problems) > N_NAMED:
        lines.append(f"            and {len(problems) - N_NAMED} more (--json has all)")
    return lines
