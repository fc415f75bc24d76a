"""The preparation as Beam transforms: thin shells round the pure functions.

    files → recordings → segments → measures → judged recordings → plan
    plan → shards written, statistics → the files of a dataset directory

Elements are small: paths, digests, measures and plans; never audio or features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from ddsp_core import codec, io
from ddsp_core.errors import AudioError, DdspError
from ddsp_core.manifest import Shard
from ddsp_core.postprocessing.mergeable import ExampleStatistics
from ddsp_core.statistics import Statistics
from pipelines import counters, finish, tfds_export
from pipelines.account import plain
from pipelines.counting import CountExamples
from pipelines.elements import (
    BlockMeasures,
    Candidate,
    Judged,
    Planned,
    Recording,
    Rejected,
    Segment,
    ShardPlan,
)
from pipelines.judge import judge, refused_whole, too_short
from pipelines.measure import measure_segments, scan_recording, segments
from pipelines.plan import Plan, make_plan
from pipelines.pool import Refused, SegmentPool, unexpected
from pipelines.progress import ProgressWriter
from pipelines.report.clips import ClipCandidate, candidates_of
from pipelines.reuse import defining_of, finished, note_finished, shard_digest
from pipelines.scans import ScanStore
from pipelines.stopwatch import Spent, Stopwatch
from pipelines.store import FeatureStore
from pipelines.write import train_statistics, write_shard

if TYPE_CHECKING:
    from ddsp_core.features.extract import FeatureExtractor
    from pipelines.runtime import Job


class Prepare(beam.PTransform):
    """From candidates to the files of a dataset directory in `job.work`.

    Args:
        job: Everything that the workers must know.
        rejected: Files that were refused before they were opened.
    """

    def __init__(self, job: Job, rejected: Iterable[Rejected] = ()) -> None:
        super().__init__()
        self._job = job
        self._rejected = tuple(rejected)

    def expand(self, candidates: Any) -> Any:
        """Return the one result of `finish.write_dataset`."""
        job = self._job
        scanned = candidates | "Scan" >> beam.ParDo(_ScanFile(job))
        unique = scanned | "FindDuplicates" >> FindDuplicates()
        measured = unique | "Measure" >> Measure(job)
        plan = (
            measured
            | "OnlyJudged" >> beam.Filter(_is_a, Judged)
            | "Gather" >> beam.combiners.ToList()
            | "Plan" >> beam.ParDo(_MakePlan(job))
        )
        shards = (
            plan
            | "Shards" >> beam.FlatMap(_shards_of)
            | "SpreadShards" >> beam.Reshuffle()
            | "WriteShards" >> beam.ParDo(_WriteShard(job))
        )
        statistics = (
            plan
            | "Recordings" >> beam.FlatMap(_recordings_of)
            | "SpreadRecordings" >> beam.Reshuffle()
            | "Count" >> beam.ParDo(_CountFrames(job))
            | "MergeFrames" >> beam.CombineGlobally(Statistics.merge)
        )
        examples = shards | "CountExamples" >> CountExamples(job)
        clips = shards | "Clips" >> beam.FlatMap(
            candidates_of, job.work, job.options.spec
        )
        results = (
            (scanned, unique, measured, shards, statistics, examples, clips)
            | "Together" >> beam.Flatten()
            | "NotPassedOn" >> beam.Filter(_is_result)
            | "GatherResults" >> beam.combiners.ToList()
        )
        return plan | "Finish" >> beam.Map(
            finish_dataset, job, beam.pvalue.AsSingleton(results), self._rejected
        )


class ExportExamples(beam.PTransform):
    """TfdsRange → how many recordings it became, in the feature store's folder.

    Args:
        job: Says where.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def expand(self, ranges: Any) -> Any:
        """Spread the ranges; each is read where it lands."""
        return (
            ranges
            | "SpreadRanges" >> beam.Reshuffle()
            | "Export" >> beam.ParDo(_ExportRange(self._job))
        )


