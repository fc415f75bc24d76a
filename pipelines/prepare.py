"""`prepare`: recordings in, a dataset directory out."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple

from ddsp_core import io
from ddsp_core.errors import DatasetError, DdspError
from ddsp_core.features.given import given_path
from ddsp_core.features.options import GIVEN
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import LoudnessVersion
from pipelines import directory, launcher
from pipelines.elements import Candidate, Rejected
from pipelines.finish import request_of, sha256_or_none
from pipelines.options import PrepareOptions
from pipelines.progress import ProgressDisplay
from pipelines.runtime import ExtractorOptions, Job
from pipelines.sources import divided, find_sources
from pipelines.split import SplitRule

_LOGGER = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """What `prepare` returns.

    Args:
        manifest: Of the dataset.
        is_new: Was it made now?
        metrics: What the Beam program counted (docs/running-at-scale.md); empty if the
            dataset was there already.
    """

    manifest: DatasetManifest
    is_new: bool
    metrics: dict[str, Any]


def prepare(options: PrepareOptions) -> Prepared:
    """Make a dataset directory, or find that it is there already.

    Args:
        options: Inputs, output and choices.

    Raises:
        UsageError: An input matches nothing, or the output cannot be used.
        DatasetError: Nothing is usable, or another dataset is there and `force` is not
            given.
        FeatureError: Weights of the pitch model are missing.
        StorageError: The environment failed; what was there before is untouched.
    """
    out = options.out if io.is_remote(options.out) else str(io.local_path(options.out))
    directory.check_output(out)
    directory.check_store(options.store)
    files, examples = divided(options.inputs)
    candidates, rejected = find_sources(files, options.out)
    if not candidates and not examples:
        raise DatasetError(_nothing_found(options.inputs, rejected))
    ranges = launcher.find_examples(examples)
    with directory.exclusive(out) as lock:
        directory.go_on(out, lock)
        old = directory.present(out)
        job = _job(options, out, old)
        exported = launcher.export(ranges, job)
        candidates, rejected = candidates + exported[0], rejected + exported[1]
        if not candidates:
            raise DatasetError(_nothing_found(options.inputs, rejected))
        job = _with_given(job, candidates)
        if old is not None:
            wanted = _request(candidates, job)
            if old.details.get("request") == wanted and not old.problems(out):
                return Prepared(old, False, {})
            if not options.force:
                raise DatasetError(
                    f"{out} holds another dataset ({old.fingerprint}), made from other"
                    " files or options; choose another --out or replace it by --force"
                )
        return Prepared(*_make(job, out, lock, candidates, rejected))


def _job(options: PrepareOptions, out: str, old: DatasetManifest | None) -> Job:
    """Learn the feature versions, and with them that the pitch model can be loaded."""
    extractor = ExtractorOptions(options.spec.frame_rate, options.tracking())
    versions = extractor.make().versions
    spec = dataclasses.replace(
        options.spec, f0=versions["f0"], loudness=LoudnessVersion(versions["loudness"])
    )
    return Job(
        options=dataclasses.replace(options, spec=spec),
        extractor=extractor,
        versions=versions,
        store_root=_absolute(options.store or io.join(out, directory.STORE_NAME)),
        work=_absolute(io.join(out, directory.WORK_NAME)),
        kept_rule=_rule_of(old),
    )


def _with_given(job: Job, candidates: Sequence[Candidate]) -> Job:
    """Let what is stored depend on the files of f0 that stand beside recordings."""
    pitch = job.extractor.pitch
    if pitch.kind != GIVEN:
        return job
    files = [
        (io.name(file), sha256_or_none(given_path(file, pitch.pattern)))
        for file in (one.path or one.source for one in candidates)
    ]
    given = io.fingerprint(sorted(files, key=str))
    return dataclasses.replace(job, versions=job.versions | {"given": given})


def _absolute(path: str) -> str:
    """Return the path as workers that stand elsewhere name it."""
    return path if io.is_remote(path) else os.path.abspath(io.local_path(path))


def _rule_of(old: DatasetManifest | None) -> SplitRule | None:
    """The split rule of the dataset to be replaced: what was held out stays so."""
    if old is None or "split" not in old.details:
        return None
    return SplitRule(old.split_policy, float(old.details["split"]["fraction"]))


def _request(candidates: Sequence[Candidate], job: Job) -> str:
    """Fingerprint what is asked now, to be compared with what was asked before."""
    digests = [
        (sha256_or_none(one.path or one.source), one.source) for one in candidates
    ]
    return request_of([(d, path) for d, path in digests if d is not None], job)


def _make(
    job: Job,
    out: str,
    lock: io.Lock,
    candidates: Sequence[Candidate],
    rejected: Sequence[Rejected],
) -> tuple[DatasetManifest, bool, dict[str, Any]]:
    """Run the pipeline in the work folder, then put the result in place.

    The work folder stays when the job was stopped or the environment failed: the shards
    that are finished in it are taken over by the same command.
    """
    work = job.work
    shutil.rmtree(job.progress, ignore_errors=True)
    try:
        io.make_folder(work)
        with ProgressDisplay(job.progress, len(candidates)):
            metrics = launcher.run(job, candidates, rejected)
        return directory.commit(work, out, lock), True, metrics
    except DdspError as error:
        if error.exit_code == DdspError.exit_code:  # the same command would fail again
            directory.leave_reasons(work, out)
            io.remove_tree(work)
        raise
    finally:
        shutil.rmtree(job.progress, ignore_errors=True)
        io.remove_left_copies()


def _nothing_found(inputs: Sequence[str], rejected: Sequence[Rejected]) -> str:
    where = ", ".join(map(repr, inputs))
    what = f"no audio file in {where}"
    if rejected:
        first = rejected[0]
        more = f" and {len(rejected) - 1} more" if len(rejected) > 1 else ""
        what += f": {first.source!r} is refused ({first.reason}){more}"
    return f"{what}; give folders or files of recordings such as WAV, FLAC or MP3"
