"""The nodes of a pool on a local cluster: simulated ones are made and removed, a real one is labelled."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from modelyard.cluster.local.api import api_status, core_api
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
_MERGE_PATCH = "application/merge-patch+json"
_READY_SECONDS = 60
_READY_POLL_SECONDS = 0.2
_NOT_FOUND, _CONFLICT = 404, 409

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
    with core_api(kubeconfig) as core:
        if not wanted.simulated:
            return [_label_real(core, node, wanted.labels, previous) for node in _real_nodes(core)]
        existing = {node.metadata.name: node for node in _pool_nodes(core, wanted.pool)}
        for name in wanted.names:
            if name in existing:
                _change(core, existing[name], wanted, previous)
            else:
                _make(core, name, wanted)
        _remove(core, sorted(set(existing) - set(wanted.names)))
        _wait_ready(core, wanted)
        return wanted.names


def remove(kubeconfig: Path, nodes: PoolNodes) -> None:
    """Remove the pool's simulated nodes, or its labels from the real one."""
    with core_api(kubeconfig) as core:
        if nodes.simulated:
            _remove(core, [node.metadata.name for node in _pool_nodes(core, nodes.pool)])
        else:
            for node in _real_nodes(core):
                _label_real(core, node, {}, nodes)


def present(kubeconfig: Path, nodes: PoolNodes) -> list[str]:
    """The names of the pool's nodes that the cluster has."""
    with core_api(kubeconfig) as core:
        if nodes.simulated:
            return sorted(node.metadata.name for node in _pool_nodes(core, nodes.pool))
        real = _real_nodes(core)
        return [node.metadata.name for node in real if nodes.labels.items() <= node.metadata.labels.items()]


def _pool_nodes(core: Any, pool: str) -> list[Any]:
    nodes = core.list_node(label_selector=f"{POOL_LABEL}={pool}").items
    return [node for node in nodes if _is_simulated(node)]


def _real_nodes(core: Any) -> list[Any]:
    return [node for node in core.list_node().items if not _is_simulated(node)]


def _is_simulated(node: Any) -> bool:
    annotations: Mapping[str, str] = node.metadata.annotations or {}
    return annotations.get(FAKE_NODE_ANNOTATION) == FAKE_NODE


def _make(core: Any, name: str, wanted: PoolNodes) -> None:
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
        core.create_node(body)
    except Exception as error:
        if api_status(error) == _CONFLICT:
            why = f"node {name} exists already and is not one of pool {wanted.pool}"
            raise LocalClusterError(f"{why}; rename the pool") from None
        raise


def _change(core: Any, node: Any, wanted: PoolNodes, previous: PoolNodes | None) -> None:
    name = node.metadata.name
    labels = _replaced(previous.labels if previous else {}, wanted.labels)
    ours = {(taint["key"], taint["effect"]) for taint in (*wanted.taints, *(previous.taints if previous else ()))}
    # The node controller marks nodes by taints too.
    foreign = [taint.to_dict() for taint in node.spec.taints or () if (taint.key, taint.effect) not in ours]
    patch = {"metadata": {"labels": labels}, "spec": {"taints": [*wanted.taints, *foreign]}}
    core.patch_node(name, patch, _content_type=_MERGE_PATCH)
    sizes = {
        "capacity": _replaced(node.status.capacity or {}, wanted.capacity),
        "allocatable": _replaced(node.status.allocatable or {}, wanted.allocatable),
    }
    core.patch_node_status(name, {"status": sizes}, _content_type=_MERGE_PATCH)


def _label_real(core: Any, node: Any, labels: Mapping[str, str], previous: PoolNodes | None) -> str:
    changed = _replaced(previous.labels if previous else {}, labels)
    core.patch_node(node.metadata.name, {"metadata": {"labels": changed}}, _content_type=_MERGE_PATCH)
    return node.metadata.name


def _replaced(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """A merge patch that turns one mapping into the other: None removes a key."""
    return {**dict.fromkeys(before), **after}


def _remove(core: Any, names: Iterable[str]) -> None:
    for name in names:
        try:
            core.delete_node(name)
        except Exception as error:
            if api_status(error) != _NOT_FOUND:
                raise


def _wait_ready(core: Any, wanted: PoolNodes) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while waiting := [node.metadata.name for node in _pool_nodes(core, wanted.pool) if not _is_ready(node)]:
        if time.monotonic() > deadline:
            listed = ", ".join(waiting[:5])
            why = f"{len(waiting)} nodes of pool {wanted.pool} are not ready after {_READY_SECONDS} seconds ({listed})"
            raise LocalClusterError(f"{why}; see kwok's log in the cluster's folder")
        time.sleep(_READY_POLL_SECONDS)


def _is_ready(node: Any) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions or ())
