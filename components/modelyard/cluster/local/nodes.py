"""The nodes of a pool on a local cluster: simulated ones are made and removed, a real one is labelled."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from modelyard.cluster.local.api import CONFLICT, NODES, NOT_FOUND, Api, ApiError, Json, connected
from modelyard.cluster.local.engines.base import FAKE_NODE, FAKE_NODE_ANNOTATION
from modelyard.cluster.local.folder import LocalClusterError
from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.cluster.spec import TaintSpec

SHARED_NODE_LABEL = "pool.modelyard.dev"
"""What the labels begin with by which pools choose a node that several of them share: `pool.modelyard.dev/NAME`."""
_PODS = "110"
"""Pods of a node: the kubelet's own limit. https://kubernetes.io/docs/setup/best-practices/cluster-large/"""
_DISK = "100Gi"
"""Ephemeral storage of a node: the least that the clouds' GPU images come with by default."""
_ARCHITECTURE_LABEL, _ARCHITECTURE = "kubernetes.io/arch", "amd64"
_READY_SECONDS = 60
_READY_POLL_SECONDS = 0.2

Taint = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PoolNodes:
    """The nodes that a pool is to have.

    Attributes:
        pool: the pool's name.
        count: how many; 1 for a real one.
        simulated: False labels the cluster's real node instead of making nodes.
        labels: labels that they carry.
        taints: taints of simulated nodes. A real node gets none: it is the only one where anything else can run.
        capacity: what a simulated node has.
        allocatable: what of it pods can have.
    """

    pool: str
    count: int
    simulated: bool
    labels: Mapping[str, str]
    taints: Sequence[Taint]
    capacity: Mapping[str, str]
    allocatable: Mapping[str, str]

    @classmethod
    def of(cls, pool: Pool, labels: Mapping[str, str]) -> Self:
        """The nodes of `pool` at its largest size, with `labels` beside the ones that each pool's nodes carry."""
        devices = _devices(pool)
        return cls(
            pool=pool.name,
            count=pool.max_nodes if not pool.runs_containers else 1,
            simulated=not pool.runs_containers,
            labels={**labels, **_labels(pool)},
            taints=[_taint(taint) for taint in pool.taints],
            capacity={**_size(pool.cpus, pool.memory_gib), **devices},
            allocatable={**_size(pool.allocatable_cpus, pool.allocatable_memory_gib), **devices},
        )

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Self:
        """From the properties of a resource, in which whole numbers come as floats."""
        values: dict[str, Any] = {key: inputs[key] for key in cls.__dataclass_fields__}
        values["count"] = int(values["count"])
        return cls(**values)

    def to_inputs(self) -> dict[str, Any]:
        """As properties of a resource."""
        return asdict(self)

    @property
    def names(self) -> list[str]:
        """The names of the simulated nodes."""
        return [f"{self.pool}-{index}" for index in range(self.count)] if self.simulated else []


def _labels(pool: Pool) -> dict[str, str]:
    if pool.runs_containers:
        return dict(pool.node_selector)
    machine = {"node.kubernetes.io/instance-type": pool.machine_type} if pool.machine_type else {}
    devices = dict(pool.gpu.node_labels) if pool.gpu else {}
    architecture = {_ARCHITECTURE_LABEL: pool.architecture} if pool.architecture != _ARCHITECTURE else {}
    return {POOL_LABEL: pool.name, **devices, **machine, **architecture}


def _devices(pool: Pool) -> dict[str, str]:
    """What a node has beside CPU and memory, as its device plugins would advertise it."""
    if not pool.gpu:
        return {}
    counts = {**pool.gpu.resources, **pool.gpu.fabric_resources}
    return {**{resource: str(count) for resource, count in counts.items()}, **pool.gpu.fabric_capacity}


def _taint(taint: TaintSpec) -> Taint:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


def _size(cpus: float, memory_gib: float) -> dict[str, str]:
    return {
        "cpu": f"{round(cpus * 1000)}m",
        "memory": f"{round(memory_gib * 1024)}Mi",
        "ephemeral-storage": _DISK,
        "pods": _PODS,
    }


def apply(kubeconfig: Path, wanted: PoolNodes, previous: PoolNodes | None = None) -> list[str]:
    """Make the pool's nodes as wanted: missing ones are made, changed ones changed in place, others of it removed.

    Args:
        kubeconfig: how to reach the cluster.
        wanted: what is to be.
        previous: what was made before, so that labels and taints of somebody else stay.

    Returns:
        The names of the pool's nodes.

    Raises:
        LocalClusterError: the nodes do not become ready.
    """
    with connected(kubeconfig) as api:
        if not wanted.simulated:
            return [_label_real(api, node, wanted.labels, previous) for node in _real_nodes(api)]
        existing = {node["metadata"]["name"]: node for node in _pool_nodes(api, wanted.pool)}
        for name in wanted.names:
            if name in existing:
                _change(api, existing[name], wanted, previous)
            else:
                _make(api, name, wanted)
        _remove(api, sorted(set(existing) - set(wanted.names)))
        _wait_ready(api, wanted)
        return wanted.names


