"""Running the Beam program: to its end, with what goes wrong as typed errors."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ddsp_core import errors
from ddsp_core.errors import DdspError, UsageError, WorkerLostError
from pipelines import worker
from pipelines.elements import Candidate, Rejected
from pipelines.runtime import Job, fix_threads, make_pipeline

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.runners.runner import PipelineResult

    from pipelines.tfds_export import TfdsRange

MOST_RETRIES: Final = 3  # what was measured before is in the store
_LOGGER = logging.getLogger(__name__)


def run(
    job: Job, candidates: Sequence[Candidate], rejected: Sequence[Rejected] = ()
) -> dict[str, Any]:
    """Run the Beam program; begin again if a local worker process was lost.

    Returns:
        The metrics of the run that came to its end (see `counters.read`).

    Raises:
        UsageError: Workers in a cloud are sent to a path of this machine.
        DdspError: What a worker raised, as its own type.
        KeyboardInterrupt: The job was interrupted by hand.
    """
    _check_reachable(job, candidates)
    n_retries = 0
    while True:
        try:
            return _run_once(job, candidates, rejected) | {"retries": n_retries}
        except WorkerLostError as error:
            n_retries += 1
            if n_retries > MOST_RETRIES:
                raise
            _LOGGER.warning("%s; beginning again with what is done", error)
            shutil.rmtree(job.progress, ignore_errors=True)


def find_examples(addresses: Sequence[str]) -> list[TfdsRange]:
    """Return the ranges of examples that `tfds://` addresses name.

    Raises:
        UsageError: They name nothing, or nothing that can be used.
    """
    if not addresses:
        return []
    fix_threads()  # TFDS starts TensorFlow
    from pipelines.tfds_export import find_ranges

    return find_ranges(addresses)


def export(
    ranges: Sequence[TfdsRange], job: Job
) -> tuple[list[Candidate], list[Rejected]]:
    """Make recordings of examples of TFDS; those that are there are not read again.

    Raises:
        DdspError: What a worker raised, as its own type.
    """
    if not ranges:
        return [], []
    from pipelines.tfds_export import candidates_of, is_exported

    root = job.store_root
    missing = [one for one in ranges if not is_exported(one, root)]
    if missing:
        n_examples = sum(one.stop - one.start for one in missing)
        _LOGGER.info("reading %d examples of TFDS", n_examples)
        pipeline = make_pipeline(job.options.workers, job.options.beam_options)
        import apache_beam as beam

        from pipelines.transforms import ExportExamples

        _ = pipeline | beam.Create(missing) | ExportExamples(job)
        _to_its_end(pipeline)
    return candidates_of(ranges, root)


def typed_error(text: str) -> BaseException | None:
    """Return the typed error that a worker raised, read from what a runner made of it.

    Runners report a worker's exception as text, with its traceback and the stage; a
    stop from outside too, if it came while a worker in this process was busy.
    """
    if "KeyboardInterrupt [while running" in text:
        return KeyboardInterrupt()
    if "RuntimeError: Channel closed prematurely" in text:
        return WorkerLostError(worker.LOST)
    pattern = r"ddsp_core\.errors\.(\w+): (.*?)(?: \[while running|\n|$)"
    found = re.findall(pattern, text)
    if not found:
        return None
    name, message = found[-1]
    kind = getattr(errors, name, None)
    if kind is errors.StoppedError:
        return errors.StoppedError(message, by_hand=False)
    if not (isinstance(kind, type) and issubclass(kind, DdspError)):
        return None
    return kind(message)


def _run_once(
    job: Job, candidates: Sequence[Candidate], rejected: Sequence[Rejected]
) -> dict[str, Any]:
    pipeline = make_pipeline(job.options.workers, job.options.beam_options)
    import apache_beam as beam

    from pipelines import counters
    from pipelines.transforms import Prepare

    _ = pipeline | beam.Create(list(candidates)) | Prepare(job, rejected)
    return counters.read(_to_its_end(pipeline))


def _to_its_end(pipeline: beam.Pipeline) -> PipelineResult:
    """Run a pipeline; what goes wrong in it is raised as its own type."""
    try:
        with _quiet_threads():
            result = pipeline.run()
            with _cancelled_at_stop(result):
                result.wait_until_finish()
    except Exception as error:
        typed = typed_error("".join(traceback.format_exception_only(error)))
        if typed is None:
            raise
        raise typed from error
    return result


def _check_reachable(job: Job, candidates: Sequence[Candidate]) -> None:
    """Refuse paths of this machine where workers are machines of Dataflow."""
    if "DataflowRunner" not in " ".join(job.options.beam_options):
        return
    sources = [one.path or one.source for one in candidates]
    for path in (job.work, job.store_root, *sources):
        if "://" not in path:
            raise UsageError(
                f"{path!r} is a path of this machine, which workers of Dataflow cannot"
                " reach; put recordings, --out and --store on gs://"
            )


@contextlib.contextmanager
def _cancelled_at_stop(result: PipelineResult) -> Iterator[None]:
    """Cancel a job elsewhere when we are stopped: going on must not meet it."""
    try:
        yield
    except (KeyboardInterrupt, errors.StoppedError):
        try:
            result.cancel()
        except Exception as error:  # the stop is what must be told
            _LOGGER.warning(
                "the job could not be cancelled (%s); see that it has ended", error
            )
        raise


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """Keep Beam's threads from printing what reaches us as an error anyway."""

    def note(args: threading.ExceptHookArgs) -> None:
        _LOGGER.debug("in thread %s: %s", args.thread, args.exc_value)

    before, threading.excepthook = threading.excepthook, note
    try:
        yield
    finally:
        threading.excepthook = before
