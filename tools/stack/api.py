"""The cluster's API through the official client, whose own types are incomplete: answers are plain JSON here."""

import importlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
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

    def labelled(self, selector: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of every kind that carry a label."""
        for kind in self._kinds.search(preferred=True):
            if {"list", "delete"} <= set(kind.verbs or ()) and not kind.kind.endswith("List"):
                listed = kind.get(label_selector=selector, _request_timeout=REQUEST_SECONDS).to_dict()
                yield from ({"apiVersion": kind.group_version, "kind": kind.kind, **each} for each in listed["items"])

    def find(self, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the object of the same kind, namespace and name; None where the cluster does not have it."""
        with suppress(*self._not_found):
            kind, metadata = self._kind_of(wanted), wanted["metadata"]
            found = kind.get(metadata["name"], metadata.get("namespace"), _request_timeout=REQUEST_SECONDS)
            return found.to_dict()
        return None

    def delete(self, unwanted: Mapping[str, Any]) -> None:
        """Begin to delete an object, and what depends on it."""
        with suppress(*self._not_found):
            metadata = unwanted["metadata"]
            self._kind_of(unwanted).delete(
                metadata["name"], metadata.get("namespace"), body={"propagationPolicy": "Foreground"}
            )

    def post(self, namespace: str, service: str, path: str, body: object) -> tuple[int, str]:
        """Send JSON to the port `http` of a Service, through the API server; return the status and the answer.

        The status is 0 where there was no connection, and the answer why.
        https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
        """
        url = f"{self._client.configuration.host}/api/v1/namespaces/{namespace}/services/{service}:http/proxy{path}"
        exceptions: Any = importlib.import_module("urllib3.exceptions")
        try:
            answer = self._client.call_api(
                "POST",
                url,
                header_params={"Content-Type": "application/json"},
                body=body,
                _request_timeout=REQUEST_SECONDS,
            )
        except (exceptions.HTTPError, OSError) as error:
            return 0, str(error)
        return answer.status, answer.read().decode(errors="replace").strip()

    def _kind_of(self, wanted: Mapping[str, Any]) -> Any:
        return self._kinds.get(api_version=wanted["apiVersion"], kind=wanted["kind"])

    @cached_property
    def _kinds(self) -> Any:
        dynamic: Any = importlib.import_module("kubernetes.dynamic")
        return dynamic.DynamicClient(self._client).resources

    @cached_property
    def _not_found(self) -> tuple[type[Exception], ...]:
        exceptions: Any = importlib.import_module("kubernetes.dynamic.exceptions")
        return exceptions.NotFoundError, exceptions.ResourceNotFoundError


@contextmanager
def connected(kubeconfig: str) -> Generator[Api]:
    """Connect to the cluster of a kubeconfig, given as text."""
    config: Any = importlib.import_module("kubernetes.config")
    with config.new_client_from_config_dict(yaml.safe_load(kubeconfig)) as client:
        yield Api(client)
