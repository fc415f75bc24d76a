"""`luthier evaluate`: held-out metrics of a model, measured on its sound."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from pipelines.arguments import local_path

HELP = "measure a model on held-out examples: pitch, loudness and spectrum of its sound"
# How each metric reads; the rest keeps its name.
LABELS = {
    "f0_median_abs_cents": "pitch error, median of |cents|",
    "f0_median_cents": "pitch error, median of cents",
    "f0_share_beyond_50_cents": "share of notes' frames beyond 50 cents or untracked",
    "f0_share_untracked": "share of notes' frames untracked",
    "loudness_l1_db": "loudness error in notes, mean of |dB|",
    "loudness_bias_db": "loudness error in notes, mean of dB",
    "loudness_l1_all_frames_db": "loudness error everywhere, mean of |dB|",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "model", metavar="MODEL", help="training or model directory, or checkpoint"
    )
    parser.add_argument(
        "--data", type=local_path, required=True, help="dataset directory"
    )
    parser.add_argument("--split", default="eval", help="examples (default: eval)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Evaluate; the result holds the metrics, null where nothing could be measured."""
    from training.evaluate import evaluate

    found = evaluate(args.model, args.data, args.split)
    width = max(len(LABELS.get(name, name)) for name in found.metrics)
    what = f"{found.n_examples} examples of split {found.split!r}"
    lines = [f"{args.model} at step {found.step}, {what}:"]
    for name, value in found.metrics.items():
        shown = "nothing to measure" if value is None else f"{value:.3f}"
        lines.append(f"  {LABELS.get(name, name):{width}}  {shown}")
    if found.logged_to:
        lines.append(f"logged to MLflow run {found.logged_to}")
    return {
        "model": str(args.model),
        "data": str(args.data),
        **dataclasses.asdict(found),
        "text": "\n".join(lines),
    }
