"""Pools that GKE makes node pools for by itself (node auto-provisioning), as plain values.

A pool that begins with no nodes is a ComputeClass: pods choose it by its name, and GKE makes node pools for those that
wait, and removes them once they are empty. A pool that always has nodes is a node pool as with the cluster autoscaler,
as one that GKE makes has no least size. Limits of the whole cluster hold what `max_nodes` promises: a ComputeClass has
none of its own. Sources: https://cloud.google.com/kubernetes-engine/docs/reference/crds/computeclass,
https://cloud.google.com/kubernetes-engine/docs/concepts/node-auto-provisioning and
https://github.com/google/skills/tree/main/skills/cloud/gke-compute-classes for the taints of nodes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.cluster.gke.nodes import (
    Reservation,
    disk_gib,
    disk_type,
    gke_settings,
    local_disks,
    machine_type,
    node_labels,
    reservation_of,
)
from modelyard.cluster.gke.placement import zones_of_pool
from modelyard.cluster.gke.provisioned import added_taints, is_provisioned
from modelyard.cluster.gke.spec import GkeBootDiskSpec
from modelyard.cluster.pools import Pool
from modelyard.gpu.machine_types import machine_types
from modelyard.operators.definition import Kind

COMPUTE_CLASS = Kind(
    group="cloud.google.com", version="v1", kind="ComputeClass", plural="computeclasses", namespaced=False
)
_IDLE_MINUTES = 10
"""How long an empty node stays: as long as with the cluster autoscaler. One with accelerators takes minutes to come."""
_TPU_LABEL = "cloud.google.com/gke-tpu-accelerator"
_TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"


def compute_class(
    pool: Pool,
    *,
    zones: Sequence[str],
    project: str,
    service_account: Any,
    disk_key: str | None,
    image_streaming: bool,
    boot_disks: Sequence[GkeBootDiskSpec] = (),
) -> dict[str, Any]:
    """The `spec` of a pool's ComputeClass.

    Its machine types are tried in their order, and pods wait where there is none of them, rather than to run on others.

    Args:
        pool: the pool.
        zones: the cluster's.
        project: the cluster's.
        service_account: that nodes run as.
        disk_key: the key of disks; None is Google's own.
        image_streaming: whether containers start before all of their image is there.
        boot_disks: further disks of its nodes.
    """
    shared = _shared(pool, zones, disk_key, boot_disks, project)
    return {
        "nodePoolAutoCreation": {"enabled": True},
        "nodePoolConfig": {
            "imageType": "cos_containerd",
            "ipType": "private",
            "serviceAccount": service_account,
            "autoUpgrade": True,
            "autoRepair": pool.spec.capacity != "flex_start",
            "imageStreaming": {"enabled": image_streaming},
            "nodeLabels": node_labels(pool),
            **_taints(pool),
        },
        "priorities": [{"machineType": name, **shared} for name in (machine_type(pool), *pool.spec.machine_types)],
        "autoscalingPolicy": {"consolidationDelayMinutes": _IDLE_MINUTES},
        "whenUnsatisfiable": "DoNotScaleUp",
    }


def resource_limits(pools: Mapping[str, Pool]) -> dict[str, int]:
    """How much the nodes of all pools may have together, by kind of resource: vCPUs, memory in GB, and each type of
    accelerator.

    https://cloud.google.com/kubernetes-engine/docs/how-to/node-auto-provisioning#resource_limits
    """
    limits = {"cpu": 0.0, "memory": 0.0}
    for pool in pools.values():
        others = [machine_types()[name] for name in pool.spec.machine_types if name in machine_types()]
        limits["cpu"] += pool.max_nodes * max([pool.cpus, *(each.vcpus for each in others)])
        limits["memory"] += pool.max_nodes * max([pool.memory_gib, *(each.memory_gib for each in others)])
        accelerator = _accelerator_type(pool)
        if accelerator:
            limits[accelerator] = limits.get(accelerator, 0) + pool.max_nodes * pool.gpus_per_node
    return {name: math.ceil(amount) for name, amount in limits.items()}


def provisioned(pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """Those that are ComputeClasses."""
    return {name: pool for name, pool in pools.items() if is_provisioned(pool.spec)}


def _accelerator_type(pool: Pool) -> str | None:
    """GKE's name for its accelerators. That of TPUs is the value of the label that pods choose them by."""
    return gke_settings(pool).accelerator_type or (pool.gpu.pod_node_labels.get(_TPU_LABEL) if pool.gpu else None)


def _taints(pool: Pool) -> dict[str, list[dict[str, str]]]:
    """Taints but those that GKE sets by itself, which it refuses or sets twice."""
    own = {taint.key for taint in added_taints(pool.name, pool.spec, "node_auto_provisioning")}
    if pool.gpu:
        own.add(pool.gpu.taint_key)
    found = [
        {"key": taint.key, "effect": taint.effect, **({"value": taint.value} if taint.value else {})}
        for taint in pool.taints
        if taint.key not in own
    ]
    return {"taints": found} if found else {}


def _shared(
    pool: Pool, zones: Sequence[str], disk_key: str | None, boot_disks: Sequence[GkeBootDiskSpec], project: str
) -> dict[str, Any]:
    """What holds for each of its machine types."""
    found: dict[str, Any] = {**_accelerators(pool), "storage": _storage(pool, disk_key, boot_disks, project)}
    chosen = list(zones_of_pool(pool, zones))
    reservation = reservation_of(pool)
    if reservation:
        # Zones stand with the reservation, and nowhere else beside it.
        found["reservations"] = {"affinity": "Specific", "specific": [_specific(reservation, chosen)]}
        return found
    found["location"] = {"zones": chosen}
    if pool.spec.capacity == "spot":
        found["spot"] = True
    if pool.spec.capacity == "flex_start":
        found["flexStart"] = {"enabled": True}
    return found


def _accelerators(pool: Pool) -> dict[str, Any]:
    settings = gke_settings(pool)
    if not pool.gpu:
        return {}
    if settings.accelerator_type is None:
        topology = pool.gpu.pod_node_labels.get(_TOPOLOGY_LABEL)
        tpu = {"type": _accelerator_type(pool), "count": pool.gpus_per_node}
        return {"tpu": {**tpu, "topology": topology} if topology else tpu}
    return {
        "gpu": {
            "type": settings.accelerator_type,
            "count": settings.accelerator_count,
            "driverVersion": settings.driver_version,
        }
    }


def _storage(pool: Pool, disk_key: str | None, boot_disks: Sequence[GkeBootDiskSpec], project: str) -> dict[str, Any]:
    found: dict[str, Any] = {"bootDiskType": disk_type(pool), "bootDiskSize": disk_gib(pool)}
    if disk_key is not None:
        found["bootDiskKMSKey"] = disk_key
    if local_disks(pool):
        found["localSSDCount"] = local_disks(pool)
    if boot_disks:
        found["secondaryBootDisks"] = [_secondary(each, project) for each in boot_disks]
    return found


def _secondary(disk: GkeBootDiskSpec, project: str) -> dict[str, str]:
    owner = disk.image.split("/")[1] if disk.image.startswith("projects/") else project
    mode = {"mode": "CONTAINER_IMAGE_CACHE"} if disk.holds == "container_images" else {}
    return {"diskImageName": disk.image.rpartition("/")[2], "project": owner, **mode}


def _specific(reservation: Reservation, zones: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": reservation.name, "zones": zones}
    if reservation.project:
        found["project"] = reservation.project
    if reservation.block:
        found["reservationBlock"] = {"name": reservation.block}
    return found