class FindDuplicates(beam.PTransform):
    """Recording → the first of equal ones, and Rejected for the others."""

    def expand(self, rows: Any) -> Any:
        """Group by content."""
        return (
            rows
            | beam.Filter(_is_a, Recording)
            | beam.Map(_by_key)
            | beam.GroupByKey()
            | beam.FlatMap(keep_first)
        )


class Measure(beam.PTransform):
    """Recording → Judged or Rejected.

    Args:
        job: Spec, store and extractor.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def expand(self, rows: Any) -> Any:
        """Measure segments anywhere, judge where the parts of a recording meet."""
        recordings = rows | "OnlyRecordings" >> beam.Filter(_is_a, Recording)
        parts = (
            recordings
            | "Segments" >> beam.FlatMap(_segments_of, self._job)
            | "SpreadSegments" >> beam.Reshuffle()
            | "Features" >> beam.ParDo(_MeasureSegments(self._job))
            | "ByRecording" >> beam.Map(_by_key)
        )
        return (
            (recordings | "ByKey" >> beam.Map(_by_key), parts)
            | "Parts" >> beam.Flatten()
            | "Meet" >> beam.GroupByKey()
            | "Judge" >> beam.FlatMap(judge_parts, self._job)
        )


class _JobDoFn(beam.DoFn):
    """A DoFn with the job's store and a place to tell progress."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self) -> None:
        self._job.enter()
        self._store: FeatureStore = self._job.store()
        self._progress = ProgressWriter(self._job.progress)
        self._gain_db = self._job.options.gain_db or 0.0

    def finish_bundle(self) -> Iterator[Any] | None:
        self._progress.flush()
        return None


class _ScanFile(_JobDoFn):
    def process(self, candidate: Candidate) -> Iterator[Any]:
        counters.count("files_scanned")
        try:
            with counters.timed("scan"):
                scans = ScanStore(self._job.store_root)
                recording = scan_recording(candidate.source, candidate.path, scans)
        except AudioError as error:
            yield _refused_file(candidate, str(error))
        except DdspError:
            raise
        except Exception as error:  # one bad file never ends a job
            yield _refused_file(candidate, unexpected(error))
        else:
            counters.count("audio_in_ms", 1000 * recording.secs)
            self._progress.add("secs", recording.secs)
            yield recording
        self._progress.add("scanned", 1)


class _ExportRange(beam.DoFn):
    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self) -> None:
        self._job.enter()

    def process(self, one: tfds_export.TfdsRange) -> Iterator[int]:
        yield tfds_export.export(one, self._job.store_root)


@dataclasses.dataclass(frozen=True)
class _Extractor:
    """What the threads of a process share."""

    extractor: FeatureExtractor
    spent: Spent


