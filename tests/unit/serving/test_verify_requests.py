"""The program that verifies, against real servers on this machine: in this process, and as a pod runs it."""

import ast
import contextlib
import inspect
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelyard.serving import verify_requests
from modelyard.serving.verify_requests import Answer, main, resolve, unexpected

PREDICTION = {"digit": 7, "confidence": 0.93, "labels": ["seven", "odd"], "ok": True}


class _Server(ThreadingHTTPServer):
    """Keeps what it was asked."""

    block_on_close = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Model)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []


class _Model(BaseHTTPRequestHandler):
    """A server with every fault that is looked for, each at a path of its own."""

    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers), b""))
        self._serve()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self._serve()

    def _serve(self) -> None:
        if self.path == "/slow":
            time.sleep(0.3)
        if self.path == "/hangs":
            time.sleep(3)
        if self.path == "/breaks":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.path == "/ends-early":
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.close_connection = True
            return
        if self.path == "/drips":
            self._drip()
            return
        flaps = self.path == "/flaps" and len(self.server.seen) % 3 == 0
        status = 500 if self.path == "/fails" or flaps else 200
        text = "Paris, je crois" if self.path == "/text" else json.dumps(PREDICTION)
        self._answer(status, text.encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Served:
    """A server, and what it was asked."""

    def __init__(self) -> None:
        self._server = _Server()
        self.seen = self._server.seen
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.close()


def request(path: str = "/predict", **fields: Any) -> dict[str, Any]:
    expect: dict[str, Any] = {
        "status": 200,
        "latency_seconds": None,
        "contains": None,
        "json": {},
        **fields.pop("expect", {}),
    }
    return {"method": "GET", "path": path, "headers": {}, "body": None, "repeat": 1, "expect": expect, **fields}


def plan(*requests: dict[str, Any], timeout_seconds: float = 10) -> str:
    return json.dumps({"timeout_seconds": timeout_seconds, "requests": requests})


def test_answers_as_expected_end_well(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    expect = {
        "latency_seconds": 5,
        "contains": "seven",
        "json": {"/digit": {"equals": 7}, "/confidence": {"at_least": 0.9}},
    }
    asked = request(method="POST", body='{"image": "ü"}', headers={"content-type": "application/json"}, expect=expect)
    assert main([plan({**asked, "repeat": 3}, request("/text", expect={"contains": "Paris"})), served.url]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("POST /predict: as expected, in 0.0")
    assert said[-1] == "every answer is as expected"
    command, path, headers, body = served.seen[0]
    assert (command, path, body.decode()) == ("POST", "/predict", '{"image": "ü"}')
    assert headers["content-type"] == "application/json"
    assert len(served.seen) == 4


def failures(served: Served, capsys: pytest.CaptureFixture[str], *requests: dict[str, Any], seconds: float = 10) -> str:
    assert main([plan(*requests, timeout_seconds=seconds), served.url]) == 1
    return capsys.readouterr().out


def test_every_failure_is_said_at_the_end(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"/digit": {"equals": 8}, "/labels": {"contains": "even"}, "/scores/0": {"at_least": 1}}
    said = failures(
        served,
        capsys,
        request("/fails"),
        request("/text", expect={"contains": "Rome", "json": {"/digit": {"equals": 7}}}),
        request("/text"),
        request(expect={"json": wrong}),
    )
    assert said.splitlines()[:2] == [said.splitlines()[0], "3 of 4 requests failed"]
    assert said.splitlines()[0].startswith("GET /text: as expected")
    answer = json.dumps(PREDICTION)
    labels = '/labels is ["seven", "odd"], expected to contain "even"'
    wrong_values = f"/digit is 7, expected 8; {labels}; /scores/0 is not there"
    assert said.splitlines()[2:] == [
        f"requests[0] GET /fails: status 500, expected 200; the answer is {answer!r}",
        "requests[1] GET /text: expected 'Rome' in it; expected JSON; the answer is 'Paris, je crois'",
        f"requests[3] GET /predict: {wrong_values}; the answer is {answer!r}",
    ]


def test_an_answer_that_is_late_is_no_success(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    said = failures(served, capsys, request("/slow", expect={"latency_seconds": 0.1}))
    assert "requests[0] GET /slow: took 0.3" in said
    assert "s, expected at most 0.1 s; the answer is" in said
    assert main([plan(request("/slow", expect={"latency_seconds": 2})), served.url]) == 0


@pytest.mark.parametrize("path", ["/hangs", "/drips"])
def test_no_answer_lasts_longer_than_all_may_take(
    path: str, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    said = failures(served, capsys, request(path), request("/text"), seconds=0.5)
    assert time.monotonic() - began < 2
    assert f"requests[0] GET {path}: no whole answer in 0.5 s, when the time of all requests was over" in said
    assert "requests[1] GET /text: not sent, as the time of all requests was over" in said


@pytest.mark.parametrize("path", ["/breaks", "/ends-early"])
def test_a_server_that_breaks_off_is_not_asked_again(
    path: str, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failures(served, capsys, request(path))
    assert f"GET {path}: the connection broke before the answer was whole: " in said
    assert len(served.seen) == 1


def test_repeating_finds_a_server_that_answers_right_at_times(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([plan(request("/flaps", repeat=2)), served.url]) == 0
    served.seen.clear()
    said = failures(served, capsys, request("/flaps", repeat=10))
    assert "requests[0] GET /flaps (3 of 10): status 500, expected 200" in said
    assert len(served.seen) == 3


def test_a_server_that_comes_late_is_waited_for() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()

    def start() -> None:
        time.sleep(0.7)
        server = _Server(port)
        server.handle_request()
        server.server_close()

    threading.Thread(target=start, daemon=True).start()
    assert main([plan(request()), f"http://127.0.0.1:{port}"]) == 0


def test_several_servers_are_asked_the_same_and_told_apart(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    other = Served()
    try:
        asked = plan(request("/text"), request("/fails", expect={"status": 500}))
        assert main([asked, served.url, other.url]) == 0
        assert [len(each.seen) for each in (served, other)] == [2, 2]
        assert main([plan(request("/text"), request("/fails")), served.url, other.url]) == 1
    finally:
        other.close()
    first, *failed = capsys.readouterr().out.splitlines()[-3:]
    assert first == "2 of 4 requests failed"
    for url, line in zip((served.url, other.url), failed, strict=True):
        assert line.startswith(f"{url} requests[1] GET /fails: status 500, expected 200")


def test_a_server_that_never_comes_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_requests, "CONNECT_SECONDS", 1)
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    assert main([plan(request(), request("/text")), f"http://127.0.0.1:{port}"]) == 1
    said = capsys.readouterr().out
    assert f"requests[0] GET /predict: no connection to 127.0.0.1:{port} in 0.5 s: [Errno 111]" in said


def test_headers_name_secrets_that_no_argument_has(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEY", "s3cret\n")
    assert main([plan(request(headers={"authorization": "Bearer $(KEY)", "x": "$KEY $(1)"})), served.url]) == 0
    headers = served.seen[0][2]
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["x"] == "$KEY $(1)"
    assert "s3cret" not in capsys.readouterr().out


def test_what_is_said_last_fits_into_what_kubernetes_keeps(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    many = [request("/fails", expect={"contains": "x" * 300}) for _ in range(50)]
    said = failures(served, capsys, *many)
    assert len(said.encode()) <= 2048
    assert said.splitlines()[0] == "50 of 50 requests failed"
    assert said.endswith("…\n")


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", {"a/b": [1, {"~": None}]}), ("/a~1b/0", 1), ("/a~1b/1/~0", None)],
)
def test_pointers_lead_as_rfc_6901_says(pointer: str, value: object) -> None:
    assert resolve({"a/b": [1, {"~": None}]}, pointer) == value


@pytest.mark.parametrize("pointer", ["/a", "/a~1b/2", "/a~1b/-", "/a~1b/01", "/a~1b/-1", "/a~1b/0/x"])
def test_pointers_that_lead_nowhere(pointer: str) -> None:
    with pytest.raises(LookupError):
        resolve({"a/b": [1, {"~": None}]}, pointer)


@pytest.mark.parametrize(
    ("word", "value", "found", "holds"),
    [
        ("equals", 7, 7.0, True),
        ("equals", 1, True, False),
        ("equals", True, True, True),
        ("equals", {"a": [1]}, {"a": [1.0]}, True),
        ("equals", {"a": [1]}, {"a": [True]}, False),
        ("equals", [1, 2], [1], False),
        ("contains", "ar", "Paris", True),
        ("contains", 1, [True], False),
        ("contains", {"a": 1}, [{"a": 1}], True),
        ("contains", "a", {"a": 1}, False),
        ("at_least", 0.9, 0.9, True),
        ("at_least", 0.9, 0.89, False),
        ("at_least", 0, True, False),
        ("at_most", 1, "0", False),
        ("at_most", 1, 1, True),
    ],
)
def test_values_are_compared_as_json_has_them(word: str, value: object, found: object, holds: bool) -> None:
    expect = request(expect={"json": {"/x": {word: value}}})["expect"]
    assert (unexpected(expect, Answer(200, json.dumps({"x": found}), 0.1)) == []) is holds


def test_it_runs_where_modelyard_is_not(served: Served) -> None:
    program = inspect.getsource(verify_requests)
    ast.parse(program, feature_version=(3, 9))
    ok = [sys.executable, "-I", "-c", program, plan(request()), served.url]
    assert subprocess.run(ok, capture_output=True, text=True, timeout=30, check=False).returncode == 0
    fails = [*ok[:-2], plan(request("/fails")), served.url]
    failed = subprocess.run(fails, capture_output=True, text=True, timeout=30, check=False)
    assert failed.returncode == 1
    assert failed.stdout.startswith("1 of 1 requests failed\nrequests[0] GET /fails: status 500, expected 200; ")
    assert failed.stderr == ""


@pytest.mark.parametrize("python", ["python3.9", "python3.13"])
def test_it_runs_on_other_versions_of_python(python: str, served: Served) -> None:
    found = shutil.which(python)
    if not found or subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"no {python} here")
    program = [found, "-I", "-c", inspect.getsource(verify_requests)]
    hangs = [*program, plan(request("/hangs"), timeout_seconds=1), served.url]
    done = subprocess.run(hangs, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "no whole answer in 1." in done.stdout
    well = [*program, plan(request()), served.url]
    assert subprocess.run(well, capture_output=True, check=False).returncode == 0


def test_kubernetes_finds_no_variable_in_the_program() -> None:
    program = inspect.getsource(verify_requests)
    assert "$(" not in program
    assert "$$" not in program
