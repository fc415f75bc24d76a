"""How a worker learns where its runner is."""

import contextlib
import json
from concurrent import futures

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2 as messages
from apache_beam.portability.api import beam_provision_api_pb2_grpc as services
from google.protobuf import text_format

from pipelines import worker


class _Runner(services.ProvisionServiceServicer):
    """A runner's provision service that keeps the name of who asked."""

    def __init__(self, info):
        self.info, self.asked_by = info, None

    def GetProvisionInfo(self, request, context):
        self.asked_by = dict(context.invocation_metadata())["worker_id"]
        return messages.GetProvisionInfoResponse(info=self.info)


@contextlib.contextmanager
def runner(info):
    server = grpc.server(futures.ThreadPoolExecutor(1))
    service = _Runner(info)
    services.add_ProvisionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield service, f"localhost:{port}"
    finally:
        server.stop(0)


def url(text):
    from apache_beam.portability.api import endpoints_pb2

    return text_format.Parse(text, endpoints_pb2.ApiServiceDescriptor()).url


def test_a_worker_asks_the_runner_for_all_that_the_harness_reads():
    info = messages.ProvisionInfo(runner_capabilities=["a", "b"])
    info.control_endpoint.url = "host:1"
    info.logging_endpoint.url = "host:2"
    info.pipeline_options["beam:option:parallelism:v1"] = 2
    with runner(info) as (service, address):
        found = worker.provisioned("worker-7", address)
    assert service.asked_by == found["WORKER_ID"] == "worker-7"
    assert json.loads(found["PIPELINE_OPTIONS"]) == {"beam:option:parallelism:v1": 2.0}
    assert found["RUNNER_CAPABILITIES"] == "a b"
    assert url(found["CONTROL_API_SERVICE_DESCRIPTOR"]) == "host:1"
    assert url(found["LOGGING_API_SERVICE_DESCRIPTOR"]) == "host:2"
    assert "STATUS_API_SERVICE_DESCRIPTOR" not in found


def test_a_runner_with_one_address_serves_all_there():
    with runner(messages.ProvisionInfo()) as (_, address):
        found = worker.provisioned("w", address)
    assert url(found["CONTROL_API_SERVICE_DESCRIPTOR"]) == address


def test_a_name_in_quotes_is_the_name(monkeypatch):
    from apache_beam.runners.worker import sdk_worker_main

    started = []
    monkeypatch.setattr(sdk_worker_main, "main", started.append)
    monkeypatch.setattr(worker.os, "environ", {})
    with runner(messages.ProvisionInfo()) as (service, address):
        worker.main(["--id='w 1'", f"--provision_endpoint={address}", "--other=x"])
        assert service.asked_by == "w 1" and started == [[]]
    assert worker.os.environ["WORKER_ID"] == "w 1"


def test_nobody_there_is_an_error(monkeypatch):
    monkeypatch.setattr(worker, "_PROVISION_SECS", 0.1)
    with pytest.raises(grpc.RpcError):
        worker.provisioned("w", "localhost:1")
