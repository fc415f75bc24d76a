"""Adopted records written anew: our layout, with the account and the statistics."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ddsp_core import codec, io
from ddsp_core.errors import DatasetError, StorageError
from ddsp_core.features.extract import Features, sounding
from ddsp_core.manifest import SPLITS, DatasetManifest, Shard
from ddsp_core.postprocessing.mergeable import LoudnessSum
from ddsp_core.spec import FEATURE_RATE, ExampleSpec, example_id
from ddsp_core.statistics import Statistics
from pipelines import count
from pipelines.account import rejected_row
from pipelines.adopt_plan import AdoptPlan, Stretch, Usable, covered_secs
from pipelines.elements import Rejected
from pipelines.finish import JOINED_NAME, REJECTED_NAME, SOURCES_NAME, versions
from pipelines.magenta_shards import parse_record
from pipelines.plan import SHARD_BYTES
from pipelines.tfds_folder import write_tfds_files

GUARD = "shares samples with what is held out"


def write_adopted(
    work: Path,
    spec: ExampleSpec,
    plan: AdoptPlan,
    shards: Sequence[tuple[str, str]],
    rejected: Sequence[dict[str, Any]],
    options: dict[str, Any],
) -> DatasetManifest:
    """Write a whole dataset into `work`, the manifest last.

    Args:
        work: An empty folder.
        spec: Of the records.
        plan: What becomes of each.
        shards: Paths and sha256 of the shards that are adopted.
        rejected: Rows of records that are not usable.
        options: What defines the dataset, with its 'request'.

    Raises:
        DatasetError: Nothing is left to train on; the reasons are left in `work`.
        StorageError: A shard changed since it was read, or the disk failed.
    """
    paths = [path for path, _ in shards]
    rows = [*rejected, *_duplicates(plan, paths), *_guards(plan, paths)]
    rows.sort(key=lambda row: (row["source"], row["record"]))
    io.write_jsonl(work / REJECTED_NAME, rows)
    sources = [_source(one, spec, shards, options["licence"]) for one in plan.stretches]
    io.write_jsonl(work / SOURCES_NAME, sources)
    io.write_jsonl(work / JOINED_NAME, [])  # nothing is joined
    records = {split: _in_order(plan, split, spec) for split in SPLITS}
    if not records["train"]:
        raise DatasetError(
            "nothing is left to train on: every record shares samples with a held-out"
            f" one; all reasons are in {REJECTED_NAME}"
        )
    statistics: list[Statistics] = []
    written = {
        split: _write(work, split, rows, spec, paths, statistics)
        for split, rows in records.items()
    }
    Statistics.merge(statistics).save(work)
    _count(work, written["train"], spec)
    ids = [[split, *(one.key for _, one in rows)] for split, rows in records.items()]
    manifest = DatasetManifest(
        spec=spec,
        record_length=codec.record_length(spec),
        split_policy=plan.policy,
        shards=written,
        fingerprint=io.fingerprint([spec.to_json(), str(plan.policy), ids]),
        details=_details(plan, spec, paths, options),
    )
    write_tfds_files(work, manifest, [options["licence"]])
    manifest.save(work)
    return manifest


def _in_order(plan: AdoptPlan, split: str, spec: ExampleSpec) -> list[Any]:
    """Return the records of a split with their first frames, mixed by digest."""
    pairs = [pair for one in plan.stretches for pair in _first_frames(one, split, spec)]
    return sorted(
        pairs, key=lambda pair: hashlib.sha256(pair[1].digest.encode()).digest()
    )


def _details(
    plan: AdoptPlan, spec: ExampleSpec, paths: Sequence[str], options: dict[str, Any]
) -> dict[str, Any]:
    """Return the facts for people in the manifest."""
    return {
        "gain_db": 0.0,
        "options": {k: v for k, v in options.items() if k != "request"},
        "request": options["request"],
        "split": {"policy": str(plan.policy), "fraction": options["eval_fraction"]},
        "seconds": _seconds(plan, spec),
        "adopted": {
            "shards": [Path(path).name for path in paths],
            "n_duplicates": len(plan.duplicates),
            "n_leaked": plan.n_leaked,
        },
        "versions": versions(),
    }


def _write(
    work: Path,
    split: str,
    rows: Sequence[tuple[int, Usable]],
    spec: ExampleSpec,
    paths: Sequence[str],
    statistics: list[Statistics],
) -> tuple[Shard, ...]:
    """Write the shards of a split; count the frames of the training split."""
    size = codec.record_length(spec) + codec.FRAMING_LENGTH
    n_shards = math.ceil(len(rows) * size / SHARD_BYTES)
    found = []
    for k in range(n_shards):
        part = rows[k * len(rows) // n_shards : (k + 1) * len(rows) // n_shards]
        name = f"{split}.tfrecord-{k:05d}-of-{n_shards:05d}"
        with io.replacing(work / name) as temporary, open(temporary, "wb") as file:
            for first, record, values in read_again(part, paths):
                if "audio_16k" not in values:
                    values["audio_16k"] = values["audio"]
                data = codec.encode(spec, example_id(record.key, 0), values)
                file.write(codec.frame_record(data))
                if split == "train":
                    statistics.append(_frames(values, first, spec))
        statistics[:] = [Statistics.merge(statistics)]
        found.append(Shard(name, len(part), io.sha256_file(work / name)))
    return tuple(found)


def read_again(
    rows: Sequence[tuple[int, Usable]], paths: Sequence[str]
) -> Iterator[tuple[int, Usable, dict[str, np.ndarray]]]:
    """Read records again where they were found; each shard is opened once.

    Args:
        rows: (what goes with it, record).
        paths: Of the shards.

    Raises:
        StorageError: A shard changed since it was read.
    """
    files: dict[int, IO[bytes]] = {}
    try:
        for first, record in rows:
            place = record.place
            if place.shard not in files:
                files[place.shard] = open(paths[place.shard], "rb")
            file = files[place.shard]
            file.seek(place.offset)
            data = file.read(place.length)
            try:
                values = parse_record(data)
            except DatasetError as error:
                raise _changed(paths[place.shard]) from error
            audio = values["audio"].astype("<f4")
            if hashlib.sha256(audio.tobytes()).hexdigest() != record.digest:
                raise _changed(paths[place.shard])
            yield first, record, values
    finally:
        for file in files.values():
            file.close()


def _changed(path: str) -> StorageError:
    return StorageError(
        f"{path} changed while it was read; no dataset was written; run the same"
        " command again"
    )


def _first_frames(
    stretch: Stretch, split: str, spec: ExampleSpec
) -> Iterator[tuple[int, Usable]]:
    """Yield the records of a split, and the first frame that none before them holds."""
    stop = 0
    for start, record in stretch.of(split):
        if start is None:
            yield 0, record
            continue
        yield max(0, math.ceil((stop - start) / spec.hop_size_16k)), record
        stop = start + spec.n_samples_16k


def _frames(values: dict[str, np.ndarray], first: int, spec: ExampleSpec) -> Statistics:
    features = Features(
        *(
            values[name][first : spec.n_intervals]
            for name in ("f0_hz", "f0_confidence", "loudness_db")
        )
    )
    return Statistics.of(features.f0_hz, features.loudness_db, sounding(features))


def _count(work: Path, shards: Sequence[Shard], spec: ExampleSpec) -> None:
    loudness = LoudnessSum.merge(count.loudness_of(one, work, spec) for one in shards)
    parts = (count.statistics_of(one, work, spec, loudness.mean_db) for one in shards)
    count.write_pickle(work, parts)


def _seconds(plan: AdoptPlan, spec: ExampleSpec) -> dict[str, float]:
    """Return the seconds of each use, what records share counted once."""
    total = {use: 0.0 for use in ("train", "eval", "guard", "refused")}
    for stretch in plan.stretches:
        every = covered_secs(stretch.starts, len(stretch.records), spec.n_samples_16k)
        for use in SPLITS:
            rows = stretch.of(use)
            starts = [start for start, _ in rows if start is not None]
            known = starts if stretch.starts is not None else None
            secs = covered_secs(known, len(rows), spec.n_samples_16k)
            total[use] += secs
            every -= secs
        total["guard"] += every
    return {use: round(secs, 3) for use, secs in total.items()}


def _source(
    stretch: Stretch,
    spec: ExampleSpec,
    shards: Sequence[tuple[str, str]],
    licence: str | None,
) -> dict[str, Any]:
    """Return the line of `sources.jsonl` of one stretch of audio."""
    first = stretch.records[0]
    path, digest = shards[first.place.shard]
    secs = covered_secs(stretch.starts, len(stretch.records), spec.n_samples_16k)
    uses = [use for use in SPLITS if stretch.of(use)]
    starts = stretch.starts or (None,) * len(stretch.records)
    n_samples = round(secs * spec.sample_rate)
    return {
        "source": f"{path}#{first.place.number}",
        "source_key": first.key,
        "sha256": first.digest,
        "file_sha256": digest,
        "codec": "tfrecord",
        "sample_format": "float32",
        "sample_rate": spec.sample_rate,
        "n_channels": 1,
        "n_samples": n_samples,
        "duration_secs": round(secs, 6),
        "peak": round(max(one.peak for one in stretch.records), 4),
        "note": None,
        "licence": licence,
        "split": "+".join(uses) or None,
        "n_examples": {use: len(stretch.of(use)) for use in SPLITS},
        "intervals": _intervals(stretch, n_samples, spec),
        "records": [
            {
                "shard": shards[one.place.shard][0],
                "record": one.place.number,
                "start": _at_rate(start, spec),
                "use": use,
                "source_key": one.key,
            }
            for start, one, use in zip(
                starts, stretch.records, stretch.uses, strict=True
            )
        ],
    }


def _intervals(
    stretch: Stretch, n_samples: int, spec: ExampleSpec
) -> list[dict[str, Any]]:
    """Cover a stretch: train first, then what lies between, then what is held out."""
    if len(set(stretch.uses)) == 1 or stretch.starts is None:
        use = stretch.uses[0] if len(set(stretch.uses)) == 1 else "train"
        return [_interval(0, n_samples, use)]
    edges: list[tuple[int, int, str]] = []
    for start, stop, use in _covered(stretch, spec.n_samples_16k):
        if edges and edges[-1][2] == use and edges[-1][1] == start:
            edges[-1] = (edges[-1][0], stop, use)
        else:
            edges.append((start, stop, use))
    return [_interval(_rate(a, spec), _rate(b, spec), use) for a, b, use in edges]


def _covered(stretch: Stretch, length: int) -> Iterator[tuple[int, int, str]]:
    """Yield consecutive (start, stop, use) in samples at 16 kHz; kept ones win."""
    starts = stretch.starts or ()
    borders = sorted({b for start in starts for b in (start, start + length)})
    for a, b in itertools.pairwise(borders):
        uses = {
            use
            for start, use in zip(starts, stretch.uses, strict=True)
            if start <= a and b <= start + length
        }
        yield a, b, next(u for u in ("train", "eval", "guard") if u in uses)


def _interval(start: int, stop: int, use: str) -> dict[str, Any]:
    reason = GUARD if use == "guard" else None
    return {"start": start, "stop": stop, "use": use, "reason": reason}


def _rate(start: int, spec: ExampleSpec) -> int:
    return start * spec.sample_rate // FEATURE_RATE


def _at_rate(start: int | None, spec: ExampleSpec) -> int | None:
    return None if start is None else _rate(start, spec)


def _duplicates(plan: AdoptPlan, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    for record, kept in plan.duplicates:
        where = f"{paths[kept.place.shard]}#{kept.place.number}"
        reason = f"holds the same audio as {where!r}, which is kept"
        yield _row(paths[record.place.shard], record, "duplicate", reason)


def _guards(plan: AdoptPlan, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    for stretch in plan.stretches:
        for _, record in stretch.of("guard"):
            yield _row(paths[record.place.shard], record, "plan", GUARD)


def _row(path: str, record: Usable, stage: str, reason: str) -> dict[str, Any]:
    row = rejected_row(Rejected(path, stage, reason))
    return row | {"record": record.place.number}
