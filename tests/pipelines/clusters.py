"""Runners of real processes for tests, and how `luthier prepare` is told of them."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import apache_beam
import pytest

from pipelines import worker

ROOT = Path(__file__).parents[2]
QUIET = {"GRPC_VERBOSITY": "ERROR", "TF_CPP_MIN_LOG_LEVEL": "3"}


def free_port():
    with socket.socket() as sock:
        sock.bind(("localhost", 0))
        return sock.getsockname()[1]


def worker_program(folder):
    """An executable that is what `luthier-worker` is where we are installed."""
    path = folder / "luthier-worker"
    path.write_text(f'#!/bin/sh\n{worker.command()} "$@"\n')
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def running(command, log):
    """A process and all it starts, ended with the block."""
    with open(log, "wb") as file:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=os.environ | QUIET,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_port(port, secs=60):
    end = time.monotonic() + secs
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("localhost", port)),
        ):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


@contextlib.contextmanager
def in_process(folder):
    yield []


@contextlib.contextmanager
def two_processes(folder):
    yield ["--workers", "2"]


@contextlib.contextmanager
def job_service(folder):
    """Beam's local job service, which starts our worker as a process of its own."""
    port = free_port()
    module = "apache_beam.runners.portability.local_job_service_main"
    command = [sys.executable, "-m", module, "--port", port]
    with running(command, folder / "service.log"):
        wait_for_port(port)
        yield [
            "--",
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{port}",
            "--environment_type=beam:env:harness_subprocess_python:v1",
            f"--environment_config={worker.command()}",
        ]


@contextlib.contextmanager
def prism_process(folder):
    """Prism, which starts `luthier-worker` by the container contract."""
    with _prism(folder) as options:
        command = {"command": str(worker_program(folder))}
        yield [
            *options,
            "--environment_type=PROCESS",
            f"--environment_config={json.dumps(command)}",
        ]


@contextlib.contextmanager
def prism_external(folder):
    """Prism with workers from a pool that was there before."""
    port = free_port()
    module = "apache_beam.runners.worker.worker_pool_main"
    command = [sys.executable, "-m", module, f"--service_port={port}"]
    command += [f"--container_executable={worker_program(folder)}"]
    with _prism(folder) as options, running(command, folder / "pool.log"):
        wait_for_port(port)
        yield [
            *options,
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{port}",
        ]


@contextlib.contextmanager
def _prism(folder):
    program = os.environ.get("LUTHIER_PRISM") or shutil.which("prism")
    if not program:
        pytest.skip(
            "no Prism: `go install github.com/apache/beam/sdks/v2/go/cmd/prism@v"
            f"{apache_beam.__version__}` and name it by LUTHIER_PRISM"
        )
    port = free_port()
    command = [program, f"--job_port={port}", f"--web_port={free_port()}"]
    with running(command, folder / "prism.log"):
        wait_for_port(port)
        yield ["--", "--runner=PortableRunner", f"--job_endpoint=localhost:{port}"]


@contextlib.contextmanager
def flink(folder):
    """A Flink of this machine's own, two tasks at a time, restarting what fails."""
    jar = flink_jar()
    command = {"command": str(worker_program(folder))}
    yield [
        "--",
        "--runner=FlinkRunner",
        "--flink_master=[local]",
        f"--flink_job_server_jar={jar}",
        "--parallelism=2",
        "--number_of_execution_retries=3",
        "--execution_retry_delay=1000",
        "--environment_type=PROCESS",
        f"--environment_config={json.dumps(command)}",
    ]


def flink_jar():
    """The job server of this Beam, or a skip that says how to get it."""
    if shutil.which("java") is None:
        pytest.skip("no Java")
    named = os.environ.get("LUTHIER_FLINK_JAR")
    pattern = f"beam-runners-flink-*-job-server-{apache_beam.__version__}.jar"
    found = [Path(named)] if named else []
    found += sorted(Path.home().glob(f".m2/repository/org/apache/beam/*/*/{pattern}"))
    if not found:
        pytest.skip(
            "no Flink job server: `mvn dependency:get -Dartifact=org.apache.beam:"
            f"beam-runners-flink-1.19-job-server:{apache_beam.__version__}"
            " -Dtransitive=false`, or name the jar by LUTHIER_FLINK_JAR"
        )
    return found[0]
