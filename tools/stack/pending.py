"""Creates that a killed engine had begun: objects of ours that exist are taken over, the rest is begun anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.cluster.local import lifecycle
from modelyard.kube.labels import STACK
from modelyard.kube.names import stack_label_value
from tools.stack.api import connected

LOCAL_CLUSTER = "pulumi-python:dynamic/modelyard:LocalCluster"


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
        metadata: Mapping[str, Any] = self.inputs.get("metadata") or {}
        if "name" not in metadata or not {"apiVersion", "kind"} <= self.inputs.keys():
            return None
        return "/".join(metadata[key] for key in ("namespace", "name") if metadata.get(key))


def pending_creates(deployment: Mapping[str, Any]) -> list[PendingCreate]:
    """Return the creates that were under way when the engine ended."""
    operations: list[dict[str, Any]] = deployment.get("pending_operations") or []
    resources: list[dict[str, Any]] = [each["resource"] for each in operations if each["type"] == "creating"]
    return [
        PendingCreate(urn=each["urn"], inputs=each.get("inputs") or {}, provider=each.get("provider", ""))
        for each in resources
    ]


def settle(deployment: Mapping[str, Any], found: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the state with the creates in `found`, URN to id, taken as done, and the others as never begun.

    What is taken over has no outputs yet: a refresh reads them. (`pulumi refresh --import-pending-creates` is meant for
    this, but Pulumi 3.259 only drops the operation.)
    """
    operations: list[dict[str, Any]] = deployment.get("pending_operations") or []
    begun: list[dict[str, Any]] = [each["resource"] for each in operations if each["type"] == "creating"]
    taken = [{**each, "id": found[each["urn"]]} for each in begun if each["urn"] in found]
    # Last, as resources stand after those that they depend on, and no two of these were waiting for each other.
    return {**deployment, "resources": [*deployment["resources"], *taken], "pending_operations": []}


def existing_objects(deployment: Mapping[str, Any], project: str, stack: str) -> dict[str, str]:
    """
    Return URN and id of the pending creates whose object is there and carries this stack's label.

    Starts the stack's local cluster if it is dead, as its API server knows. `deployment` holds secrets in clear text.
    """
    listed: list[dict[str, Any]] = deployment.get("resources") or []
    resources = {each["urn"]: each for each in listed}
    for each in listed:
        if each["type"] == LOCAL_CLUSTER and lifecycle.exists(each["id"]):
            lifecycle.start(each["id"])
    label = stack_label_value(project, stack.rsplit("/", 1)[-1])
    found: dict[str, str] = {}
    for create in pending_creates(deployment):
        provider = resources.get(create.provider.rsplit("::", 1)[0], {})
        if create.object_id is not None and _stack_of(create, provider) == label:
            found[create.urn] = create.object_id
    return found


def _stack_of(create: PendingCreate, provider: Mapping[str, Any]) -> str | None:
    """Return the stack label of the object that a pending create names; None where there is no object, or no label."""
    inputs: Mapping[str, Any] = provider.get("inputs") or {}
    if not inputs.get("kubeconfig"):
        return None
    with connected(_plain(inputs["kubeconfig"])) as api:
        found: Mapping[str, Any] = api.find(create.inputs) or {"metadata": {}}
    labels: Mapping[str, str] = found["metadata"].get("labels") or {}
    return labels.get(STACK)


def _plain(value: Any) -> str:
    """Return a value that was exported with its secrets shown: they stay wrapped, in JSON."""
    return value if isinstance(value, str) else json.loads(value["plaintext"])
