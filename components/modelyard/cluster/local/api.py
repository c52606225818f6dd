"""The cluster's API as the local cluster's own code uses it, through the official client, imported on first use."""

import importlib
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelyard.cluster.local.folder import LocalClusterError

_READY_POLL_SECONDS = 0.1
_READY_REQUEST_SECONDS = 5
_CONFLICT = 409


@contextmanager
def connected(kubeconfig: Path) -> Generator[Any]:
    """The client package's `ApiClient` for the cluster that the file describes; nothing is asked of it yet."""
    client: Any = importlib.import_module("kubernetes.client")
    config: Any = importlib.import_module("kubernetes.config")
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    settings.retries = False
    with client.ApiClient(settings) as api:
        yield api


@contextmanager
def core_api(kubeconfig: Path) -> Generator[Any]:
    """`CoreV1Api` of the cluster that the file describes. Bodies are plain mappings."""
    client: Any = importlib.import_module("kubernetes.client")
    with connected(kubeconfig) as api:
        yield client.CoreV1Api(api)


def api_status(error: Exception) -> int | None:
    """The HTTP status where the API server refused a request, otherwise None."""
    client: Any = importlib.import_module("kubernetes.client")
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
    client: Any = importlib.import_module("kubernetes.client")
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
