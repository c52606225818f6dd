"""The service as a real process, and requests to it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of the service."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service.

    Attributes:
        log: what it writes.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path: str) -> Reply:
        """One request on a new connection."""
        return self.request("GET", path)

    def predict(self, body: object) -> Reply:
        """A batch, as JSON or as the bytes to send."""
        return self.request("POST", "/predict", body if isinstance(body, bytes) else json.dumps(body).encode())

    def request(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """One request on a new connection."""
        connection = self.connect()
        try:
            connection.request(method, path, body)
            return read_reply(connection)
        finally:
            connection.close()

    def terminate(self) -> None:
        """Tell it to end, as Kubernetes does."""
        self.process.send_signal(signal.SIGTERM)


def read_reply(connection: http.client.HTTPConnection) -> Reply:
    """The answer to the request that was sent last."""
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(status=response.status, headers=headers, text=response.read().decode())


@contextmanager
def running_service(artifact: Path, *, drain_seconds: float = 0) -> Generator[Service]:
    """A service that is ready, on a port of its own; it is killed at the end if it still runs."""
    log = artifact.parent / f"service-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "digits", "serve", "--model", str(artifact), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--drain-seconds", str(drain_seconds)], cwd=ROOT, stderr=output)
    try:
        service = Service(process=process, port=_port(process, log), log=log)
        assert service.get("/readyz").status == 200
        yield service
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"listening on 127\.0\.0\.1 port (\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"the service has not started:\n{log.read_text()}")
