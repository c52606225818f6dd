"""What a rolling update needs: a service that is told to end loses nothing."""

import contextlib
import http.client
import json
import socket
import threading
import time
from pathlib import Path

import pytest

from digits.__main__ import main
from process import Service, read_reply, running_service

BODY = json.dumps({"images": [[8] * 64]})
NOTICE_SECONDS = 0.5
"""Between a failing readiness and the last client that is still sent: what a Service's proxies need."""


class _Clients:
    """Clients that open a connection for each request, until the service is no longer ready and they know it."""

    def __init__(self, service: Service, count: int) -> None:
        self._service = service
        self._known = threading.Event()
        self.statuses: list[int | str] = []
        self._threads = [threading.Thread(target=self._request_again_and_again, daemon=True) for _ in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def follow_readiness(self) -> None:
        """Watch /readyz, and stop the clients a moment after it fails."""
        while self._service.get("/readyz").status == 200:
            time.sleep(0.05)
        time.sleep(NOTICE_SECONDS)
        self._known.set()
        for thread in self._threads:
            thread.join()

    def _request_again_and_again(self) -> None:
        while not self._known.is_set():
            try:
                self.statuses.append(self._service.request("POST", "/predict", BODY.encode()).status)
            except (OSError, http.client.HTTPException) as error:
                self.statuses.append(repr(error))


def test_no_request_is_lost_while_it_ends(artifact: Path):
    with running_service(artifact, drain_seconds=4) as service:
        clients = _Clients(service, 4)
        clients.start()
        threading.Timer(2, service.terminate).start()
        clients.follow_readiness()
        assert service.process.wait(timeout=30) == 0
    assert set(clients.statuses) == {200}
    assert len(clients.statuses) > 100


def test_a_request_that_is_open_is_answered_before_it_ends(artifact: Path):
    with (
        running_service(artifact) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=30) as client,
    ):
        head = f"POST /predict HTTP/1.1\r\nHost: digits\r\nContent-Length: {len(BODY)}\r\n\r\n"
        client.sendall(head.encode() + BODY[:10].encode())
        time.sleep(0.5)
        service.terminate()
        with pytest.raises(ConnectionRefusedError):  # noqa: PT012 (it stops listening within a moment)
            for _ in range(100):
                # A connection that came in the last moment is nobody's.
                with contextlib.suppress(ConnectionResetError):
                    service.get("/readyz")
                time.sleep(0.05)
        client.sendall(BODY[10:].encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert service.process.wait(timeout=30) == 0


def test_clients_that_keep_connections_are_sent_away_with_an_answer(artifact: Path):
    with running_service(artifact, drain_seconds=30) as service:
        connection = service.connect()
        connection.request("POST", "/predict", BODY)
        assert "connection" not in read_reply(connection).headers
        service.terminate()
        while service.get("/readyz").status == 200:
            time.sleep(0.05)
        connection.request("POST", "/predict", BODY)
        reply = read_reply(connection)
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        connection.close()
        assert service.get("/healthz").status == 200, "a draining process is not one to be restarted"
        started = time.monotonic()
        service.terminate()
        assert service.process.wait(timeout=20) == 0
        assert time.monotonic() - started < 15, "a second signal ends the drain"


def test_without_a_model_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", "--model", str(tmp_path)]) == 1
    assert "metrics.json cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_port_in_use_is_said(artifact: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--model", str(artifact), "--port", str(taken.getsockname()[1])]) == 1
    assert "Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--port", "65536"], ["--port", "http"], ["--drain-seconds", "-1"]])
def test_a_wrong_argument_ends_with_2(options: list[str], artifact: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--model", str(artifact), *options])
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err
