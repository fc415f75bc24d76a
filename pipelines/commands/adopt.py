"""`luthier adopt`: Magenta-made TFRecord shards in, a dataset directory out."""

from __future__ import annotations

import argparse
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsp_core.spec import LoudnessVersion, Padding

if TYPE_CHECKING:
    from ddsp_core.manifest import DatasetManifest

HELP = "turn TFRecords that Magenta's ddsp made into a dataset directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="SHARDS", help="shard, folder of them, or glob")
    add("--out", required=True, metavar="DIR", help="the dataset directory to make")
    told = "where the records do not tell"
    add("--sample-rate", type=int, metavar="N", help=f"of the audio, in Hz, {told}")
    add("--frame-rate", type=int, metavar="N", help=f"frames per second, {told}")
    add(
        "--padding",
        choices=[str(value) for value in Padding],
        help=f"how frames stand to audio, {told}",
    )
    add(
        "--loudness",
        choices=[str(value) for value in LoudnessVersion],
        help=f"version of the loudness, {told}",
    )
    add("--licence", metavar="TEXT", help="of the recordings, kept in sources.jsonl")
    add("--force", action="store_true", help="replace another dataset in --out")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the dataset; return what was found and what came out."""
    from ddsp_core import io
    from pipelines.adopt import AdoptOptions, adopt

    options = AdoptOptions(
        inputs=tuple(args.inputs),
        out=args.out,
        sample_rate=args.sample_rate,
        frame_rate=args.frame_rate,
        padding=args.padding,
        loudness=args.loudness,
        licence=args.licence,
        force=args.force,
    )
    manifest, is_new = adopt(options)
    return summarise(manifest, io.local_path(options.out), is_new)


def summarise(manifest: DatasetManifest, out: Path, is_new: bool) -> dict[str, Any]:
    """Return the result of `luthier adopt`, read from the directory."""
    from ddsp_core import io
    from ddsp_core.manifest import SPLITS
    from pipelines.finish import REJECTED_NAME, SOURCES_NAME

    spec, adopted = manifest.spec, manifest.details["adopted"]
    sources = io.read_jsonl(out / SOURCES_NAME)
    rejected = io.read_jsonl(out / REJECTED_NAME)
    # "other lengths: ..." and the like count as one reason.
    reasons = Counter(_kind(row["reason"]) for row in rejected)
    counts = {split: manifest.n_records(split) for split in SPLITS}
    secs = manifest.details["seconds"]
    return {
        "dataset": str(out),
        "is_new": is_new,
        "fingerprint": manifest.fingerprint,
        "split_policy": str(manifest.split_policy),
        "spec": spec.to_json(),
        "n_examples": counts,
        "seconds": secs,
        "n_refused": len(rejected),
        "refused": dict(reasons),
        "n_duplicates": adopted["n_duplicates"],
        "n_leaked": adopted["n_leaked"],
        "text": "\n".join(_lines(manifest, out, is_new, len(sources), reasons)),
    }


def _lines(
    manifest: DatasetManifest, out: Path, is_new: bool, n_sources: int, reasons: Counter
) -> list[str]:
    """Say for people what was found and what came out."""
    from ddsp_core.manifest import SPLITS, SplitPolicy
    from pipelines.finish import REJECTED_NAME, SOURCES_NAME

    spec, adopted = manifest.spec, manifest.details["adopted"]
    counts = {split: manifest.n_records(split) for split in SPLITS}
    secs = manifest.details["seconds"]
    how = {
        SplitPolicy.GIVEN: "as the names of the shards say",
        SplitPolicy.RECORDING: "by content, windows that share samples together",
        SplitPolicy.TAIL: "the end of the one stretch that there is",
    }[manifest.split_policy]
    n_records = sum(counts.values()) + sum(reasons.values())
    n_found = f"{n_records} records in {len(adopted['shards'])} shards"
    kind = (
        f"{spec.example_secs:g} s at {spec.sample_rate} Hz, {spec.frame_rate} frames/s"
    )
    lines = [
        f"{'made' if is_new else 'already there, whole'}: {out}",
        f"  found   {n_found}, {n_sources} separate stretches of audio",
        f"  spec    {kind}, padding {spec.padding}, loudness {spec.loudness}",
        f"  train   {secs['train'] / 60:7.2f} min, {counts['train']} examples",
        f"  eval    {secs['eval'] / 60:7.2f} min, {counts['eval']} examples: "
        + (how if counts["eval"] else "too little to hold anything out"),
        *(f"  refused {n} records: {reason}" for reason, n in reasons.most_common()),
    ]
    if adopted["n_leaked"]:
        lines.append(
            f"  leakage {adopted['n_leaked']} records of train shared samples with"
            " held-out ones; they are left out"
        )
    return [
        *lines,
        f"every record stands in {SOURCES_NAME} or {REJECTED_NAME}",
        f"to go on: luthier train --data {shlex.quote(str(out))} --out MODEL",
    ]


def _kind(reason: str) -> str:
    return re.split(r":| '", reason, maxsplit=1)[0]
