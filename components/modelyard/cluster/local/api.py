"""The cluster's API as the local cluster's own code uses it.

Over the standard library: to import the official client takes over a second, in each process that the engine starts for
the cluster or its nodes.
"""

import base64
import http.client
import json
import os
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from modelyard.cluster.local.folder import LocalClusterError

NODES = "/api/v1/nodes"
"""The path of the cluster's nodes."""
NOT_FOUND, CONFLICT = 404, 409
"""Of `ApiError.status`."""
UNREACHABLE = (OSError, http.client.HTTPException)
"""What is raised where no answer came."""
_STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_REQUEST_SECONDS = 60
_READY_POLL_SECONDS = 0.1
_READY_REQUEST_SECONDS = 5
_FIRST_ERROR = 400

Json = dict[str, Any]


class ApiError(LocalClusterError):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status; the message is for the user."""
        super().__init__(message)
        self.status = status


class Api:
    """One connection to an API server. Objects are plain JSON.

    Methods raise ApiError where the server refuses a request, and one of `UNREACHABLE` where no answer comes.
    """

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        """Use a connection, which opens with the first request."""
        self._connection = connection

    def list_of(self, path: str, **query: str) -> list[Json]:
        """The objects of a kind; `query` has selectors (`labelSelector`)."""
        return json.loads(self.read(f"{path}?{urlencode(query)}" if query else path))["items"]

    def create(self, path: str, body: Mapping[str, object]) -> None:
        """Make an object of the kind that is at a path."""
        self._request("POST", path, body, "application/json")

    def merge(self, path: str, patch: Mapping[str, object]) -> None:
        """Change an object by a merge patch (RFC 7386), in which None removes a key."""
        self._request("PATCH", path, patch, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Begin to delete an object."""
        self._request("DELETE", path)

    def read(self, path: str) -> str:
        """What is at a path, as text."""
        return self._request("GET", path)

    def _request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, content_type: str | None = None
    ) -> str:
        headers = {"Accept": "application/json"} | ({"Content-Type": content_type} if content_type else {})
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status >= _FIRST_ERROR:
            raise ApiError(answer.status, f"the API server refused {method} {path}: {answer.status} {_reason(text)}")
        return text


def _reason(text: str) -> str:
    """The message of a Kubernetes `Status`, or the text where it is none."""
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text


@contextmanager
def connected(kubeconfig: Path, request_seconds: float = _REQUEST_SECONDS) -> Generator[Api]:
    """The API of the cluster that the file describes; nothing is asked of it yet.

    Args:
        kubeconfig: an administrator's, of a cluster on this machine: no proxy is between.
        request_seconds: how long to wait for an answer.
    """
    document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]).decode())
    context.load_cert_chain(
        _file(kubeconfig, "client.crt", user["client-certificate-data"]),
        _file(kubeconfig, "client.key", user["client-key-data"]),
    )
    server = urlsplit(str(cluster["server"]))
    connection = http.client.HTTPSConnection(
        str(server.hostname), server.port, timeout=request_seconds, context=context
    )
    try:
        yield Api(connection)
    finally:
        connection.close()


def _decoded(data: str) -> bytes:
    return base64.b64decode(data)


def _file(kubeconfig: Path, name: str, encoded: str) -> str:
    """A file beside the kubeconfig, in the cluster's folder, with what the kubeconfig holds: TLS needs files."""
    file = kubeconfig.with_name(name)
    if not file.exists():
        draft = file.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}")
        draft.touch(mode=0o600)
        draft.write_bytes(_decoded(encoded))
        draft.replace(file)
    return str(file)


def wait_ready(kubeconfig: Path, timeout_seconds: int) -> None:
    """Wait until the API server says that it is ready.

    Raises:
        LocalClusterError: it did not within the time.
    """
    deadline = time.monotonic() + timeout_seconds
    while (answer := _readiness(kubeconfig)) != "ok":
        if time.monotonic() > deadline:
            raise LocalClusterError(f"the API server is not ready after {timeout_seconds} seconds: {answer}")
        time.sleep(_READY_POLL_SECONDS)


def _readiness(kubeconfig: Path) -> str:
    with connected(kubeconfig, _READY_REQUEST_SECONDS) as api:
        try:
            return api.read("/readyz")
        except (ApiError, *UNREACHABLE) as error:
            return str(error)


def make_default_storage_class(kubeconfig: Path, name: str, provisioner: str, binding_mode: str) -> None:
    """Make the StorageClass of claims that name none, unless it exists.

    Args:
        kubeconfig: how to reach the cluster.
        name: the class's name.
        provisioner: what makes its volumes.
        binding_mode: `Immediate` or `WaitForFirstConsumer`.
    """
    body: Mapping[str, object] = {
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": binding_mode,
    }
    with connected(kubeconfig) as api:
        try:
            api.create(_STORAGE_CLASSES, body)
        except ApiError as error:
            if error.status != CONFLICT:
                raise