def remove(kubeconfig: Path, nodes: PoolNodes) -> None:
    """Remove the pool's simulated nodes, or its labels from the real one."""
    with connected(kubeconfig) as api:
        if nodes.simulated:
            _remove(api, [node["metadata"]["name"] for node in _pool_nodes(api, nodes.pool)])
        else:
            for node in _real_nodes(api):
                _label_real(api, node, {}, nodes)


def present(kubeconfig: Path, nodes: PoolNodes) -> list[str]:
    """The names of the pool's nodes that the cluster has."""
    with connected(kubeconfig) as api:
        if nodes.simulated:
            return sorted(node["metadata"]["name"] for node in _pool_nodes(api, nodes.pool))
        real = _real_nodes(api)
        return [node["metadata"]["name"] for node in real if nodes.labels.items() <= _labels_of(node).items()]


def _labels_of(node: Json) -> Mapping[str, str]:
    return node["metadata"].get("labels", {})


def _pool_nodes(api: Api, pool: str) -> list[Json]:
    nodes = api.list_of(NODES, labelSelector=f"{POOL_LABEL}={pool}")
    return [node for node in nodes if _is_simulated(node)]


def _real_nodes(api: Api) -> list[Json]:
    return [node for node in api.list_of(NODES) if not _is_simulated(node)]


def _is_simulated(node: Json) -> bool:
    annotations: Mapping[str, str] = node["metadata"].get("annotations", {})
    return annotations.get(FAKE_NODE_ANNOTATION) == FAKE_NODE


def _make(api: Api, name: str, wanted: PoolNodes) -> None:
    system = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", _ARCHITECTURE_LABEL: _ARCHITECTURE}
    body = {
        "metadata": {
            "name": name,
            "labels": {**system, **wanted.labels},
            "annotations": {FAKE_NODE_ANNOTATION: FAKE_NODE},
        },
        "spec": {"taints": list(wanted.taints)},
        # kwok keeps the sizes that it finds.
        "status": {"capacity": dict(wanted.capacity), "allocatable": dict(wanted.allocatable)},
    }
    try:
        api.create(NODES, body)
    except ApiError as error:
        if error.status == CONFLICT:
            why = f"node {name} exists already and is not one of pool {wanted.pool}"
            raise LocalClusterError(f"{why}; rename the pool") from None
        raise


def _change(api: Api, node: Json, wanted: PoolNodes, previous: PoolNodes | None) -> None:
    name = node["metadata"]["name"]
    labels = _replaced(previous.labels if previous else {}, wanted.labels)
    ours = {(taint["key"], taint["effect"]) for taint in (*wanted.taints, *(previous.taints if previous else ()))}
    # The node controller marks nodes by taints too.
    foreign = [taint for taint in node["spec"].get("taints", ()) if (taint["key"], taint["effect"]) not in ours]
    patch = {"metadata": {"labels": labels}, "spec": {"taints": [*wanted.taints, *foreign]}}
    api.merge(f"{NODES}/{name}", patch)
    sizes = {
        "capacity": _replaced(node["status"].get("capacity", {}), wanted.capacity),
        "allocatable": _replaced(node["status"].get("allocatable", {}), wanted.allocatable),
    }
    api.merge(f"{NODES}/{name}/status", {"status": sizes})


def _label_real(api: Api, node: Json, labels: Mapping[str, str], previous: PoolNodes | None) -> str:
    changed = _replaced(previous.labels if previous else {}, labels)
    name: str = node["metadata"]["name"]
    api.merge(f"{NODES}/{name}", {"metadata": {"labels": changed}})
    return name


def _replaced(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """A merge patch that turns one mapping into the other: None removes a key."""
    return {**dict.fromkeys(before), **after}


def _remove(api: Api, names: Iterable[str]) -> None:
    for name in names:
        try:
            api.delete(f"{NODES}/{name}")
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise


def _wait_ready(api: Api, wanted: PoolNodes) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while waiting := [node["metadata"]["name"] for node in _pool_nodes(api, wanted.pool) if not _is_ready(node)]:
        if time.monotonic() > deadline:
            listed = ", ".join(waiting[:5])
            why = f"{len(waiting)} nodes of pool {wanted.pool} are not ready after {_READY_SECONDS} seconds ({listed})"
            raise LocalClusterError(f"{why}; see kwok's log in the cluster's folder")
        time.sleep(_READY_POLL_SECONDS)


def _is_ready(node: Json) -> bool:
    conditions: Iterable[Json] = node["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
