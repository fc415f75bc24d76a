"""The last stage: the account, the statistics, and the manifest of a new dataset."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ddsp_core import codec, io
from ddsp_core.errors import DatasetError, StorageError
from ddsp_core.manifest import SPLITS, DatasetManifest, Shard
from ddsp_core.postprocessing.mergeable import ExampleStatistics
from ddsp_core.quality import Quality
from ddsp_core.spec import example_id
from ddsp_core.statistics import Statistics
from pipelines.account import refusals, rejected_row, source_row
from pipelines.count import write_pickle
from pipelines.elements import JoinedExample, Rejected, ShardPlan
from pipelines.join import joined_rows
from pipelines.plan import Plan, Window
from pipelines.policy import Policy
from pipelines.tfds_folder import write_tfds_files

if TYPE_CHECKING:
    from pipelines.runtime import Job

SOURCES_NAME: Final = "sources.jsonl"
REJECTED_NAME: Final = "rejected.jsonl"
JOINED_NAME: Final = "joined.jsonl"
# What the numbers of a dataset depend on, beside the features' own versions.
PACKAGES: Final = ("numpy", "soxr", "soundfile", "av", "tensorflow")


def write_dataset(
    plan: Plan, job: Job, results: Sequence[Any], rejected: Iterable[Rejected]
) -> str:
    """Write everything but the shards into `job.work`, the manifest last.

    Args:
        plan: What was to be written.
        job: Options and places.
        results: (split, Shard), Statistics and Rejected of the stages before.
        rejected: Files that were refused before they were opened.

    Returns:
        The dataset's fingerprint.

    Raises:
        DatasetError: Nothing is usable, or a file was refused and `strict` is set.
            `rejected.jsonl` is written none the less.
        StorageError: The disk is full or cannot be written.
    """
    options, work = job.options, job.work
    rows = [source_row(one, options.spec, options.licence) for one in plan.recordings]
    rows.sort(key=_by_source)
    whole = [*rejected, *(one for one in results if isinstance(one, Rejected))]
    refused = [*whole, *refusals(rows)]
    io.write_jsonl(io.join(work, SOURCES_NAME), rows)
    io.write_jsonl(
        io.join(work, REJECTED_NAME),
        sorted(map(rejected_row, refused), key=_by_place),
    )
    try:
        _check(plan, rows, refused, job)
    except DatasetError as error:
        _report(plan, job, rows, refused, (), failure=str(error))
        raise
    statistics = Statistics.merge(one for one in results if isinstance(one, Statistics))
    statistics.save(work)
    write_pickle(work, [one for one in results if isinstance(one, ExampleStatistics)])
    io.write_jsonl(io.join(work, JOINED_NAME), joined_rows(plan.shards, options.spec))
    shards = [one for one in results if isinstance(one, tuple)]
    manifest = _manifest(plan, job, shards, rows, whole)
    write_tfds_files(work, manifest, [row["licence"] for row in rows])
    _report(plan, job, rows, refused, results)
    manifest.save(work)
    return manifest.fingerprint


def _manifest(
    plan: Plan,
    job: Job,
    shards: Sequence[Any],
    rows: Sequence[dict[str, Any]],
    whole: Iterable[Rejected],
) -> DatasetManifest:
    options = job.options
    return DatasetManifest(
        spec=options.spec,
        record_length=codec.record_length(options.spec),
        split_policy=plan.rule.policy,
        shards={split: _shards(shards, split) for split in SPLITS},
        fingerprint=_fingerprint(plan, job),
        details={
            "gain_db": options.gain_db or 0.0,
            "has_report": True,
            "options": options.defining(),
            "split": plan.rule.to_json(),
            "request": request(rows, whole, job),
            "seconds": seconds(rows),
            "versions": versions(),
        },
    )


def _report(
    plan: Plan,
    job: Job,
    rows: Sequence[dict[str, Any]],
    refused: Iterable[Rejected],
    results: Sequence[Any],
    failure: str = "",
) -> None:
    """Write the report on a dataset, or on why there is none."""
    from pipelines.report.clips import ClipCandidate
    from pipelines.report.leakage import leakage
    from pipelines.report.numbers import Material
    from pipelines.report.write import write_report

    spec = job.options.spec
    frames = (one.judged.quality for one in plan.recordings)
    material = Material(
        sources=rows,
        refused=[rejected_row(one) for one in refused if one.stage != "plan"],
        quality=Quality.merge(one for one in frames if one is not None),
        statistics=Statistics.merge(
            one for one in results if isinstance(one, Statistics)
        ),
        leakage=leakage(plan.shards, spec),
        spec=spec,
        failure=failure,
    )
    clips = [one for one in results if isinstance(one, ClipCandidate)]
    joined = joined_rows(plan.shards, spec)
    write_report(job.work, material, clips, joined)


def request(
    rows: Iterable[dict[str, Any]], rejected: Iterable[Rejected], job: Job
) -> str:
    """Return a fingerprint of what was asked: the files' bytes and the options."""
    digests = [(row["file_sha256"], row["source"]) for row in rows]
    digests += [(one.file_sha256, one.source) for one in rejected if one.file_sha256]
    return request_of(digests, job)


