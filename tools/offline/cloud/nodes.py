"""Nodes on the API server: kwok plays them, as they carry its annotation."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.offline.cloud import claims
from tools.offline.cloud.cluster_api import client, manager_of
from tools.offline.cloud.machines import Machine
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError

POOL_LABEL = "modelyard.dev/pool"
_FAKE = {"kwok.x-k8s.io/node": "fake"}
_PODS = 110
_RESERVED_CPUS, _RESERVED_MEMORY_PERCENT = 0.2, 8
_NOT_FOUND = 404
_DRAIN_SECONDS, _DRAIN_POLL_SECONDS = 10.0, 0.1


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node that is to be. Its labels are those that every node has, and these."""

    zone: str
    region: str
    machine: Machine
    labels: Mapping[str, str]
    taints: Sequence[Json]
    resources: Mapping[str, str]
    """What it offers beside CPU and memory."""
    claimed: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many devices it has that pods claim, by their class."""


def make(session: Session, node: Node) -> str:
    """Make a node, unless clusters here have no API server; its name."""
    api = client(session)
    name, provider_id = session.cloud.node_identity(node.zone, node.region)
    if api is not None:
        made = api.create(_body(name, provider_id, node), manager=manager_of(session)).body
        claims.tell(session, api, made, node.claimed)
    return name


def labels_of(name: str, node: Node) -> dict[str, str]:
    """The labels of a node of this name."""
    return {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": node.machine.architecture,
        "node.kubernetes.io/instance-type": node.machine.name,
        "topology.kubernetes.io/zone": node.zone,
        "topology.kubernetes.io/region": node.region,
        **node.labels,
    }


def allocatable(node: Node) -> Json:
    """What pods can have of a node."""
    memory_gib = node.machine.memory_gib * (100 - _RESERVED_MEMORY_PERCENT) / 100
    return _size(node, node.machine.cpus - _RESERVED_CPUS, memory_gib)


def _body(name: str, provider_id: str, node: Node) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": _FAKE, "labels": labels_of(name, node)},
        "spec": {"providerID": provider_id, "taints": list(node.taints)},
        "status": {
            "capacity": _size(node, node.machine.cpus, node.machine.memory_gib),
            "allocatable": allocatable(node),
        },
    }


def _size(node: Node, cpus: float, memory_gib: float) -> Json:
    return {
        "cpu": f"{math.floor(cpus * 1000)}m",
        "memory": f"{math.floor(memory_gib * 1024)}Mi",
        "ephemeral-storage": "100Gi",
        "pods": str(_PODS),
        **node.resources,
    }


def resources_of(
    session: Session, machine: Machine, labels: Mapping[str, str], told: Mapping[str, str]
) -> dict[str, str]:
    """What a node advertises beside CPU and memory.

    The test may say it, by the node's pool, in `devices.json` of the world; else it is the machine's whole devices and
    RDMA devices, with what the program tells of a pool's nodes (`told`).
    """
    path = session.world.folder / "devices.json"
    given = as_map(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
    if labels.get(POOL_LABEL) in given:
        return {key: str(value) for key, value in as_map(given[labels[POOL_LABEL]]).items()}
    rdma = session.cloud.rdma_resource
    fabric = {rdma: str(machine.rdma_devices)} if rdma and machine.rdma_devices else {}
    whole = {key: str(value) for key, value in machine.devices.items()}
    return {key: value for key, value in {**whole, **fabric, **told}.items() if value != "0"}


def of(session: Session, labels: Mapping[str, str]) -> list[Json]:
    """The nodes with labels."""
    api = client(session)
    if api is None:
        return []
    return api.list_objects("v1", "Node", selector=",".join(f"{key}={value}" for key, value in labels.items()))


def remove(session: Session, labels: Mapping[str, str], count: int | None = None) -> None:
    """Remove the nodes with labels, or so many of them, emptiest first."""
    api = client(session)
    if api is None:
        return
    found = of(session, labels)
    if count is not None and count < len(found):
        busy = _busy(api)
        found = sorted(found, key=lambda node: busy.get(node["metadata"]["name"], 0))[:count]
    for node in found:
        drop(session, api, node["metadata"]["name"])


def drop(session: Session, api: Client, name: str) -> None:
    """Drain a node and remove it."""
    try:
        _drain(api, name, manager_of(session))
        api.delete(_head(name), propagation="Background")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise


def _drain(api: Client, name: str, manager: str) -> None:
    """Let the node's pods end, as long as they take no longer than a while.

    By a taint, so that Kubernetes notes on them that they were disrupted, as it does of an eviction.
    """
    drained = {"key": f"{manager}/drained", "effect": "NoExecute"}
    taints = [*as_list(as_map(api.get(_head(name)).get("spec")).get("taints")), drained]
    api.json_patch(_head(name), [{"op": "add", "path": "/spec/taints", "value": taints}])
    end = time.monotonic() + _DRAIN_SECONDS
    while _pods_on(api, name) and time.monotonic() < end:
        time.sleep(_DRAIN_POLL_SECONDS)


def _head(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def _pods_on(api: Client, name: str) -> list[Json]:
    pods = api.list_objects("v1", "Pod", everywhere=True)
    return [pod for pod in pods if as_map(pod.get("spec")).get("nodeName") == name]


def _busy(api: Client) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pod in api.list_objects("v1", "Pod", everywhere=True):
        name = as_map(pod.get("spec")).get("nodeName")
        if name and not _is_of_daemon_set(pod):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _is_of_daemon_set(pod: Json) -> bool:
    owners: list[Any] = as_list(as_map(pod.get("metadata")).get("ownerReferences"))
    return any(as_map(owner).get("kind") == "DaemonSet" for owner in owners)