class _MeasureSegments(_JobDoFn):
    """Gathers segments, so that short recordings fill the network's batches too."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._shared = Shared()  # one model a process, however many threads

    def _make(self) -> _Extractor:
        extractor = self._job.extractor.make()
        return _Extractor(extractor, Spent(extractor.seconds))

    def start_bundle(self) -> None:
        self._pool = SegmentPool(self._measure)

    def process(self, segment: Segment) -> Iterator[Any]:
        yield from self._pool.add(segment)

    def finish_bundle(self) -> Iterator[Any]:
        window = GlobalWindow()
        for row in self._pool.flush():
            yield WindowedValue(row, window.max_timestamp(), [window])
        self._progress.flush()

    def _measure(self, segments: Sequence[Segment]) -> list[BlockMeasures]:
        one: _Extractor = self._shared.acquire(self._make)
        spec, watch = self._job.options.spec, Stopwatch()
        found = list(
            measure_segments(segments, one.extractor, self._store, spec.padding, watch)
        )
        counters.count_seconds(watch.seconds + one.spent.take())
        secs = sum(row.loud.n_frames for row in found) / spec.frame_rate
        self._progress.add("measured_secs", secs)
        counters.count("audio_measured_ms", 1000 * secs)
        return found


class _MakePlan(_JobDoFn):
    def process(self, judged: list[Judged]) -> Iterator[Plan]:
        plan = make_plan(judged, self._job.options, self._job.kept_rule)
        self._progress.add("planned", sum(len(shard.windows) for shard in plan.shards))
        yield plan


class _WriteShard(_JobDoFn):
    def process(self, shard: ShardPlan) -> Iterator[Any]:
        spec, work = self._job.options.spec, self._job.work
        digest = shard_digest(shard, defining_of(self._job))
        done = finished(shard, digest, work)
        if done is None:
            watch = Stopwatch()
            done = write_shard(shard, spec, self._store, work, self._gain_db, watch)
            counters.count_seconds(watch.seconds)
            note_finished(done, digest, work)
            length = codec.record_length(spec) + codec.FRAMING_LENGTH
            counters.count("bytes_written", done.n_records * length)
            counters.count("shards_written")
        else:
            counters.count("shards_reused")
        counters.count("examples", done.n_records)
        yield shard.split, done
        self._progress.add("written", len(shard.windows))


class _CountFrames(_JobDoFn):
    def process(self, planned: Planned) -> Iterator[Any]:
        yield train_statistics(
            planned, self._job.options.spec, self._store, self._gain_db
        )


def keep_first(group: tuple[str, Iterable[Recording]]) -> Iterator[Any]:
    """Keep the recording of lowest path; the others are listed as duplicates."""
    first, *others = sorted(group[1], key=_source_of)
    yield first
    for other in others:
        counters.count("duplicates")
        reason = f"holds the same samples as {first.source!r}, which is kept"
        yield Rejected(other.source, "duplicate", reason, file_sha256=other.file_sha256)


def judge_parts(group: tuple[str, Iterable[Any]], job: Job) -> Iterator[Any]:
    """Judge a recording when all its blocks are there; else refuse it whole."""
    parts = list(group[1])
    recording = next(part for part in parts if isinstance(part, Recording))
    refused = [part for part in parts if isinstance(part, Refused)]
    if refused:
        reason = min(part.reason for part in refused)
        yield Rejected(
            recording.source, "measure", reason, file_sha256=recording.file_sha256
        )
    else:
        blocks = [part for part in parts if isinstance(part, BlockMeasures)]
        yield judge(recording, blocks, job.options.spec, job.options.policy)


def finish_dataset(
    plan: Plan, job: Job, results: Sequence[Any], rejected: Iterable[Rejected]
) -> str:
    """Write the last files of a dataset, and count what its account adds up to."""
    fingerprint = finish.write_dataset(plan, job, results, rejected)
    sources, refused = (
        io.read_jsonl(io.join(job.work, name))
        for name in (finish.SOURCES_NAME, finish.REJECTED_NAME)
    )
    for name, n in counters.of_account(sources, refused).items():
        counters.count(name, n)
    return fingerprint


def _segments_of(recording: Recording, job: Job) -> Iterator[Segment]:
    """What is refused as a whole, or is too short to be joined, needs no features."""
    options = job.options
    short = too_short(recording, options.spec, options.policy)
    if not (short or refused_whole(recording, options.policy)):
        yield from segments(recording)


def _refused_file(candidate: Candidate, reason: str) -> Rejected:
    file = candidate.path or candidate.source
    return Rejected(
        candidate.source,
        "decode",
        plain(reason, file),
        file_sha256=finish.sha256_or_none(file),
    )


def _is_a(row: Any, kind: type) -> bool:
    return isinstance(row, kind)


def _is_result(row: Any) -> bool:
    """Is this for the last stage: a shard, statistics, a clip, or a refusal?"""
    is_shard = isinstance(row, tuple) and isinstance(row[1], Shard)
    kinds = Statistics | ExampleStatistics | ClipCandidate | Rejected
    return is_shard or isinstance(row, kinds)


def _by_key(part: Recording | BlockMeasures | Refused) -> tuple[str, Any]:
    return part.key, part


def _source_of(recording: Recording) -> str:
    return recording.source


def _shards_of(plan: Plan) -> Iterable[ShardPlan]:
    return plan.shards


def _recordings_of(plan: Plan) -> Iterable[Planned]:
    return [one for one in plan.recordings if one.train or one.joined]
