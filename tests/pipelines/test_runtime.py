"""What a worker process sets up, and on what it runs."""

import dataclasses
import os
import pickle
import subprocess
import sys

from ddsp_core.features.options import PitchOptions
from pipelines import worker
from pipelines.options import PrepareOptions
from pipelines.runtime import ExtractorOptions, Job, make_pipeline


def test_the_local_runner_is_named_and_runs_in_this_process():
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    pipeline = make_pipeline(1, ())
    assert type(pipeline.runner) is FnApiRunner
    environment = type(pipeline.runner._default_environment).__name__
    assert environment == "EmbeddedPythonEnvironment"


def test_several_workers_are_processes_that_can_import_our_packages():
    from apache_beam.options.pipeline_options import DirectOptions

    pipeline = make_pipeline(3, ())
    options = pipeline.options.view_as(DirectOptions)
    assert options.direct_num_workers == 3
    command = pipeline.runner._default_environment.command_string
    assert command == worker.command()
    assert sys.executable in command
    probe = command.replace("worker.main()", "print(worker.__name__)")
    done = subprocess.run(
        probe, shell=True, check=True, capture_output=True, text=True, cwd="/"
    )
    assert done.stdout.strip() == "pipelines.worker"


def test_a_runner_given_by_option_wins_and_options_reach_beam():
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    pipeline = make_pipeline(1, ("--runner=DirectRunner", "--job_name=violin"))
    assert type(pipeline.runner).__name__ != "FnApiRunner"
    assert pipeline.options.view_as(GoogleCloudOptions).job_name == "violin"


def test_a_job_travels_to_a_worker(tmp_path):
    options = PrepareOptions(("in",), str(tmp_path))
    extractor = ExtractorOptions(250, PitchOptions())
    job = Job(options, extractor, {"f0": "1"}, str(tmp_path / "store"), str(tmp_path))
    assert pickle.loads(pickle.dumps(job)) == job
    assert job.store().path("0" * 32, 0).startswith(f"{tmp_path}/store/")


def test_a_worker_stands_where_the_launcher_stands(tmp_path, monkeypatch):
    """So that relative paths mean the same; without such a folder it stays."""
    monkeypatch.chdir(tmp_path)
    job = Job(
        PrepareOptions(("in",), "out"),
        ExtractorOptions(250, PitchOptions()),
        {},
        "",
        "",
    )
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    job.enter()
    assert os.getcwd() == str(tmp_path)
    dataclasses.replace(job, cwd="/of a container").enter()
    assert os.getcwd() == str(tmp_path)
