"""The machines and nodes of node pools.

Sizes are per zone or in all, as the program says; `size` among a record's notes is how many nodes there are in all.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tools.offline.cloud import nodes
from tools.offline.cloud.node_groups import NodeGroups
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.accelerators import (
    GPU_TAINT,
    TPU_TAINT,
    devices_of,
    given_accelerator,
    labels_of_accelerator,
    labels_of_division,
    networks_of,
    slice_nodes,
)
from tools.offline.gcp.ids import last_of, path_of
from tools.offline.gcp.kinds_container import CLUSTER, NODE_POOL
from tools.offline.gcp.machines import accelerator_of, machine_of
from tools.offline.gcp.node_labels import BUILD_LABEL, CLUSTER_LABEL, POOL_LABEL
from tools.offline.gcp.places import default_zones, region_of

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_BACK = {value: key for key, value in _EFFECTS.items()}
_MADE_OF = (
    "machineType",
    "imageType",
    "diskType",
    "diskSizeGb",
    "gcfsConfig",
    "workloadMetadataConfig",
    "gvnic",
    "tags",
)
"""What of a node's configuration cannot change while it runs; labels and taints can."""
_ARM_TAINT = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}
_MOST = 1000


def zones_of(account: Account, record: Record) -> list[str]:
    """The zones that a pool's nodes are in."""
    own = as_list(record.inputs.get("nodeLocations"))
    if own:
        return own
    cluster = POOLS.cluster_of(account, record)
    if cluster is None:
        return default_zones(record.outputs["location"])
    return as_list(cluster.inputs.get("nodeLocations")) or default_zones(cluster.outputs["location"])


def size_limits(account: Account, record: Record) -> tuple[int, int]:
    """How many nodes a pool may have in all."""
    scaling = as_map(record.inputs.get("autoscaling"))
    if not scaling:
        return 0, _MOST
    if scaling.get("totalMaxNodeCount") is not None:
        return int(scaling.get("totalMinNodeCount") or 0), int(scaling["totalMaxNodeCount"])
    zones = len(zones_of(account, record))
    return int(scaling.get("minNodeCount") or 0) * zones, int(scaling.get("maxNodeCount") or 0) * zones


def effective_taints(record: Record) -> list[Json]:
    """The taints of a pool's nodes, as the API tells them: the program's, and those that GKE adds."""
    return [{**each, "effect": _BACK[each["effect"]]} for each in _taints(record)]


def is_tainted_by_gke(account: Account, record: Record) -> bool:
    """Whether GKE taints the nodes of a new pool for their GPUs: where the cluster has other nodes at that time.

    https://cloud.google.com/kubernetes-engine/docs/how-to/gpus#create
    """
    cluster = POOLS.cluster_of(account, record)
    if cluster is None or not _has_gpus(as_map(record.inputs.get("nodeConfig"))):
        return False
    default = bool(cluster.inputs.get("initialNodeCount")) and not cluster.inputs.get("removeDefaultNodePool")
    others = [each for each in account.of(NODE_POOL) if POOLS.cluster_of(account, each) is cluster]
    plain = [each for each in others if not _has_gpus(as_map(each.inputs.get("nodeConfig")))]
    return default or any(each.key != record.key for each in plain)


def _taints(record: Record) -> list[Json]:
    config = as_map(record.inputs.get("nodeConfig"))
    found = [
        {"key": each["key"], "value": each.get("value", ""), "effect": _EFFECTS[each["effect"]]}
        for each in map(as_map, as_list(config.get("taints")))
    ]
    keys = {each["key"] for each in found}
    machine = str(config.get("machineType") or "e2-medium")
    if record.notes.get("is_tainted") and GPU_TAINT["key"] not in keys:
        found.append(GPU_TAINT)
    fixed = accelerator_of(machine)
    if fixed is not None and fixed.is_tpu and TPU_TAINT["key"] not in keys:
        found.append(TPU_TAINT)
    behavior = as_map(config.get("taintConfig")).get("architectureTaintBehavior")
    if machine_of(machine).architecture == "arm64" and behavior != "NONE" and _ARM_TAINT["key"] not in keys:
        found.append(_ARM_TAINT)
    return found


