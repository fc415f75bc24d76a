"""What a run of the Beam program raises, and when it begins again."""

import dataclasses

import pytest

from ddsp_core.errors import (
    DatasetError,
    StoppedError,
    StorageError,
    UsageError,
    WorkerLostError,
)
from ddsp_core.features.options import PitchOptions
from pipelines import launcher, worker
from pipelines.elements import Candidate
from pipelines.launcher import typed_error
from pipelines.options import PrepareOptions
from pipelines.runtime import ExtractorOptions, Job


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            (
                "Traceback\nddsp_core.errors.AudioError: 'a' is gone\nThe above\n"
                "ddsp_core.errors.StorageError: it's full; go on [while running 'W']\n"
            ),
            StorageError,
            "it's full; go on",
        ),
        (
            "ddsp_core.errors.DatasetError: no usable audio",
            DatasetError,
            "no usable audio",
        ),
        ("KeyError: 3 [while running 'Plan']", None, ""),
        (
            "RuntimeError: KeyboardInterrupt [while running 'Plan']",
            KeyboardInterrupt,
            "",
        ),
        (
            "RuntimeError: ddsp_core.errors.StoppedError: stopped by SIGTERM [while ",
            StoppedError,
            "stopped by SIGTERM [while ",
        ),
        ("ddsp_core.errors.Nothing: x", None, ""),
    ],
)
def test_what_a_worker_raised_is_read_from_the_runners_text(text, kind, message):
    error = typed_error(text)
    assert (None if error is None else type(error)) == kind
    assert kind is None or str(error) == message


def test_a_lost_worker_is_told_apart_and_its_error_ends_with_3():
    error = typed_error("RuntimeError: Channel closed prematurely.")
    assert type(error) is WorkerLostError and error.exit_code == 3
    told = typed_error(
        f"ddsp_core.errors.WorkerLostError: {worker.LOST}\nreturn code -9"
    )
    assert type(told) is WorkerLostError and str(told) == worker.LOST


JOB = Job(
    PrepareOptions(("in",), "out"),
    ExtractorOptions(250, PitchOptions()),
    {},
    "",
    "/none",
)


@pytest.mark.parametrize("n_lost", [0, 2, 4])
def test_a_run_that_lost_a_worker_begins_again_three_times(monkeypatch, n_lost):
    n_runs = 0

    def run_once(*args):
        nonlocal n_runs
        n_runs += 1
        if n_runs <= n_lost:
            raise WorkerLostError(worker.LOST)
        return {"files_scanned": 1}

    monkeypatch.setattr(launcher, "_run_once", run_once)
    if n_lost <= 3:
        assert launcher.run(JOB, [])["retries"] == n_lost
    else:
        with pytest.raises(WorkerLostError):
            launcher.run(JOB, [])
        assert n_runs == 4


class _Job:
    def __init__(self, error=None):
        self.is_cancelled, self.error = False, error

    def cancel(self):
        self.is_cancelled = True
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt(), StoppedError("stopped by SIGTERM", by_hand=False)]
)
@pytest.mark.parametrize("refusal", [None, NotImplementedError("cannot")])
def test_a_job_elsewhere_is_cancelled_when_we_are_stopped(stop, refusal, caplog):
    job = _Job(refusal)
    with pytest.raises(type(stop)), launcher._cancelled_at_stop(job):
        raise stop
    assert job.is_cancelled
    assert ("see that it has ended" in caplog.text) == (refusal is not None)


def test_a_job_that_failed_is_not_cancelled():
    job = _Job()
    with pytest.raises(StorageError), launcher._cancelled_at_stop(job):
        raise StorageError("full")
    assert not job.is_cancelled


def test_dataflow_is_not_sent_to_paths_of_this_machine():
    asked = dataclasses.replace(JOB.options, beam_options=("--runner=DataflowRunner",))
    job = dataclasses.replace(
        JOB, options=asked, work="gs://b/w", store_root="gs://b/s"
    )
    launcher._check_reachable(job, [Candidate("gs://b/a.wav")])
    launcher._check_reachable(JOB, [Candidate("a.wav")])
    for wrong in (
        {"job": job, "candidates": [Candidate("in/a.wav")]},
        {"job": dataclasses.replace(job, work="/out"), "candidates": []},
    ):
        with pytest.raises(UsageError, match="cannot reach; put"):
            launcher._check_reachable(**wrong)
