"""Creates that a killed engine had begun: objects of ours that exist are taken over, the rest is begun anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config_dict
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from urllib3.exceptions import HTTPError

from modelyard.cluster.local import lifecycle
from modelyard.kube.labels import STACK
from modelyard.kube.names import stack_label_value

_LOCAL_CLUSTER = "pulumi-python:dynamic/modelyard:LocalCluster"


@dataclass(frozen=True, kw_only=True)
class PendingCreate:
    """A create of which the state does not know whether it happened."""

    urn: str
    inputs: Mapping[str, Any]
    provider: str
    """URN and id of its provider."""

    @property
    def object_id(self) -> str | None:
        """The id that the kubernetes provider would give the object; None for what is no named object."""
        metadata = self.inputs.get("metadata") or {}
        name = metadata.get("name")
        if not name or not {"apiVersion", "kind"} <= self.inputs.keys():
            return None
        namespace = metadata.get("namespace")
        return f"{namespace}/{name}" if namespace else str(name)


def pending_creates(deployment: Mapping[str, Any]) -> list[PendingCreate]:
    """Return the creates that were under way when the engine ended."""
    return [
        PendingCreate(
            urn=operation["resource"]["urn"],
            inputs=operation["resource"].get("inputs") or {},
            provider=operation["resource"].get("provider", ""),
        )
        for operation in deployment.get("pending_operations") or []
        if operation["type"] == "creating"
    ]


def to_import(deployment: Mapping[str, Any], project: str, stack: str) -> list[tuple[str, str]]:
    """
    Return URN and id of the pending creates whose object is there and carries this stack's label.

    Starts the stack's local cluster if it is dead, as its API server knows. `deployment` holds secrets in clear text.
    """
    resources = {resource["urn"]: resource for resource in deployment.get("resources") or []}
    _start_local_clusters(resources.values())
    label = stack_label_value(project, stack)
    found: list[tuple[str, str]] = []
    for create in pending_creates(deployment):
        provider = resources.get(create.provider.rsplit("::", 1)[0])
        object_id = create.object_id
        if provider is not None and object_id is not None and _stack_of(create, provider) == label:
            found.append((create.urn, object_id))
    return found


def _start_local_clusters(resources: Iterable[Mapping[str, Any]]) -> None:
    for resource in resources:
        if resource["type"] == _LOCAL_CLUSTER and lifecycle.exists(resource["id"]):
            lifecycle.start(resource["id"])


def _stack_of(create: PendingCreate, provider: Mapping[str, Any]) -> str | None:
    """Return the stack label of the object that a pending create names; None where there is no object, or no label."""
    kubeconfig = (provider.get("inputs") or {}).get("kubeconfig")
    if not kubeconfig:
        return None
    metadata = create.inputs["metadata"]
    with new_client_from_config_dict(yaml.safe_load(kubeconfig)) as api:
        try:
            kind = DynamicClient(api).resources.get(api_version=create.inputs["apiVersion"], kind=create.inputs["kind"])
            found = kind.get(name=metadata["name"], namespace=metadata.get("namespace"))
        except (ApiException, ResourceNotFoundError, HTTPError):
            return None
    return dict(found.metadata.labels or {}).get(STACK)
