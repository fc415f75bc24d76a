"""A worker process: Beam's own harness, started by a launcher or by a cluster.

`luthier-worker` is the command for workers that a runner starts by itself: Flink and
other portable runners with `--environment_type=PROCESS`, and the worker pool of
`--environment_type=EXTERNAL`. It keeps Beam's container contract: the runner says
where its provision service is, and the rest is asked there. Packages are not fetched:
a worker's machine has them installed.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LOST: Final = (
    "a worker process is lost (if it was killed for want of memory, use fewer"
    " --workers); the same command goes on"
)
_PROVISION_SECS: Final = 120.0  # a busy job server answers late


def command() -> str:
    """Return the shell command that starts a worker able to import our packages."""
    root = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r})"
    code += "; from pipelines import worker; worker.main()"
    return f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the runner whose address stands in the arguments or the environment.

    Args:
        argv: Arguments without the program's name; those of the process if None.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    args, _ = _parser().parse_known_args(argv)
    if args.provision_endpoint:
        # Some runners put the name into quotes.
        environment = provisioned(args.id.strip("'\""), args.provision_endpoint)
        os.environ.update(environment)
    else:  # started by our launcher, where what goes wrong becomes one line
        logging.disable(logging.ERROR)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


def provisioned(worker_id: str, endpoint: str) -> dict[str, str]:
    """Ask a runner's provision service for what Beam's harness reads at its start.

    Args:
        worker_id: The name that the runner gave this worker.
        endpoint: Address of the service, HOST:PORT.

    Returns:
        Environment variables.

    Raises:
        grpc.RpcError: Nobody answers there.
    """
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2 as messages
    from apache_beam.portability.api import beam_provision_api_pb2_grpc as services
    from google.protobuf import json_format, text_format

    with grpc.insecure_channel(endpoint) as channel:
        info = (
            services.ProvisionServiceStub(channel)
            .GetProvisionInfo(
                messages.GetProvisionInfoRequest(),
                timeout=_PROVISION_SECS,
                metadata=[("worker_id", worker_id)],
                wait_for_ready=True,
            )
            .info
        )
    found = {
        "WORKER_ID": worker_id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    for name in ("control", "logging", "status"):
        service = getattr(info, f"{name}_endpoint")
        # A runner without a service of its own for this serves it at the same place.
        if not service.url and name != "status":
            service.url = endpoint
        if service.url:
            text = text_format.MessageToString(service)
            found[f"{name.upper()}_API_SERVICE_DESCRIPTOR"] = text
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="luthier-worker",
        description="A Beam worker; runners start it and tell it where they are.",
    )
    parser.add_argument("--id", default="", help="name of this worker")
    parser.add_argument("--provision_endpoint", help="HOST:PORT of the runner")
    return parser


if __name__ == "__main__":
    main()