def request_of(digests: Iterable[tuple[str, str]], job: Job) -> str:
    """Return the fingerprint of options and (sha256 of a file's bytes, its path)."""
    options = job.options
    files = sorted((digest, options.is_held_out(path)) for digest, path in digests)
    defining = options.defining() | {"strict": options.strict}
    return io.fingerprint([files, defining, job.versions, versions()])


def sha256_or_none(source: str) -> str | None:
    """Return the sha256 of a file's bytes, or None if it cannot be read.

    Raises:
        StorageError: The network failed: it may be readable.
    """
    try:
        return io.sha256_file(source)
    except StorageError:
        raise
    except OSError:
        return None


def seconds(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return how many seconds are of which use: 'train', 'eval', 'guard', 'refused'."""
    total: Counter[str] = Counter()
    for row in rows:
        for part in row["intervals"]:
            total[part["use"]] += (part["stop"] - part["start"]) / row["sample_rate"]
    uses = ("train", "eval", "guard", "refused")
    return {use: round(total[use], 3) for use in uses}


def versions() -> dict[str, str]:
    """Return the versions of the packages that the numbers depend on."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _check(
    plan: Plan,
    rows: Sequence[dict[str, Any]],
    refused: Sequence[Rejected],
    job: Job,
) -> None:
    """Raise `DatasetError` if there must be no dataset."""
    audio = sorted((one for one in refused if one.is_audio), key=_of_rejected)
    used = {row["source"] for row in rows if row["split"]}
    if not used:
        first = f"; {_named(audio[0])}" if audio else ""
        raise DatasetError(
            f"no usable audio in {len({one.source for one in audio})} files{first};"
            f" all reasons are in {REJECTED_NAME}"
        )
    unused = [
        one
        for one in audio
        if one.stage == "decode"
        or (one.source not in used and one.stage != "duplicate")
    ]
    if job.options.strict and unused:
        n_unused = len({one.source for one in unused})
        raise DatasetError(
            f"{n_unused} audio files were refused, and --strict was given;"
            f" {_named(unused[0])}; all reasons are in {REJECTED_NAME}"
        )
    _check_share(rows, job.options.policy)
    if job.options.holdout is not None:
        held = [one for one in plan.recordings if one.covered("eval", job.options.spec)]
        if len(held) in (0, len(used)):
            matched = "none" if not held else "all"
            raise DatasetError(
                f"--holdout {job.options.holdout!r} matches {matched} of the"
                f" {len(used)} usable recordings; it must match some and not all"
            )


def _check_share(rows: Sequence[dict[str, Any]], policy: Policy) -> None:
    """Raise `DatasetError` if more of the readable audio is refused than allowed."""
    secs, most = seconds(rows), policy.max_rejected_fraction
    share = secs["refused"] / max(sum(secs.values()), 1e-9)
    if most is not None and share > most:
        raise DatasetError(
            f"{share:.1%} of the readable audio ({secs['refused']:.0f} s) was refused,"
            f" --max-rejected-fraction allows {most:.1%}; all reasons are in"
            f" {REJECTED_NAME}"
        )


def _named(one: Rejected) -> str:
    name = one.source.rsplit("/", 1)[-1]
    return f"{name!r}: {one.reason}"


def _shards(shards: Iterable[tuple[str, Shard]], split: str) -> tuple[Shard, ...]:
    found = [shard for name, shard in shards if name == split]
    return tuple(sorted(found, key=_by_name))


def _fingerprint(plan: Plan, job: Job) -> str:
    """Over sources, options, feature versions and example ids, in the order written."""
    hop, ids = job.options.spec.hop_size, []
    for shard in plan.shards:
        digest = hashlib.sha256(shard.split.encode())
        for window in shard.windows:
            digest.update(_id(window, shard, hop).encode())
        ids.append(digest.hexdigest())
    keys = [one.recording.key for one in plan.recordings]
    rule = plan.rule.to_json()
    defining = [keys, job.options.spec.to_json(), job.versions, rule, ids]
    return io.fingerprint([*defining, job.options.gain_db or 0.0])


def _id(window: Window, shard: ShardPlan, hop_size: int) -> str:
    if isinstance(window, JoinedExample):
        return example_id(window.key, 0)
    return example_id(shard.recordings[window[0]].key, window[1] * hop_size)


def _by_source(row: dict[str, Any]) -> str:
    source: str = row["source"]
    return source


def _by_place(row: dict[str, Any]) -> tuple[str, float, str]:
    return row["source"], row.get("start_secs", 0.0), row["reason"]


def _by_name(shard: Shard) -> str:
    return shard.name


def _of_rejected(one: Rejected) -> tuple[str, float]:
    return one.source, one.start_secs or 0.0
