"""Requests to a local cluster's API server, and its refusals."""

import http.client
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from modelyard.cluster.local.api import CONFLICT, NODES, UNREACHABLE, Api, ApiError
from modelyard.cluster.local.folder import LocalClusterError

NODE = {"metadata": {"name": "l4-0"}}


class _Server(BaseHTTPRequestHandler):
    """Knows one node, and notes what it is asked."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, str | None, Any]]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.asked.append((self.command, self.path, self.headers["Content-Type"], body))
        taken = self.command == "POST"
        broken = self.path == "/broken"
        content: Any = {"items": [NODE]} if self.command == "GET" else NODE
        refusal = {"kind": "Status", "message": 'nodes "l4-0" already exists'}
        text = b"no Status" if broken else json.dumps(refusal if taken else content).encode()
        self.send_response(500 if broken else CONFLICT if taken else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the library names them

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library names it
        """Print nothing."""


@pytest.fixture
def asked() -> list[tuple[str, str, str | None, Any]]:
    return []


@pytest.fixture
def api(asked: list[tuple[str, str, str | None, Any]]) -> Iterator[Api]:
    with HTTPServer(("127.0.0.1", 0), type("Server", (_Server,), {"asked": asked})) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        try:
            yield Api(connection)
        finally:
            connection.close()
            server.shutdown()


def test_objects_are_listed_by_their_labels(api: Api, asked: list[Any]) -> None:
    assert api.list_of(NODES, labelSelector="modelyard.dev/pool=l4") == [NODE]
    assert api.list_of(NODES) == [NODE]
    paths = [path for _, path, *_ in asked]
    assert paths == ["/api/v1/nodes?labelSelector=modelyard.dev%2Fpool%3Dl4", "/api/v1/nodes"]


def test_a_merge_patch_keeps_the_keys_that_it_removes(api: Api, asked: list[Any]) -> None:
    api.merge(f"{NODES}/l4-0", {"metadata": {"labels": {"zone": None}}})
    api.delete(f"{NODES}/l4-0")
    assert asked == [
        ("PATCH", "/api/v1/nodes/l4-0", "application/merge-patch+json", {"metadata": {"labels": {"zone": None}}}),
        ("DELETE", "/api/v1/nodes/l4-0", None, None),
    ]


def test_a_refusal_says_what_the_server_said(api: Api) -> None:
    with pytest.raises(ApiError) as refused:
        api.create(NODES, NODE)
    assert refused.value.status == CONFLICT
    assert str(refused.value) == 'the API server refused POST /api/v1/nodes: 409 nodes "l4-0" already exists'
    assert isinstance(refused.value, LocalClusterError)


def test_a_refusal_that_is_no_kubernetes_status_is_shown_as_it_is(api: Api) -> None:
    with pytest.raises(ApiError, match="500 no Status"):
        api.read("/broken")


def test_a_server_that_is_not_there_is_told_from_one_that_refuses() -> None:
    with HTTPServer(("127.0.0.1", 0), _Server) as server:
        port = server.server_port
    with pytest.raises(UNREACHABLE):
        Api(http.client.HTTPConnection("127.0.0.1", port, timeout=10)).read("/readyz")
