"""A bucket for tests: a real emulator, and before it a proxy that breaks things.

The emulator is `gcp-storage-emulator`, or the `fake-gcs-server` that the environment's
LUTHIER_FAKE_GCS_SERVER names. The former ignores `ifGenerationMatch` and forgets a
resumable upload that has ended; the proxy does, for both, what the documentation of
Cloud Storage says: it holds requests to the condition and answers for the upload.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS, REFUSE, CUT, LOSE, STALL = "status", "refuse", "cut", "lose", "stall"
STALL_SECS = 2.0  # longer than the patience of the tests
START_SECS = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def emulator():
    """Run an emulator in a process of its own; yield its port."""
    port = free_port()
    fake = os.environ.get("LUTHIER_FAKE_GCS_SERVER")
    if fake:
        command = [fake, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        command += ["-backend", "memory", "-log-level", "error"]
    else:
        command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--quiet"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--in-memory"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port, process):
    deadline = time.monotonic() + START_SECS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the emulator did not start: {process.args}")


class FaultyProxy:
    """Forwards to the emulator, except where `fault` says otherwise.

    `fault(method, path)` returns None, or one of
    (STATUS, code): answer with it, and do not forward;
    (REFUSE,): close the connection without an answer;
    (CUT,): close it half-way through the answer;
    (LOSE,): forward, and close without the answer;
    (STALL,): wait for `STALL_SECS`, then close.
    """

    def __init__(self, port):
        self.emulator_port = port
        self.fault = lambda method, path: None
        self.requests = []  # (method, path, fault)
        self.ended = {}  # answers for resumable uploads that have ended, by path
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def reset(self):
        self.fault = lambda method, path: None
        self.requests = []

    def n_faults(self):
        return sum(fault is not None for _, _, fault in self.requests)

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator_port)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def generation(self, bucket, key):
        path = f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(key, safe='')}"
        status, _, body = self.forward("GET", path, {}, None)
        return int(json.loads(body)["generation"]) if status == 200 else 0


def faults(*kinds, of=""):
    """Break the first requests whose path holds `of`, each in its own way."""
    pending = list(kinds)

    def fault(method, path):
        return pending.pop(0) if pending and of in path else None

    return fault


def _handler(proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self):
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def log_message(self, format, *args):
            pass

        def _handle(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = self._chunks()
            with proxy.lock:
                fault = proxy.fault(self.command, self.path)
                proxy.requests.append((self.command, self.path, fault))
            kind = fault[0] if fault else None
            if kind == STATUS:
                return self._answer(fault[1], [], b'{"error": {"message": "injected"}}')
            if kind == STALL:
                time.sleep(STALL_SECS)
            if kind in (REFUSE, STALL):
                return self._hang_up()
            headers = {k: v for k, v in self.headers.items() if k != "Connection"}
            headers.pop("Transfer-Encoding", None)
            with proxy.lock:  # so that a condition holds until its request is done
                wanted = _condition(self.path, body)
                if wanted is not None and proxy.generation(*wanted[:2]) != wanted[2]:
                    body = b'{"error": {"message": "conditionNotMet"}}'
                    return self._answer(412, [], body)
                status, answered, data = proxy.ended.get(self.path) or proxy.forward(
                    self.command, self.path, headers, body
                )
                if self.command == "PUT" and status in (200, 201):
                    proxy.ended[self.path] = status, answered, data
            if kind == LOSE:
                return self._hang_up()
            return self._answer(status, answered, data, cut=kind == CUT)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

        def _chunks(self):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, status, headers, data, cut=False):
            self.send_response(status)
            skipped = ("transfer-encoding", "content-length", "connection")
            for name, value in headers:
                if name.lower() not in skipped:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self._hang_up()

        def _hang_up(self):
            self.close_connection = True
            self.wfile.flush()
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    return Handler


def _condition(path, body):
    """Return (bucket, key, generation) if a request has `ifGenerationMatch`."""
    parts = urllib.parse.urlsplit(path)
    query = dict(urllib.parse.parse_qsl(parts.query))
    if "ifGenerationMatch" not in query or "upload_id" in query:
        return None
    _, _, rest = parts.path.partition("/b/")
    bucket, _, key = rest.partition("/o")
    key = urllib.parse.unquote(key.strip("/"))
    if not key:  # an upload: its name stands in the query or in the JSON part
        key = query.get("name") or _first_json(body)["name"]
    return bucket, key, int(query["ifGenerationMatch"])


def _first_json(body):
    text = body[body.index(b"{") :].decode("latin-1")
    return json.JSONDecoder().raw_decode(text)[0]