def _has_gpus(config: Json) -> bool:
    fixed = accelerator_of(str(config.get("machineType")))
    return bool(given_accelerator(config)) or (fixed is not None and not fixed.is_tpu)


class NodePools(NodeGroups):
    """GKE's node pools."""

    token = NODE_POOL
    cluster_token = CLUSTER

    def cluster_of(self, account: Account, record: Record) -> Record | None:
        path = path_of(record.inputs["cluster"])
        name, location = last_of(path), record.outputs.get("location")
        named = [each for each in account.of(CLUSTER) if last_of(each.id) == name and path in (name, each.id)]
        return next((each for each in named if each.outputs["location"] == location), named[0] if named else None)

    def selector(self, record: Record) -> Mapping[str, str]:
        return {CLUSTER_LABEL: last_of(record.inputs["cluster"]), POOL_LABEL: record.get("name")}

    def node_of(self, session: Session, account: Account, record: Record, index: int) -> nodes.Node:
        config = as_map(record.inputs.get("nodeConfig"))
        machine = machine_of(str(config.get("machineType") or "e2-medium"))
        zones = zones_of(account, record)
        labels = {
            **self.selector(record),
            BUILD_LABEL: _build(record, config),
            **_labels_by_gke(record, config),
            **as_map(config.get("labels")),
        }
        return nodes.Node(
            zone=zones[index % len(zones)],
            region=region_of(zones[0]),
            machine=machine,
            labels=labels,
            taints=_taints(record),
            resources=nodes.resources_of(session, machine, labels, devices_of(config)),
            claimed=networks_of(machine, labels),
        )

    def desired(self, record: Record) -> int:
        return int(record.notes.get("size", 0))

    def scales(self, record: Record) -> bool:
        return bool(record.inputs.get("autoscaling"))

    def starts_for(self, pod: Json, record: Record) -> bool:
        """Pods make no nodes of queued pools: a ProvisioningRequest does, whose pods name it."""
        if not as_map(record.inputs.get("queuedProvisioning")).get("enabled"):
            return True
        annotations = as_map(as_map(pod.get("metadata")).get("annotations"))
        return any(key.endswith("/consume-provisioning-request") for key in annotations)

    def grown_by(self, record: Record) -> int:
        """A TPU slice comes as a whole."""
        topology = as_map(record.inputs.get("placementPolicy")).get("tpuTopology")
        machine = str(as_map(record.inputs.get("nodeConfig")).get("machineType"))
        return slice_nodes(machine, topology) if topology else 1

    def grow(self, record: Record) -> bool:
        scaling = as_map(record.inputs.get("autoscaling"))
        most = scaling.get("totalMaxNodeCount")
        if most is None:
            most = int(scaling.get("maxNodeCount") or 0) * len(record.get("nodeLocations") or [""])
        if self.desired(record) + self.grown_by(record) > int(most):
            return False
        record.notes["size"] = self.desired(record) + self.grown_by(record)
        return True


POOLS = NodePools()


def _labels_by_gke(record: Record, config: Json) -> dict[str, str]:
    machine = str(config.get("machineType") or "e2-medium")
    fixed, given = accelerator_of(machine), given_accelerator(config)
    topology = str(as_map(record.inputs.get("placementPolicy")).get("tpuTopology") or "")
    found: dict[str, str] = {
        "cloud.google.com/machine-family": machine.partition("-")[0],
        "cloud.google.com/gke-boot-disk": str(config.get("diskType") or "pd-balanced"),
        "cloud.google.com/gke-os-distribution": str(config.get("imageType") or "COS").partition("_")[0].lower(),
    }
    if fixed is not None:
        found |= labels_of_accelerator(fixed, topology)
    elif given:
        found["cloud.google.com/gke-accelerator"] = given["type"]
    flags: dict[str, Any] = {
        "cloud.google.com/gke-spot": config.get("spot"),
        "cloud.google.com/gke-flex-start": config.get("flexStart"),
        "cloud.google.com/gke-queued": as_map(record.inputs.get("queuedProvisioning")).get("enabled"),
    }
    return found | labels_of_division(config) | {key: "true" for key, value in flags.items() if value}


def _build(record: Record, config: Json) -> str:
    """What nodes are made of: where it changes, they are made anew."""
    parts: list[Any] = [record.outputs.get("version"), {key: config.get(key) for key in _MADE_OF}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
