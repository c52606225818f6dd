"""The cluster's API through the official client, whose own types are incomplete: answers are plain JSON here."""

import importlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

REQUEST_SECONDS = 20
"""Longest wait for one answer."""


class Api:
    """One cluster."""

    def __init__(self, client: Any) -> None:
        """Use an `ApiClient`."""
        self._client = client
        self._serialize = client.sanitize_for_serialization

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of `nodes` or `pods`, in all namespaces."""
        core: Any = importlib.import_module("kubernetes.client").CoreV1Api(self._client)
        listing = {"nodes": core.list_node, "pods": core.list_pod_for_all_namespaces}[kind]
        return self._serialize(listing(_request_timeout=REQUEST_SECONDS).items)

    def find(self, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the object of the same kind, namespace and name; None where the cluster does not have it."""
        dynamic: Any = importlib.import_module("kubernetes.dynamic")
        exceptions: Any = importlib.import_module("kubernetes.dynamic.exceptions")
        metadata = wanted["metadata"]
        try:
            kind = dynamic.DynamicClient(self._client).resources.get(
                api_version=wanted["apiVersion"], kind=wanted["kind"]
            )
            found = kind.get(metadata["name"], metadata.get("namespace"), _request_timeout=REQUEST_SECONDS)
        except (exceptions.NotFoundError, exceptions.ResourceNotFoundError):
            return None
        return found.to_dict()


@contextmanager
def connected(kubeconfig: str) -> Generator[Api]:
    """Connect to the cluster of a kubeconfig, given as text."""
    config: Any = importlib.import_module("kubernetes.config")
    with config.new_client_from_config_dict(yaml.safe_load(kubeconfig)) as client:
        yield Api(client)
