"""The cluster's API as the local cluster's own code uses it, through the official client, imported on first use."""

import base64
import importlib
import os
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from modelyard.cluster.local.folder import LocalClusterError

_READY_POLL_SECONDS = 0.1
_READY_REQUEST_SECONDS = 5
_CONFLICT = 409


_importing = threading.Lock()


def _package() -> Any:
    """The client package, complete.

    It imports its parts when they are first used. Two threads that come to it at once, as the engine's requests do, end
    in each other's import locks, so that one of them loads all that is used here.
    """
    with _importing:
        client: Any = importlib.import_module("kubernetes.client")
        _ = client.ApiClient, client.ApiException, client.Configuration, client.CoreV1Api, client.StorageV1Api
    return client


@contextmanager
def connected(kubeconfig: Path) -> Generator[Any]:
    """The client package's `ApiClient` for the cluster that the file describes; nothing is asked of it yet.

    The file is read here, as the client package would leave the key in a temporary file whenever its process is killed.
    """
    client = _package()
    document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    settings = client.Configuration()
    settings.host = cluster["server"]
    settings.retries = False
    settings.proxy = None  # the cluster is on this machine
    settings.ssl_ca_cert = _file(kubeconfig, "ca.crt", cluster["certificate-authority-data"])
    settings.cert_file = _file(kubeconfig, "client.crt", user["client-certificate-data"])
    settings.key_file = _file(kubeconfig, "client.key", user["client-key-data"])
    with client.ApiClient(settings) as api:
        yield api


def _file(kubeconfig: Path, name: str, encoded: str) -> str:
    """A file beside the kubeconfig, in the cluster's folder, with what the kubeconfig holds: TLS needs files."""
    file = kubeconfig.with_name(name)
    if not file.exists():
        draft = file.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}")
        draft.touch(mode=0o600)
        draft.write_bytes(base64.b64decode(encoded))
        draft.replace(file)
    return str(file)


@contextmanager
def core_api(kubeconfig: Path) -> Generator[Any]:
    """`CoreV1Api` of the cluster that the file describes. Bodies are plain mappings."""
    client = _package()
    with connected(kubeconfig) as api:
        yield client.CoreV1Api(api)


def api_status(error: Exception) -> int | None:
    """The HTTP status where the API server refused a request, otherwise None."""
    client = _package()
    refused: type[Exception] = client.ApiException
    return getattr(error, "status", None) if isinstance(error, refused) else None


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
    exceptions: Any = importlib.import_module("urllib3.exceptions")
    with connected(kubeconfig) as api:
        try:
            path = f"{api.configuration.host}/readyz"
            answer = api.call_api("GET", path, header_params={}, _request_timeout=_READY_REQUEST_SECONDS)
        except (exceptions.HTTPError, OSError) as error:
            return str(error)
        return answer.read().decode(errors="replace")


def make_default_storage_class(kubeconfig: Path, name: str, provisioner: str, binding_mode: str) -> None:
    """Make the StorageClass of claims that name none, unless it exists.

    Args:
        kubeconfig: how to reach the cluster.
        name: the class's name.
        provisioner: what makes its volumes.
        binding_mode: `Immediate` or `WaitForFirstConsumer`.
    """
    client = _package()
    body: Mapping[str, object] = {
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": binding_mode,
    }
    with connected(kubeconfig) as api:
        try:
            client.StorageV1Api(api).create_storage_class(body)
        except client.ApiException as error:
            if error.status != _CONFLICT:
                raise
