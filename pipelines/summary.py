"""What a preparation made, for people and for scripts, read from its directory."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Any, Final

from ddsp_core import io
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import (
    NUMBERS_NAME,
    REPORT_NAME,
    SPLITS,
    DatasetManifest,
    SplitPolicy,
)
from pipelines.account import TAIL
from pipelines.finish import REJECTED_NAME, SOURCES_NAME

MOST_NAMES: Final = 3  # names of files in one line
MOST_FILES: Final = 20  # lines of refused files; all are in rejected.jsonl


def summarise(manifest: DatasetManifest, out: str, is_new: bool) -> dict[str, Any]:
    """Return the result of `luthier prepare`.

    Args:
        manifest: Of the dataset in `out`.
        out: The dataset directory.
        is_new: False if it was there already.
    """
    sources = io.read_jsonl(io.join(out, SOURCES_NAME))
    rejected = io.read_jsonl(io.join(out, REJECTED_NAME))
    lost = _lost(sources)
    files = [row for row in rejected if row["is_audio"] and row["stage"] != "plan"]
    found = _minutes(sum(manifest.details["seconds"].values()))
    verdict, report = _verdict(out), io.join(out, REPORT_NAME)
    lines = [
        f"{'made' if is_new else 'already there, whole'}: {out}",
        f"  found   {found} in {len(sources)} recordings",
        *_kept_lines(manifest),
        *_lost_lines(lost, files),
        f"every second stands in {SOURCES_NAME}, every refusal in {REJECTED_NAME}",
        *([f"verdict: {verdict['line']}; see {report}"] if verdict else []),
        f"to go on: luthier train --data {shlex.quote(out)} --out MODEL",
    ]
    return {
        "dataset": out,
        "is_new": is_new,
        "fingerprint": manifest.fingerprint,
        "split_policy": str(manifest.split_policy),
        "n_examples": {split: manifest.n_records(split) for split in SPLITS},
        "seconds": manifest.details["seconds"],
        "refused_seconds": {reason: secs for reason, (secs, _) in lost.items()},
        "n_sources": len(sources),
        "n_files_refused": len({row["source"] for row in files}),
        "verdict": verdict,
        "text": "\n".join(lines),
    }


def _verdict(out: str) -> dict[str, Any] | None:
    """Return the report's verdict; None for a dataset without a report."""
    path = io.join(out, NUMBERS_NAME)
    if not io.is_file(path):
        return None
    try:
        verdict: dict[str, Any] = io.read_json(path)["verdict"]
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path} is damaged ({error}); prepare the dataset again by --force"
        ) from error
    return verdict


def policy_text(manifest: DatasetManifest) -> str:
    """Say in words how examples were held out."""
    fraction = manifest.details.get("split", {}).get("fraction", 0.0)
    return {
        SplitPolicy.RECORDING: f"{fraction:.0%} of the recordings, by their content",
        SplitPolicy.TAIL: f"the last {fraction:.0%} of each recording, behind a guard",
        SplitPolicy.GIVEN: "the recordings that --holdout names",
    }[manifest.split_policy]


def _kept_lines(manifest: DatasetManifest) -> Iterable[str]:
    secs, spec = manifest.details["seconds"], manifest.spec
    n_train, n_eval = (manifest.n_records(split) for split in SPLITS)
    yield (
        f"  train   {_minutes(secs['train'])}, {n_train} examples of"
        f" {spec.example_secs:g} s at {spec.sample_rate} Hz, {spec.frame_rate} frames/s"
    )
    how = policy_text(manifest) if n_eval else "too little to hold anything out"
    yield f"  eval    {_minutes(secs['eval'])}, {n_eval} examples: {how}"
    if secs["guard"]:
        yield f"  guard   {_minutes(secs['guard'])} between train and eval"
    yield f"  refused {_minutes(secs['refused'])}"


def _lost_lines(
    lost: dict[str, tuple[float, list[str]]], files: list[dict[str, Any]]
) -> Iterable[str]:
    for reason, (secs, names) in lost.items():
        if reason == TAIL:
            continue  # some milliseconds of each recording
        yield f"    {_minutes(secs)}  {reason}: {_some(names)}"
    if files:
        yield f"  not used as a whole, or cut short: {len(files)} files"
    for row in files[:MOST_FILES]:
        yield f"    {os.path.basename(row['source'])}: {row['reason']}"
    if len(files) > MOST_FILES:
        yield f"    and {len(files) - MOST_FILES} more"


def _lost(sources: list[dict[str, Any]]) -> dict[str, tuple[float, list[str]]]:
    """Seconds and file names by reason, the largest loss first."""
    lost: dict[str, tuple[float, list[str]]] = {}
    for row in sources:
        for part in row["intervals"]:
            if part["use"] == "refused":
                # "too short: 2.5 s, ..." and the like count as one reason.
                reason = part["reason"].split(":")[0]
                secs, names = lost.get(reason, (0.0, []))
                secs += (part["stop"] - part["start"]) / row["sample_rate"]
                lost[reason] = (secs, [*names, os.path.basename(row["source"])])
    return dict(sorted(lost.items(), key=lambda item: (-item[1][0], item[0])))


def _some(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = len(unique) - MOST_NAMES
    text = ", ".join(unique[:MOST_NAMES])
    return f"{text} and {more} more" if more > 0 else text


def _minutes(secs: float) -> str:
    return f"{secs / 60:7.2f} min"
