"""The job that Dataflow would be given, built whole without a cloud.

Staging goes to an emulator of Cloud Storage; everything else is Beam's own.
"""

import importlib.util
import json
import subprocess
import sys
import urllib.parse
import urllib.request

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from pipelines.elements import Candidate
from pipelines.options import PrepareOptions
from pipelines.runtime import ExtractorOptions, Job, make_pipeline
from pipelines.transforms import Prepare
from tests.pipelines import clusters

PROJECT = "luthier-demo-123456"
BUCKET = "luthier-demo"
IMAGE = f"europe-west4-docker.pkg.dev/{PROJECT}/luthier/luthier:0.1.0"
STEPS = {"Scan", "FindDuplicates", "Measure", "Plan", "WriteShards", "Finish"}


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """The address of an empty bucket."""
    for name in ("apitools", "gcp_storage_emulator"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"no {name}: install the extras gcp and dev")
    port = clusters.free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gcp_storage_emulator", "start"]
    command += ["--port", port, "--in-memory", "--default-bucket", BUCKET]
    with clusters.running(command, tmp_path_factory.mktemp("gcs") / "log"):
        clusters.wait_for_port(port)
        yield f"http://localhost:{port}"


@pytest.fixture
def build(storage, tmp_path, monkeypatch):
    """Build the job with further options; return Dataflow's description of it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    monkeypatch.chdir(clusters.ROOT)

    def build(*further):
        file = tmp_path / "job.json"
        options = (
            "--runner=DataflowRunner",
            f"--project={PROJECT}",
            "--region=europe-west4",
            f"--temp_location=gs://{BUCKET}/tmp",
            f"--template_location={file}",
            "--worker_machine_type=n2-standard-4",
            "--max_num_workers=20",
            f"--service_account_email=luthier@{PROJECT}.iam.gserviceaccount.com",
            "--no_auth",
            *further,
        )
        place = f"gs://{BUCKET}/violin"
        asked = PrepareOptions((f"gs://{BUCKET}/in",), place, beam_options=options)
        job = Job(
            options=asked,
            extractor=ExtractorOptions(250, asked.tracking()),
            versions={"f0": "1", "loudness": "1"},
            store_root=f"{place}/.features",
            work=f"{place}/.prepare",
        )
        pipeline = make_pipeline(1, options)
        source = Candidate(f"gs://{BUCKET}/in/a.wav")
        _ = pipeline | beam.Create([source]) | Prepare(job)
        pipeline.run()
        return json.loads(file.read_text())

    return build


def staged(storage, location):
    """The bytes of what lies at 'storage.googleapis.com/BUCKET/NAME' or 'gs://'."""
    name = location.split(f"{BUCKET}/", 1)[1]
    quoted = urllib.parse.quote(name, safe="")
    url = f"{storage}/storage/v1/b/{BUCKET}/o/{quoted}?alt=media"
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def packages(pool):
    return {package["name"]: package["location"] for package in pool["packages"]}


def steps(storage, job):
    """Names of all transforms of the portable pipeline that the job points at."""
    url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    pipeline = beam_runner_api_pb2.Pipeline.FromString(staged(storage, url))
    names = {one.unique_name for one in pipeline.components.transforms.values()}
    return {part for name in names for part in name.split("/")}


@pytest.mark.slow
def test_by_container_image_the_workers_need_nothing_staged(storage, build):
    job = build(f"--sdk_container_image={IMAGE}")
    (pool,) = job["environment"]["workerPools"]
    assert pool["workerHarnessContainerImage"] == IMAGE
    images = {one["containerImage"] for one in pool["sdkHarnessContainerImages"]}
    assert images == {IMAGE}
    assert pool["machineType"] == "n2-standard-4"
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 20
    account = job["environment"]["serviceAccountEmail"]
    assert account == f"luthier@{PROJECT}.iam.gserviceaccount.com"
    assert set(packages(pool)) <= {"submission_environment_dependencies.txt"}
    assert steps(storage, job) >= STEPS


@pytest.mark.slow
def test_by_setup_py_our_packages_are_staged_and_can_be_installed(
    storage, build, tmp_path
):
    job = build("--setup_file=./setup.py")
    (pool,) = job["environment"]["workerPools"]
    found = packages(pool)
    assert "pickled_main_session" not in found
    assert steps(storage, job) >= STEPS
    archive = tmp_path / "workflow.tar.gz"
    archive.write_bytes(staged(storage, found["workflow.tar.gz"]))
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(target), str(archive)]
    subprocess.run(command, check=True, cwd=tmp_path)
    code = "import pipelines.transforms as t; print(t.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clusters.QUIET | {"PYTHONPATH": str(target), "PATH": ""},
    )
    assert done.stdout.strip().startswith(str(target))
    assert list((target / "configs").rglob("*.gin"))
