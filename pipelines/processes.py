"""Worker processes of the local runner, watched: one that dies is noticed.

Beam's own handler of worker processes waits for ever for what a dead one owes.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Final

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import (
    Environment,
    SubprocessSDKEnvironment,
)

from pipelines import worker

URN: Final = "luthier:env:watched_process:v1"
_LOOK_EVERY_SECS: Final = 0.2


@Environment.register_urn(URN, bytes)
class WatchedProcesses(SubprocessSDKEnvironment):
    """Worker processes whose death is an error and not an endless wait."""

    @classmethod
    def ours(cls) -> WatchedProcesses:
        """Return the environment of workers that can import our packages."""
        found: WatchedProcesses = cls.from_command_string(worker.command())
        return found

    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:
        """Return what Beam finds the handler by."""
        return URN, self.command_string.encode()

    @staticmethod
    def from_runner_api_parameter(
        payload: bytes, capabilities: Any, artifacts: Any, hints: Any, context: Any
    ) -> WatchedProcesses:
        """Return the environment that a runner was told of."""
        return WatchedProcesses(payload.decode(), capabilities, artifacts, hints)


@WorkerHandler.register_environment(URN, bytes)
class WatchedHandler(SubprocessSdkWorkerHandler):
    """Starts one worker process and answers in its place once it is dead."""

    def start_worker(self) -> None:
        """Start the process and a thread that waits for its end."""
        self._closing = threading.Event()
        self.worker = local_job_service.SubprocessSdkWorker(
            self._worker_command_line,
            self.control_address,
            self.provision_info,
            self.worker_id,
        )
        self.worker_thread = threading.Thread(
            name="run_worker", target=self._run, daemon=True
        )
        self.worker_thread.start()

    def close(self) -> None:
        """Let the process end."""
        self._closing.set()
        super().close()

    def _run(self) -> None:
        how = "ended before its work"
        try:
            self.worker.run()
        except RuntimeError as error:  # its return code was not 0
            how = str(error)
        while not self._closing.wait(_LOOK_EVERY_SECS):
            self._answer(f"ddsp_core.errors.WorkerLostError: {worker.LOST}\n{how}")

    def _answer(self, error: str) -> None:
        """Fail whatever the dead process still owes, and is asked from now on."""
        owed = self.control_conn._futures_by_id
        for name in list(owed):
            with contextlib.suppress(KeyError):
                owed.pop(name).set(
                    beam_fn_api_pb2.InstructionResponse(
                        instruction_id=name, error=error
                    )
                )
